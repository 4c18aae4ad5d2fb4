"""Intel's NPU as a machine: the RTL's cycles by the command, rounds of six, what it has no program for."""

import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples

from sharp import Network, Plan, RNNLayer, SpecificationError
from sharp.cycles.counting import SPLIT
from sharp.rivals.machines import find_machine, run_on, shipped_rivals
from sharp.rivals.npu.events import run_program
from sharp.rivals.npu.laws import CELLS
from sharp.rivals.npu.machine import IN_FLIGHT, Npu
from sharp.rivals.npu.measured import published_runs, rtl_runs, rtl_traces
from sharp.shipped import DATA
from sharp.workload.single import single_layer

MACHINE = find_machine("npu")
LAYERS = {
    "lstm": RNNLayer(input_size=512, hidden_size=512),
    "gru": RNNLayer(cell="gru", input_size=512, hidden_size=512, linear_before_reset=False),
    "rnn": RNNLayer(cell="rnn", input_size=512, hidden_size=512),
}


def cycles(layer, steps=8, batch=6, machine=MACHINE):
    return machine.run(single_layer(layer, steps, batch)).counts.total_cycles


# The machine ---------------------------------------------------------------------------------------------------------


def test_it_is_the_machine_of_the_public_rtl():
    assert (MACHINE.tiles, MACHINE.lanes, MACHINE.clock_hz) == (7, 40, 300e6)
    assert MACHINE.num_macs == 2 * 3 * 7 * 40 * 40
    assert set(MACHINE.provenance) == set(Npu.settings)
    assert shipped_rivals()["npu"] == MACHINE


@pytest.mark.parametrize("row", [row for row in rtl_runs() if row.cell in CELLS][::23], ids=lambda row: row.cell)
def test_the_command_gives_the_cycles_of_the_rtl(command, row):
    options = {"--cell": row.cell, "--input": row.input_size, "--hidden": row.hidden_size, "--steps": row.seq_len}
    arguments = [str(entry) for option in options.items() for entry in option]
    arguments += ["--reset-before"] * (row.cell == "gru")
    arguments += ["--batch", "6", "--set", f"tiles={row.shape.tiles}", "--set", f"lanes={row.shape.lanes}"]
    outcome = command("run", "--accelerator", "npu", *arguments, "--json")
    assert json.loads(outcome.out)["total_cycles"] == row.cycles


def test_a_file_of_its_kind_is_another_machine(tmp_path):
    content = yaml.safe_load((DATA / "rivals" / "npu.yaml").read_text()) | {"tiles": 4, "lanes": 20}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(content))
    machine = find_machine(str(path))
    assert machine == Npu(name="small", tiles=4, lanes=20, clock_hz=300e6)
    row = next(row for row in rtl_runs() if row.shape == machine.shape and row.cell == "lstm")
    layer = RNNLayer(input_size=row.input_size, hidden_size=row.hidden_size)
    assert cycles(layer, row.seq_len, 6, machine) == row.cycles


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tiles": 0}, "tiles: expected a positive integer, got 0"),
        ({"lanes": 25}, "lanes: expected a multiple of 10, at least 20, got 25"),
        ({"lane": 20}, r"expected tiles, lanes, clock_hz, got 'lane' \(did you mean 'lanes'\?\)"),
        ({"clock_hz": -1}, "clock_hz: expected a positive number, got -1"),
    ],
)
def test_settings_that_make_no_machine_are_refused(settings, sentence):
    with pytest.raises(SpecificationError, match=sentence):
        MACHINE.with_settings(settings)


# Rounds, layers, directions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_six_sequences_are_in_flight(layer):
    assert IN_FLIGHT == 6
    assert len({cycles(layer, batch=batch) for batch in range(1, 7)}) == 1
    assert cycles(layer, batch=7) == cycles(layer, batch=12) == 2 * cycles(layer)


def test_a_round_takes_as_long_as_its_longest_sequence():
    network = single_layer(LAYERS["lstm"], 8).with_lengths([3, 8, 8, 2, 8, 3, 1])
    assert MACHINE.run(network).counts.total_cycles == cycles(LAYERS["lstm"], 8) + cycles(LAYERS["lstm"], 1)
    assert MACHINE.run(network).counts.useful == network.num_macs


def test_layers_and_directions_run_one_after_the_other():
    wide = RNNLayer(input_size=512, hidden_size=512, bidirectional=True)
    above = RNNLayer(input_size=1024, hidden_size=512)
    report = MACHINE.run(Network(name="two", layers=(wide, above), seq_len=8, batch_size=6))
    assert [entry.counts.total_cycles for entry in report.layers] == [2 * cycles(LAYERS["lstm"]), 4897]  # npu_rtl.csv


