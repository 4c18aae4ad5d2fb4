"""Networks on the machine: totals, best K, warnings, the paper's utilizations, golden totals."""

import json
import runpy
from pathlib import Path

import pytest

from sharp import InfeasibleMappingError, SpecificationError, explore, find_network, simulate, square_lstm
from sharp.io import published_numbers

GOLDEN = Path(__file__).parent / "golden"
SIZES = (256, 340, 512, 1024)


def mean_utilization(accelerator, macs, **options):
    machine = accelerator.with_macs(macs)
    return sum(simulate(square_lstm(size), machine, **options).counts.utilization for size in SIZES) / len(SIZES)


def test_layers_add_up(accelerator):
    report = simulate(find_network("eesen"), accelerator)
    assert len(report.layers) == 5
    assert report.counts.total_cycles == sum(layer.counts.total_cycles for layer in report.layers)
    assert report.counts.useful == find_network("eesen").num_macs_per_sequence
    assert report.latency_s == report.counts.total_cycles / 5e8


def test_best_height_has_least_cycles_and_of_equals_is_the_smallest(accelerator):
    for table in explore(find_network("bysdne"), accelerator, schedule="sequential"):
        least = min(counts.total_cycles for counts in table.candidates.values())
        assert table.best == min(rows for rows, counts in table.candidates.items() if counts.total_cycles == least)
        assert list(table.candidates) == [32, 64, 128, 256]


def test_heights_that_a_schedule_cannot_use_are_left_out(accelerator):
    from dataclasses import replace

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
    options = {"schedule": "sequential", "tile_rows": 32, "reconfiguration": False}
    assert round(mean_utilization(accelerator, macs, **options), 2) == expected


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
    options = {"schedule": "sequential", "tile_rows": 32, "reconfiguration": False}
    assert mean_utilization(accelerator, macs, **options) == pytest.approx(paper, abs=0.05)


def test_what_does_not_fit_is_marked_and_said(accelerator):
    report = simulate(find_network("deepbench-lstm-h2048-t25"), accelerator)
    assert not report.layers[0].fits_weight_buffer
    assert not report.layers[0].fits_intermediate_buffer
    assert len(report.warnings) == 2
    assert "the weights of layer 0 do not fit" in report.warnings[0]
    sequential = simulate(find_network("deepbench-lstm-h2048-t25"), accelerator, schedule="sequential")
    assert sequential.layers[0].fits_intermediate_buffer
    assert simulate(find_network("eesen"), accelerator).warnings == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("deepbench-gru-h512-t1", r"layers\[0\]: cell: expected lstm, .* got 'gru'"),
        ("rldradspr-original", r"layers\[0\]: projection_size: expected none, .* got 512"),
        ("deepbench-lstm-h512-t25-b4", r"batch_size: expected 1, .* got 4"),
    ],
)
def test_what_is_not_built_is_refused_in_one_sentence(accelerator, name, message):
    with pytest.raises(InfeasibleMappingError, match=message) as error:
        simulate(find_network(name), accelerator)
    assert "\n" not in str(error.value)


def test_bad_tile_rows(accelerator):
    with pytest.raises(SpecificationError, match="tile_rows: expected a tile height or best, got 'bst'"):
        simulate(square_lstm(8), accelerator, tile_rows="bst")


def test_progress_goes_from_layer_to_layer(accelerator):
    shares = []
    simulate(find_network("eesen"), accelerator, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_golden_totals():
    committed = json.loads((GOLDEN / "totals.json").read_text())
    assert runpy.run_path(str(GOLDEN / "regenerate.py"))["totals"]() == committed
