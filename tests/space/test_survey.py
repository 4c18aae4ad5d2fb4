"""Networks on budgets under plans, as a table."""

import pytest

from sharp import Plan, SpecificationError, find_network, simulate, square_lstm
from sharp.cycles.counting import SPLIT
from sharp.space.survey import survey


def test_a_row_is_a_report(accelerator):
    networks = [find_network("bysdne"), square_lstm(64).with_lengths([5, 3])]
    plans = [
        Plan(),
        Plan(schedule="batch", tile_rows=64, reconfiguration=False),
        Plan(forwarding="tilewise", weights="streamed"),
    ]
    table = survey(networks, accelerator, macs=["1K", "64K"], plans=plans)
    points = [(network, macs, plan) for network in networks for macs in ("1K", "64K") for plan in plans]
    assert len(table) == len(points)
    for row, (network, macs, plan) in zip(table.to_dict("records"), points, strict=True):
        report = simulate(network, accelerator.with_macs(macs), plan)
        assert (row["network"], row["budget"], row["tile_rows"]) == (network.name, macs, plan.tile_rows)
        asked = {name: value for name, value in plan.as_dict().items() if name != "order"}  # layer by layer, always
        assert {name: row[name] for name in asked} == asked
        assert (row["total_cycles"], row["loaded_bytes"]) == (report.counts.total_cycles, report.loaded_bytes)
        assert (row["batch_size"], row["chosen_tile_rows"]) == (network.batch_size, report.layers[0].tile_rows)
        assert {part: row[part] for part in SPLIT} == report.counts.split


def test_the_papers_plan_is_the_default(accelerator):
    table = survey([square_lstm(64)], accelerator, macs=["4K"])
    assert list(table["schedule"]) == ["unfolded"]
    assert list(table["tile_rows"]) == ["best"]


def test_bad_points_are_refused(accelerator):
    with pytest.raises(SpecificationError, match="macs: expected a number such as 4096 or 64K"):
        survey([square_lstm(64)], accelerator, macs=["lots"])
    with pytest.raises(SpecificationError, match="tile_rows: expected one of 32, 64, 128, 256 or best"):
        survey([square_lstm(64)], accelerator, macs=["4K"], plans=[Plan(tile_rows=48)])
    for networks, budgets in (([], ["4K"]), ([square_lstm(64)], [])):
        with pytest.raises(SpecificationError, match="survey: expected at least one network, one budget and one plan"):
            survey(networks, accelerator, macs=budgets)
