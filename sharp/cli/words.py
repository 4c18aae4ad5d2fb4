"""Limits of designs, and by how much they are missed, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sharp.cli.console import duration

if TYPE_CHECKING:
    from sharp.design.goal import Goal

NAMES = {"latency_s": "the deadline", "power_w": "the power", "area_mm2": "the area"}
"""Limits as sentences call them."""


def goal_text(goal: Goal) -> str:
    """The limits of a goal in words, "" where there are none."""
    limits = [] if goal.deadline_s is None else [f"within {duration(goal.deadline_s)}"]
    limits += [f"at most {limit:g} {unit}" for limit, unit in ((goal.power_w, "W"), (goal.area_mm2, "mm2")) if limit]
    return ", ".join(limits)


def missed_text(excess: Mapping[str, float]) -> str:
    """By how many times limits are missed, in words."""
    return ", ".join(f"{NAMES[name]} {ratio:.3g} times" for name, ratio in excess.items())
