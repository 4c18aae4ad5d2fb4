"""Door for files of one's own: what a schedule derives from (book, page "Your own schedule")."""

from sharp.cycles.schedule import (
    Batch,
    Intergate,
    Interleaved,
    Schedule,
    Sequential,
    Unfolded,
    find_schedule,
)
from sharp.machine.plan import SCHEDULES

__all__ = ["SCHEDULES", "Batch", "Intergate", "Interleaved", "Schedule", "Sequential", "Unfolded", "find_schedule"]