def test_a_batch_takes_no_longer_to_count_for_its_size():
    assert cycles(LAYERS["lstm"], 10**9, 6 * 10**6) == 10**6 * cycles(LAYERS["lstm"], 10**9)


def test_notes_say_how_it_is_counted():
    def notes(batch, **settings):
        return " ".join(run_on(MACHINE.with_settings(settings), single_layer(LAYERS["lstm"], 2, batch)).warnings)

    assert "transcribes" in notes(6)
    assert "in flight" not in notes(12)
    assert "a batch of 1 takes one round, with 1 of 6 places in use" in notes(1)
    assert "a batch of 8 takes 2 rounds, the last with 2 of 6 places in use" in notes(8)
    assert "no RTL was run" not in notes(6)
    assert "no RTL was run of such a machine: those that were have 2 to 12 tiles" in notes(6, tiles=13)


# The split -----------------------------------------------------------------------------------------------------------


def test_the_split_by_hand():
    # 512 cells: 8 products of 13 rows of 40 and 2 passes over 280 columns, in 67,200 multipliers.
    counts = MACHINE.run(single_layer(LAYERS["lstm"], 8, 4)).counts
    assert counts.total_cycles == 4545
    assert counts.useful == 8 * 4 * 8 * 512 * 512
    assert counts.row_padding == 8 * 8 * (13 * 40 - 512) * 560 * 6
    assert counts.useful + counts.row_padding + counts.column_padding == 8 * 8 * 26 * 67_200
    assert counts.fill_drain == 4545 - run_program("lstm", input_size=512, hidden_size=512, seq_len=8).product_cycles
    assert counts.weight_load == 0


@given(
    st.sampled_from(sorted(LAYERS)),
    st.integers(1, 900),
    st.integers(1, 900),
    st.lists(st.integers(1, 30), min_size=1, max_size=14),
    st.integers(1, 9),
    st.sampled_from((20, 30, 40)),
    st.booleans(),
)
@examples(60)
def test_the_split_sums_to_the_total(cell, x, h, lengths, tiles, lanes, bidirectional):
    machine = MACHINE.with_settings({"tiles": tiles, "lanes": lanes})
    assume(machine.shape.rows(h) <= tiles * machine.shape.passes(h))
    layer = replace(LAYERS[cell], input_size=x, hidden_size=h, bidirectional=bidirectional)
    network = single_layer(layer, 1).with_lengths(lengths)
    counts = machine.run(network).counts
    assert list(counts.split) == list(SPLIT)
    assert sum(counts.split.values()) == pytest.approx(counts.total_cycles, rel=1e-12)
    assert min(counts.split.values()) >= 0
    assert counts.useful == network.num_macs
    assert 0 < counts.utilization <= 1


# What it has no program for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (replace(LAYERS["lstm"], projection_size=256), "projection_size: expected none .*, got 256"),
        (replace(LAYERS["lstm"], peephole=True), "peephole: expected false .*, got True"),
        (replace(LAYERS["rnn"], residual=True), "residual: expected false .*, got True"),
        (replace(LAYERS["gru"], linear_before_reset=True), "linear_before_reset: expected false .*, got True"),
        (replace(LAYERS["lstm"], hidden_size=280), "hidden_size: expected at least 281 .*, got 280"),
    ],
)
def test_what_it_has_no_program_for_is_refused_with_its_layer(layer, sentence):
    below = RNNLayer(input_size=512, hidden_size=layer.input_size)
    with pytest.raises(SpecificationError, match=r"two: layers\[1\]\." + sentence):
        MACHINE.run(Network(name="two", layers=(below, layer), seq_len=2))


def test_a_plan_is_refused():
    with pytest.raises(SpecificationError, match="plan: expected none, as npu has no schedule to choose"):
        MACHINE.run(single_layer(LAYERS["lstm"], 2), Plan())
    assert MACHINE.budget("64K") is None


# What is known of it -------------------------------------------------------------------------------------------------


def test_what_is_known_of_it():
    assert (len(rtl_runs()), len(published_runs()), len(rtl_traces())) == (460, 15, 4)
    assert {run.status for run in rtl_runs()} == {"derived"}
    assert {run.status for run in published_runs()} == {"published"}
    errors = [run.simulator_error for run in published_runs()]
    assert (min(errors), max(errors)) == (pytest.approx(3.55 / 5.65 - 1), pytest.approx(33.12 / 34.25 - 1))
