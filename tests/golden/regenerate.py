"""Regenerate totals.json: total cycles by network, budget and plan (python tests/golden/regenerate.py)."""

import json
from pathlib import Path

from sharp import SCHEDULES, Plan, find_accelerator, find_network, simulate

NETWORKS = ("eesen", "gmat", "bysdne", "rldradspr")
MACS = ("1K", "4K", "16K", "64K", "96K")
# Wider than the intermediate buffer, a projection, GRU, batches.
OTHERS = (
    "deepbench-lstm-h2048-t25",
    "rldradspr-original",
    "deepbench-gru-h512-t1",
    "deepbench-gru-h2048-t375",
    "deepbench-lstm-h512-t25-b4",
)
PLANS = {
    **{name: Plan(schedule=name) for name in SCHEDULES},
    "unfolded, tilewise": Plan(forwarding="tilewise"),
    "unfolded, streamed": Plan(weights="streamed"),
}


def totals() -> dict[str, int]:
    """Total cycles by "network/budget/plan"."""
    accelerator = find_accelerator("sharp")
    return {
        f"{name}/{macs}/{plan}": simulate(
            find_network(name), accelerator.with_macs(macs), PLANS[plan]
        ).counts.total_cycles
        for names, budgets in ((NETWORKS, MACS), (OTHERS, ("4K", "64K")))
        for name in names
        for macs in budgets
        for plan in PLANS
    }


if __name__ == "__main__":
    path = Path(__file__).with_name("totals.json")
    path.write_text(json.dumps(totals(), indent=1) + "\n")
