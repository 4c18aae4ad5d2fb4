"""Worked examples, with the numbers computed by hand, and counter-examples to what sounds true and is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sharp.cycles.counting import CycleCounts, count_cycles
from sharp.machine.accelerator import Accelerator, with_settings
from sharp.machine.files import accelerator_from
from sharp.machine.plan import Plan
from sharp.shipped import DATA
from sharp.workload.network import RNNLayer
from sharp.workload.sequences import Sequences
from sharp.yamlfile import read_yaml

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


@dataclass(frozen=True, kw_only=True)
class CounterExample:
    """A statement "the first is never slower than the second", and a case in which it is."""

    statement: str
    first_cycles: int
    second_cycles: int
    slack: int
    """Cycles by which the statement lets the first be slower."""


def counter_examples() -> list[CounterExample]:
    """The cases of ``sharp/data/counterexamples.yaml``, counted."""
    content = read_yaml(DATA / "counterexamples.yaml")
    accelerator = accelerator_from(content["accelerator"])
    return [
        CounterExample(
            statement=entry["statement"],
            first_cycles=sum(_cycles(run, accelerator) for run in entry["first"]),
            second_cycles=sum(_cycles(run, accelerator) for run in entry["second"]),
            slack=entry["slack"],
        )
        for entry in content["statements"]
    ]


def _cycles(run: Mapping[str, Any], accelerator: Accelerator) -> int:
    machine = with_settings(accelerator, run.get("machine", {}))
    plan = Plan(**run["plan"])
    return count_cycles(RNNLayer(**run["layer"]), Sequences.of(run["lengths"]), machine, plan).total_cycles
