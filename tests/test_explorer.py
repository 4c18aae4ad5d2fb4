"""The explorer page: its model in JavaScript against the library, its data against the YAML files.

The page itself is tested in tests/browser.
"""

import dataclasses
import json
import random
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from sharp import (
    SCHEDULES,
    Accelerator,
    MemoryLevel,
    Network,
    Plan,
    RNNLayer,
    SharpError,
    find_accelerator,
    make_timeline,
    simulate,
)
from sharp.artifact.plotting import AHEAD_COLOR, SPLIT_COLORS, SPLIT_LABELS, UNIT_COLORS
from sharp.machine.accelerator import LATENCIES

BOOK = Path(__file__).parents[1] / "book"
EXPLORER = BOOK / "_static" / "explorer"
find_accelerator = cache(find_accelerator)  # reading YAML takes longer than most runs
MACHINES = ("sharp", "epur", "epur-intergate")
CELLS = ("lstm", "gru", "gru-reset-before", "rnn")
MACS = ("1K", "4K", "16K", "64K", "96K")
RANDOM_SETTINGS = 3000
MAX_EVENTS = 400
"""Longest timeline that is compared, event by event."""
PARTS = ("total_cycles", "useful", "column_padding", "row_padding", "dependency_stall", "fill_drain")
FITS = ("fits_weight_buffer", "unfolded_cells", "buffer_limits_unfolding", "fits_intermediate_buffer")
DRIVER = """
const model = require(process.argv[1]);
const settings = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = settings.map(({machine, macs, max_events, ...setting}) => {
  try {
    const used = macs ? model.machineOf(machine, macs) : machine;
    const result = model.explore(used, setting);
    if (result.refused) return result;
    const timeline = model.makeTimeline(used, setting, result.tile_rows);
    return timeline.events.length > max_events ? result : {...result, timeline};
  } catch (error) {
    if (error instanceof model.Refused) return {refused: error.message};
    throw error;
  }
});
process.stdout.write(JSON.stringify(answers));
"""


# The data ------------------------------------------------------------------------------------------------------------


def machine_numbers(accelerator: Accelerator) -> dict[str, object]:
    """A machine as the page's model takes it, with its latencies in cycles at each clock that it may have."""
    budgets = {
        label: {"num_macs": each.num_macs, "clock_hz": int(each.clock_hz)}
        for label, each in accelerator.budgets.items()
    }
    clocks = sorted({int(accelerator.clock_hz), *(each["clock_hz"] for each in budgets.values())})
    return {
        "num_macs": accelerator.num_macs,
        "clock_hz": int(accelerator.clock_hz),
        "tile_rows": list(accelerator.tile_rows),
        "activation_lanes": accelerator.activation_lanes,
        "rows_per_update_lane": accelerator.rows_per_update_lane,
        "intermediate_words": accelerator.intermediate_buffer.capacity_bytes // accelerator.partial_sum_bytes,
        "weight_bytes": accelerator.weight_bytes,
        "weight_buffer_bytes": accelerator.weight_buffer.capacity_bytes,
        "cycles": {str(clock): cycles_at(accelerator, clock) for clock in clocks},
        "budgets": budgets,
        "plan": {
            "schedule": accelerator.plan.schedule_name,
            "reconfiguration": accelerator.plan.reconfiguration,
        },
    }


def cycles_at(accelerator: Accelerator, clock_hz: float) -> dict[str, int]:
    """Its latencies in whole cycles at a clock, and how many levels of the tree share one."""
    clocked = dataclasses.replace(accelerator, clock_hz=clock_hz)
    latencies = {name.removesuffix("_ns"): clocked.cycles(name) for name in LATENCIES}
    return {**latencies, "levels_per_cycle": clocked.levels_per_cycle}


def data_script() -> str:
    """The text of data.js."""
    data = {
        "machines": {name: machine_numbers(find_accelerator(name)) for name in MACHINES},
        "split_colors": {part: color for part, color in SPLIT_COLORS.items() if part != "weight_load"},
        "split_labels": {part: label for part, label in SPLIT_LABELS.items() if part != "weight_load"},
        "unit_colors": {**UNIT_COLORS, "ahead": AHEAD_COLOR},
    }
    return (
        "// Generated from sharp/data/accelerators and sharp/artifact/plotting.py: `python tests/test_explorer.py`.\n"
        f"globalThis.SharpData = {json.dumps(data, indent=2)};\n"
        'if (typeof module !== "undefined") module.exports = globalThis.SharpData;\n'
    )


