"""Bounded model checks of the control; each property is also seen to fail where the control has a fault."""

import os

import pytest

pytest.importorskip("amaranth", reason="needs the extra rtl")
pytest.importorskip("pyosys", reason="needs the extra rtl")

from amaranth.hdl import Assert

from sharp.rtl import proofs

CYCLES = 14
pytestmark = [
    pytest.mark.rtl,
    pytest.mark.skipif("SHARP_RTL" not in os.environ, reason="takes many minutes: make test-rtl-slow"),
]


@pytest.mark.parametrize("name", proofs.PROPERTIES)
def test_a_property_holds(name):
    assert proofs.prove(name, CYCLES).holds


def test_programs_that_are_assumed_get_to_h(monkeypatch):
    def never(self, m, control):
        m.d.comb += Assert(~control.cells_out.valid)

    monkeypatch.setattr(proofs.Checker, "_never", never, raising=False)
    assert not proofs.prove("never", CYCLES).holds
