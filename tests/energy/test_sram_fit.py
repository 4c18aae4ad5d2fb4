"""The smooth area of SRAM: a power law by hand, monotone in the banks, its error said."""

import math
from itertools import pairwise

import pytest

from sharp import SpecificationError, find_accelerator, find_technology, implement
from sharp.energy import sram_fit
from sharp.energy.sram_fit import AreaFit, fit_area

MACHINE, TECHNOLOGY = find_accelerator("sharp"), find_technology("32nm")
BUDGETS = ("1K", "4K", "16K", "64K")


def areas(source):
    made = [implement(MACHINE.with_macs(budget), TECHNOLOGY, sram_source=source) for budget in BUDGETS]
    return [entry.area_mm2["weight_buffer"] for entry in made]


def test_a_law_is_found_again(monkeypatch):
    rows = {size: (0, 0, 0, 0, 0, 3e-6 * size**0.9, 0) for size in (1024, 4096, 65536)}
    monkeypatch.setattr(sram_fit, "bank_runs", lambda _: {("itrs-hp", 360): {64: rows}})
    found = fit_area.__wrapped__("itrs-hp", 512, 32)
    assert (found.factor_mm2, found.power, found.error) == pytest.approx((3e-6, 0.9, 0), abs=1e-9)
    assert AreaFit(factor_mm2=2, power=0.5, error=0).area_mm2(9) == 6


def test_more_banks_take_more_area_in_the_fit_and_not_in_the_runs():
    assert all(few < many for few, many in pairwise(areas("smooth")))
    assert areas("table")[2] < areas("table")[0]  # 16K below 1K: another layout
    fit = fit_area("itrs-hp", 512, 32)
    assert 0.05 < fit.error < 0.25
    for smooth, run in zip(areas("smooth"), areas("table"), strict=True):
        assert abs(math.log(smooth / run)) < 3 * fit.error


def test_only_the_area_is_another_and_the_error_is_said():
    table, smooth = (implement(MACHINE, TECHNOLOGY, sram_source=source) for source in ("table", "smooth"))
    assert smooth.prices.bank_read_pj == table.prices.bank_read_pj
    assert smooth.leakage_w == table.leakage_w
    assert smooth.memories["weight_buffer"].source.endswith("area by a fit, 15% from its runs")
    with pytest.raises(SpecificationError, match=r"^source: expected table, hwcomponents, smooth, got 'smoth'"):
        implement(MACHINE, TECHNOLOGY, sram_source="smoth")