def test_the_page_has_the_numbers_of_the_yaml_files():
    assert (EXPLORER / "data.js").read_text() == data_script(), "run python tests/test_explorer.py"


# The model -----------------------------------------------------------------------------------------------------------


def node() -> str:
    """A JavaScript engine: playwright's own."""
    driver = pytest.importorskip("playwright._impl._driver")
    return driver.compute_driver_executable()[0]


def ask(settings: list[dict]) -> list[dict]:
    """What the page's model says of some settings."""
    command = [node(), "-e", DRIVER, str(EXPLORER / "model.js")]
    outcome = subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


@dataclasses.dataclass(frozen=True)
class Case:
    """A setting of the page: a machine, a layer, how it runs."""

    accelerator: Accelerator | str
    macs: str | None = None
    cell: str = "lstm"
    input_size: int = 64
    hidden_size: int = 64
    bidirectional: bool = False
    seq_len: int = 25
    batch_size: int = 1
    schedule: str = "unfolded"
    reconfiguration: bool = True
    tile_rows: int | str = "best"

    def asked(self) -> dict[str, object]:
        """As JSON for the page's model: a shipped machine by its data, another one as it is."""
        if isinstance(self.accelerator, str):
            machine = machine_numbers(find_accelerator(self.accelerator))
        else:
            machine = machine_numbers(self.accelerator)
            machine["cycles"] = cycles_at(self.accelerator, self.accelerator.clock_hz)
        setting = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)[1:]}
        return {**setting, "machine": machine, "max_events": MAX_EVENTS}

    def expected(self, *, with_timeline: bool) -> dict[str, object]:
        """What the library says, keys as in the page's model."""
        accelerator = self.accelerator
        if isinstance(accelerator, str):
            accelerator = find_accelerator(accelerator).with_macs(self.macs)
        layer = RNNLayer(
            cell=self.cell.removesuffix("-reset-before"),
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            bidirectional=self.bidirectional,
            linear_before_reset=self.cell != "gru-reset-before",
        )
        network = Network(name="page", layers=(layer,), seq_len=self.seq_len, batch_size=self.batch_size)
        plan = Plan(schedule=self.schedule, tile_rows=self.tile_rows, reconfiguration=self.reconfiguration)
        report = simulate(network, accelerator, plan)
        (entry,) = report.layers
        assert entry.counts.weight_load == 0
        expected = {
            **{part: getattr(entry.counts, part) for part in PARTS},
            **{name: getattr(entry, name) for name in FITS},
            "tile_rows": entry.tile_rows,
            "latency_s": report.latency_s,
            "utilization": entry.counts.utilization,
            "split": {part: value for part, value in entry.counts.split.items() if part != "weight_load"},
        }
        if with_timeline:
            timeline = make_timeline(layer, network.sequences, accelerator, plan.at(entry.tile_rows)).as_dict()
            expected["timeline"] = {key: timeline[key] for key in ("h_out", "events")}
        return expected

    def expected_or_refused(self, *, with_timeline: bool) -> dict[str, object] | None:
        """The same, or None where the library refuses the case."""
        try:
            return self.expected(with_timeline=with_timeline)
        except SharpError:
            return None


def agree(cases: list[Case]) -> list[dict]:
    """Compare every case; returns the answers that were not refused by both."""
    answers = ask([case.asked() for case in cases])
    for case, answer in zip(cases, answers, strict=True):
        expected = case.expected_or_refused(with_timeline="timeline" in answer)
        if expected is None:
            assert re.fullmatch(r"[A-Z0-9][^\n]*\.", answer.get("refused", "")), (case, answer)
        else:
            assert {key: answer.get(key) for key in expected} == expected, case
    return [answer for answer in answers if "refused" not in answer]


def size(rng: random.Random, greatest: int) -> int:
    """Half of them small, where blocks do not fill a tile."""
    return rng.randint(1, rng.choice([128, greatest]))


