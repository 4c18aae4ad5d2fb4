"""Regenerate totals.json: cycles of the four networks by schedule and budget (python tests/golden/regenerate.py)."""

import json
from pathlib import Path

from sharp import SCHEDULES, find_accelerator, find_network, simulate


def totals() -> dict[str, int]:
    """Total cycles by "network/budget/schedule"."""
    accelerator = find_accelerator("sharp")
    return {
        f"{name}/{macs}/{schedule}": simulate(
            find_network(name), accelerator.with_macs(macs), schedule=schedule
        ).counts.total_cycles
        for name in ("eesen", "gmat", "bysdne", "rldradspr")
        for macs in ("1K", "4K", "16K", "64K", "96K")
        for schedule in SCHEDULES
    }


if __name__ == "__main__":
    path = Path(__file__).with_name("totals.json")
    path.write_text(json.dumps(totals(), indent=1) + "\n")
