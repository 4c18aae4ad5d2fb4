"""Networks on the machine: totals, best K, warnings, the paper's utilizations, golden totals."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from sharp import (
    SCHEDULES,
    InfeasibleMappingError,
    Plan,
    RNNLayer,
    SpecificationError,
    explore,
    find_network,
    simulate,
    square_lstm,
)
from sharp.cycles.counting import count_cycles
from sharp.cycles.schedule import Unfolded
from sharp.machine.accelerator import with_settings
from sharp.published import published_numbers
from sharp.workload.network import Network
from sharp.workload.single import single_layer

GOLDEN = Path(__file__).parents[1] / "golden"
SIZES = (256, 340, 512, 1024)
FIXED = Plan(schedule="sequential", tile_rows=32, reconfiguration=False)


def mean_utilization(accelerator, macs, plan=None):
    machine = accelerator.with_macs(macs)
    return sum(simulate(square_lstm(size), machine, plan).counts.utilization for size in SIZES) / len(SIZES)


def test_layers_add_up(accelerator):
    report = simulate(find_network("eesen"), accelerator)
    assert len(report.layers) == 5
    assert report.counts.total_cycles == sum(layer.counts.total_cycles for layer in report.layers)
    assert report.counts.useful == find_network("eesen").num_macs
    assert report.latency_s == report.counts.total_cycles / 5e8


def test_best_height_has_least_cycles_and_of_equals_is_the_smallest(accelerator):
    for table in explore(find_network("bysdne"), accelerator, Plan(schedule="sequential")):
        least = min(counts.total_cycles for counts in table.candidates.values())
        assert table.best == min(rows for rows, counts in table.candidates.items() if counts.total_cycles == least)
        assert list(table.candidates) == [32, 64, 128, 256]


def test_heights_that_a_schedule_cannot_use_are_left_out(accelerator):
    machine = replace(accelerator, tile_rows=(2, 32))
    (table,) = explore(square_lstm(64), machine)
    assert list(table.candidates) == [32]
    with pytest.raises(InfeasibleMappingError, match="at least 4"):
        explore(square_lstm(64), replace(accelerator, tile_rows=(2,)))


# Semantics.md's own figures, to the digits it prints.
@pytest.mark.parametrize(("macs", "expected"), [("1K", 0.99), ("4K", 0.98), ("16K", 0.80), ("64K", 0.43)])
def test_mean_utilization_of_sharp(accelerator, macs, expected):
    assert round(mean_utilization(accelerator, macs), 2) == expected


@pytest.mark.parametrize(("macs", "expected"), [("1K", 0.92), ("4K", 0.76), ("16K", 0.48), ("64K", 0.20)])
def test_mean_utilization_of_sequential_on_a_fixed_tile(accelerator, macs, expected):
    assert round(mean_utilization(accelerator, macs, FIXED), 2) == expected


# Tolerances: the paper does not name the hidden sizes its means are over. At 64K its mean is 7 points above ours, of
# which 4 go with the number of activation lanes, an assumed parameter (book, "Utilization and latency").
@pytest.mark.paper
@pytest.mark.parametrize(("macs", "tolerance"), [("1K", 0.02), ("64K", 0.08)])
def test_utilization_of_sharp_beside_the_paper(accelerator, macs, tolerance):
    paper = published_numbers()[f"utilization_sharp_{macs.lower()}"].value
    assert mean_utilization(accelerator, macs) == pytest.approx(paper, abs=tolerance)


@pytest.mark.paper
@pytest.mark.parametrize("macs", ["1K", "4K", "16K", "64K"])
def test_utilization_of_epur_beside_the_paper(accelerator, macs):
    paper = published_numbers()[f"utilization_epur_{macs.lower()}"].value
    assert mean_utilization(accelerator, macs, FIXED) == pytest.approx(paper, abs=0.05)


def test_what_does_not_fit_is_marked_and_said(accelerator):
    wide = find_network("deepbench-lstm-h2048-t25")
    report = simulate(wide, accelerator)
    assert not report.layers[0].fits_weight_buffer
    assert report.layers[0].unfolded_cells == 1536
    assert report.layers[0].fits_intermediate_buffer
    assert len(report.warnings) == 2
    assert report.warnings[0].startswith("the 64 MiB of the weights do not fit the weight buffer of 26 MiB; ")
    assert report.warnings[0].endswith("the run takes 34.4 ms, 1,338 times as long (--weights auto)")
    assert (
        "24576 bytes does not hold the early sums of every cell of layer 0; products with x run" in report.warnings[1]
    )
    sequential = simulate(wide, accelerator, Plan(schedule="sequential"))
    assert (sequential.layers[0].unfolded_cells, len(sequential.warnings)) == (0, 1)
    streamed = simulate(wide, accelerator, Plan(schedule="sequential", weights="streamed"))
    assert streamed.warnings == []
    assert simulate(find_network("eesen"), accelerator).warnings == []


def test_a_projection_that_makes_h_no_smaller_is_said(accelerator):
    def layer(projection_size):
        return RNNLayer(input_size=64, hidden_size=64, projection_size=projection_size)

    for projection_size, said in ((63, False), (64, True), (65, True)):
        report = simulate(single_layer(layer(projection_size), 9), accelerator)
        sentence = "the projection of layer 0 gives as many elements as there are cells or more, not fewer"
        assert report.warnings == report.as_dict()["warnings"] == [sentence] * said
    two = (RNNLayer(input_size=64, hidden_size=64), layer(64), layer(70), RNNLayer(input_size=70, hidden_size=64))
    report = simulate(Network(name="two", layers=two, seq_len=9), accelerator)
    assert report.warnings[0].startswith("the projection of layers 1, 2 gives")


def test_early_sums_that_are_kept_without_being_unfolded_are_said(accelerator):
    # W_n x of a GRU with the reset before the product waits for r * h under every schedule: 2048 words of 6144 fit.
    before = {"cell": "gru", "linear_before_reset": False, "input_size": 64}
    for hidden_size, fits in ((6144, True), (6145, False)):
        report = simulate(
            single_layer(RNNLayer(hidden_size=hidden_size, **before), 3), accelerator, Plan(schedule="intergate")
        )
        assert report.layers[0].fits_intermediate_buffer is fits
        assert [
            "does not hold the early sums of layer 0; the cycles assume" in text for text in report.warnings[1:]
        ] == ([] if fits else [True])


@pytest.mark.parametrize(
    ("hidden_size", "fields", "cells"),
    [(1536, {}, 1536), (1600, {}, 1536), (2048, {"cell": "gru"}, 1533), (8000, {"cell": "rnn"}, 6144)],
)
def test_cells_whose_sums_fit_are_unfolded(accelerator, hidden_size, fields, cells):
    network = single_layer(RNNLayer(input_size=64, hidden_size=hidden_size, **fields), 2)
    report = simulate(network, accelerator, Plan(tile_rows=64))
    assert (
        report.layers[0].unfolded_cells == cells
    )  # 24 KiB are 6144 words: four a cell (RNN: one); blocks of 16 (GRU: 21)
    assert any("of every cell" in sentence for sentence in report.warnings) == (cells < hidden_size)


@pytest.mark.parametrize(
    "name",
    ["deepbench-gru-h512-t1", "deepbench-lstm-h512-t25-b4", "rldradspr-original", "gmat-original", "eesen-original"],
)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_cell_and_batch_is_counted(accelerator, name, schedule):
    network = find_network(name)
    report = simulate(network, accelerator, Plan(schedule=schedule))
    assert report.counts.useful == network.num_macs
    assert [layer.layer for layer in report.layers] == list(network.layers)


def test_the_order_that_a_cell_does_not_have_is_refused_with_its_layer(accelerator):
    layer = RNNLayer(cell="gru", input_size=8, hidden_size=8, linear_before_reset=False)
    with pytest.raises(
        InfeasibleMappingError, match=r"^gru-8x8-t2: layers\[0\]: schedule: expected intergate, "
    ) as error:
        simulate(single_layer(layer, 2), accelerator, Plan(schedule="sequential"))
    assert "\n" not in str(error.value)


def test_residual_connections_take_no_cycle(accelerator):
    layer = RNNLayer(input_size=64, hidden_size=64)
    plain, added = (single_layer(replace(layer, residual=residual), 5) for residual in (False, True))
    assert simulate(added, accelerator).counts == simulate(plain, accelerator).counts


def test_a_report_says_how_it_was_run(accelerator):
    plan = Plan(schedule="interleaved", tile_rows=64, reconfiguration=False, forwarding="tilewise", weights="streamed")
    network = find_network("bysdne").with_lengths([7, 5, 7])
    content = simulate(network, accelerator, plan).as_dict()
    assert {name: content[name] for name in plan.as_dict()} == {
        "schedule": "interleaved",
        "reconfiguration": False,
        "forwarding": "tilewise",
        "weights": "streamed",
        "order": "layers",
    }
    assert (content["seq_len"], content["batch_size"], content["lengths"]) == (7, 3, [7, 5, 7])
    assert content["loaded_bytes"] == 2 * network.num_weights
    assert json.loads(json.dumps(content)) == content


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tile_rows": "bst"}, "tile_rows: expected a tile height or best, got 'bst'"),
        ({"tile_rows": 1.5}, "tile_rows: expected a positive integer, got 1.5"),
        ({"reconfiguration": "no"}, "reconfiguration: expected true or false, got 'no'"),
        ({"forwarding": "tile"}, "forwarding: expected barrier, tilewise, got 'tile' (did you mean 'tilewise'?)"),
        ({"weights": "dram"}, "weights: expected auto, resident, streamed, got 'dram'"),
        ({"schedule": "unfold"}, "interleaved or FILE.py:NAME, got 'unfold' (did you mean 'unfolded'?)"),
    ],
)
def test_bad_plans(fields, message):
    with pytest.raises(SpecificationError) as error:
        Plan(**fields)
    assert message in str(error.value)


def test_a_plan_is_the_papers_unless_said_otherwise():
    assert Plan() == Plan(schedule=SCHEDULES["unfolded"], tile_rows="best", reconfiguration=True)
    assert (Plan().forwarding, Plan().weights) == ("barrier", "resident")
    assert Plan().at(64) == Plan(tile_rows=64)
    assert hash(Plan()) == hash(Plan(schedule="unfolded"))


def test_progress_goes_from_layer_to_layer(accelerator):
    shares = []
    simulate(find_network("eesen"), accelerator, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_golden_totals():
    committed = json.loads((GOLDEN / "totals.json").read_text())
    assert runpy.run_path(str(GOLDEN / "regenerate.py"))["totals"]() == committed


@pytest.mark.parametrize("schedule", ["intergate", "interleaved"])
def test_the_mapping_of_a_report_is_the_one_that_ran(accelerator, schedule):
    # The first layer does not fit and waits in every step, the second is on chip when it starts.
    wide = RNNLayer(input_size=8192, hidden_size=2048, bidirectional=True)
    network = Network(name="two", layers=(wide, RNNLayer(input_size=4096, hidden_size=64)), seq_len=3, batch_size=2)
    for weights in ("resident", "streamed"):
        first, second = simulate(network, accelerator, Plan(schedule=schedule, weights=weights)).layers
        assert (first.fits_weight_buffer, second.fits_weight_buffer) == (False, True)
        assert (first.mapping.weight_load > 0) == (first.mapping.task.streamed_share > 0) == (weights == "streamed")
        assert second.mapping.weight_load == 0
        plan = Plan(schedule=schedule, weights=weights, tile_rows=first.tile_rows)
        counts = count_cycles(wide, network.sequences, accelerator, plan)  # with what stays on chip there
        assert first.mapping.weight_load * first.mapping.repeated == counts.weight_load
        assert counts.after_load(first.counts.total_cycles - counts.total_cycles) == first.counts


def test_chains_that_take_turns_load_streamed_weights_each(accelerator):
    machine = with_settings(accelerator.with_macs("16K"), {"weight_buffer": 1000})
    network = single_layer(RNNLayer(input_size=512, hidden_size=512), 25, 8)
    together, turns = (
        simulate(network, machine, Plan(schedule=schedule, tile_rows=32, weights="streamed"))
        for schedule in ("unfolded", "interleaved")
    )
    assert turns.loaded_bytes == 8 * together.loaded_bytes == 8 * 25 * network.num_weights * machine.weight_bytes
    assert turns.counts.total_cycles >= turns.loaded_bytes / machine.dram_bytes_per_cycle
    assert simulate(network, machine, Plan()).loaded_bytes == 0


def test_only_the_buffer_is_said_to_limit_what_runs_ahead(accelerator):
    class Five(Unfolded):
        name = "five"

        def num_unfolded(self, task, first):
            return 5 * task.fused_block(first)

    report = simulate(square_lstm(512), accelerator, Plan(schedule=Five()))
    assert (report.layers[0].buffer_limits_unfolding, report.warnings) == (False, [])
    assert simulate(square_lstm(2048), accelerator).layers[0].buffer_limits_unfolding
    assert not simulate(square_lstm(2048), accelerator, Plan(schedule="intergate")).layers[0].buffer_limits_unfolding