def random_case(rng: random.Random) -> Case:
    """A setting of the page; now and then one that has to be refused."""
    machine = rng.choice(MACHINES)
    step = max(find_accelerator(machine).tile_rows)
    number = step * rng.randint(1, 400) + (rng.random() < 0.1)
    heights = find_accelerator(machine).tile_rows
    return Case(
        accelerator=machine,
        macs=rng.choice([*MACS, str(number)]),
        cell=rng.choice(CELLS),
        input_size=size(rng, 2048),
        hidden_size=size(rng, 2048),
        bidirectional=rng.random() < 0.3,
        seq_len=size(rng, 300),
        batch_size=rng.choice([1, 1, rng.randint(1, 6)]),
        schedule=rng.choice(list(SCHEDULES)),
        reconfiguration=rng.random() < 0.5,
        tile_rows=rng.choice(["best", rng.choice(heights), rng.choice(heights), rng.choice([1, *heights])]),
    )


def random_machine(rng: random.Random) -> Accelerator:
    """SHARP with other tiles, lanes, latencies and buffer: small tiles that a cell's gates may not fit, too."""
    tile_rows = sorted(rng.sample([1, 2, 4, 8, 16, 32, 64, 128], rng.randint(1, 4)))
    latencies = {name: rng.uniform(0.5, rng.choice([6, 60])) for name in LATENCIES}
    return dataclasses.replace(
        find_accelerator("sharp"),
        num_macs=tile_rows[-1] * rng.randint(1, 500),
        tile_rows=tuple(tile_rows),
        clock_hz=rng.choice([20_000_000, 100_000_000, 700_000_000]),
        activation_lanes=rng.randint(1, 100),
        rows_per_update_lane=rng.randint(1, 9),
        chained_levels=rng.choice([1, 2, 64]),
        intermediate_buffer=MemoryLevel(capacity_bytes=rng.randint(1, 6000)),
        budgets={},
        **latencies,
    )


def test_the_page_agrees_with_the_library_on_random_settings():
    rng = random.Random(1)
    cases = [random_case(rng) for _ in range(RANDOM_SETTINGS)]
    answers = agree(cases)
    assert len(answers) > 0.7 * len(cases)
    assert len({answer["tile_rows"] for answer in answers}) == 4
    assert sum("timeline" in answer for answer in answers) > 0.4 * len(answers)


def test_the_page_agrees_on_other_machines():
    rng = random.Random(2)
    cases = []
    for _ in range(RANDOM_SETTINGS // 5):
        machine = random_machine(rng)
        heights = [rng.choice(machine.tile_rows), "best"]
        small = {"input_size": rng.randint(1, 300), "hidden_size": rng.randint(1, 300), "seq_len": rng.randint(1, 60)}
        case = random_case(rng)
        cases.append(dataclasses.replace(case, accelerator=machine, macs=None, tile_rows=rng.choice(heights), **small))
    assert len(agree(cases)) > 0.6 * len(cases)


EDGES = [
    {"input_size": 1, "hidden_size": 1, "seq_len": 1},
    {"input_size": 1, "hidden_size": 1, "seq_len": 2},
    {"input_size": 5, "hidden_size": 1, "seq_len": 2},
    {"input_size": 2048, "hidden_size": 1, "seq_len": 300},
    {"input_size": 1, "hidden_size": 2048, "seq_len": 3},
    {"input_size": 340, "hidden_size": 340, "seq_len": 300, "bidirectional": True},
    {"input_size": 64, "hidden_size": 64, "seq_len": 25, "batch_size": 4, "bidirectional": True},
    {"input_size": 4096, "hidden_size": 4096, "seq_len": 2000},
    {"input_size": 4096, "hidden_size": 4096, "seq_len": 2, "batch_size": 16, "bidirectional": True},
]


@pytest.mark.parametrize("macs", ["1K", "64K", "96K"])
def test_the_page_agrees_at_the_edges(macs):
    cases = [
        Case(accelerator=machine, macs=macs, cell=cell, schedule=schedule, **edge)
        for machine in MACHINES
        for cell in CELLS
        for schedule in SCHEDULES
        for edge in EDGES
    ]
    agree(cases)


def test_every_height_has_the_library_s_cycles():
    case = Case(accelerator="sharp", macs="16K", input_size=340, hidden_size=340)
    (answer,) = ask([case.asked()])
    for candidate in answer["candidates"]:
        one = dataclasses.replace(case, tile_rows=candidate["tile_rows"]).expected(with_timeline=False)
        assert candidate["total_cycles"] == one["total_cycles"]
        assert candidate["split"] == one["split"]
    assert answer["best_tile_rows"] == case.expected(with_timeline=True)["tile_rows"]


if __name__ == "__main__":
    (EXPLORER / "data.js").write_text(data_script())
