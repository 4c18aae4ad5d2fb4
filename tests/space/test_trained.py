"""What ran of trained networks: the table is whole, and says what it has to."""

import pytest

import sharp
from sharp.errors import SpecificationError
from sharp.shipped import DATA
from sharp.space.formats import with_formats
from sharp.space.trained import load_trained, trained_rows
from sharp.values.formats import numerics

ROWS = {(row.network, row.format, row.macs, row.delta_threshold): row for row in trained_rows()}


def test_the_rows_are_of_networks_that_ship_and_each_once():
    assert len(ROWS) == len(trained_rows()) == 2 * (7 + 1 + 2 * 6)
    assert {row.network for row in trained_rows()} <= {
        name for name in ("real-nsnet2-16k", "real-nsnet2-48k") if sharp.find_network(name)
    }


@pytest.mark.parametrize("network", ["real-nsnet2-16k", "real-nsnet2-48k"])
def test_fewer_bits_and_greater_thresholds_cost_accuracy(network):
    snr = [ROWS[network, label, "64K", None].snr_db for label in ("fp32/fp32", "fp16/fp32", "bf16/fp32", "int8/int32")]
    assert snr == sorted(snr, reverse=True)
    assert snr[0] > 100
    for macs in ("1K", "64K"):
        rows = [ROWS[network, "fp16/fp32", macs, threshold] for threshold in (None, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)]
        for name in ("share_x", "share_h", "cycles"):
            values = [getattr(row, name) for row in rows]
            assert values == sorted(values, reverse=True), name
        assert rows[0].snr_db > rows[1].snr_db > rows[2].snr_db > rows[-1].snr_db  # between them it is no law
        assert rows[0].share_x == rows[0].share_h == 1


@pytest.mark.parametrize("network", ["real-nsnet2-16k", "real-nsnet2-48k"])
def test_cycles_are_those_of_the_model_as_it_is(network):
    # Where this fails, the model has changed: run benchmarks/trained_networks.py again.
    for label, macs in (("fp16/fp32", "64K"), ("fp16/fp32", "1K"), ("int8/int32", "64K")):
        machine = with_formats(sharp.find_accelerator("sharp").with_macs(macs), numerics(label))
        report = sharp.simulate(sharp.find_network(network), machine)
        assert ROWS[network, label, macs, None].cycles == report.counts.total_cycles


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("64K,,", "64K,much,", r"trained\.csv: line \d+: delta_threshold: expected a number, got 'much'"),
        ("derived", "guessed", r"trained\.csv: line \d+: status: expected"),
    ],
)
def test_a_broken_table_is_refused_by_its_line(tmp_path, old, new, message):
    path = tmp_path / "trained.csv"
    path.write_text((DATA / "trained.csv").read_text().replace(old, new, 1))
    with pytest.raises(SpecificationError, match=message):
        load_trained(path)
