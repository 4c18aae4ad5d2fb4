"""Worked examples: cases small enough to check on paper, with the numbers computed by hand."""

from __future__ import annotations

from dataclasses import dataclass

from sharp.accelerator import Accelerator
from sharp.cycles import CycleCounts, count_cycles
from sharp.io import DATA, accelerator_from, read_yaml
from sharp.plan import Plan
from sharp.workload import RNNLayer

_COUNTS = ("total_cycles", "useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")


@dataclass(frozen=True, kw_only=True)
class WorkedExample:
    """A layer, how it is run, and the counts found by hand."""

    name: str
    accelerator: Accelerator
    layer: RNNLayer
    seq_len: int
    plan: Plan
    by_hand: CycleCounts
    """What the rules give on paper."""

    def count(self) -> CycleCounts:
        """What the model gives."""
        return count_cycles(self.layer, self.seq_len, self.accelerator, self.plan)


def worked_examples() -> list[WorkedExample]:
    """The examples of ``sharp/data/worked_examples.yaml``."""
    content = read_yaml(DATA / "worked_examples.yaml")
    accelerator = accelerator_from(content["accelerator"])
    return [
        WorkedExample(
            name=entry["name"],
            accelerator=accelerator,
            layer=RNNLayer(input_size=entry["input_size"], hidden_size=entry["hidden_size"]),
            seq_len=entry["seq_len"],
            plan=Plan(
                schedule=entry["schedule"], tile_rows=entry["tile_rows"], reconfiguration=entry["reconfiguration"]
            ),
            by_hand=CycleCounts(num_macs=accelerator.num_macs, **{name: entry.get(name, 0) for name in _COUNTS}),
        )
        for entry in content["examples"]
    ]
