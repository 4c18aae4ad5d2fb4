"""The cells: what each multiplies, what waits for what, and that a new one is one small file."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sharp
from sharp import RNNLayer
from sharp.workload.cells import CELLS

FORMS = {
    "lstm": {},
    "lstm with peephole": {"peephole": True},
    "lstm with projection": {"projection_size": 5},
    "gru": {"cell": "gru"},
    "gru, reset before": {"cell": "gru", "linear_before_reset": False},
    "rnn": {"cell": "rnn"},
}


def layer(form, **fields):
    return RNNLayer(**{"input_size": 7, "hidden_size": 3, **FORMS[form], **fields})


@pytest.mark.parametrize("form", FORMS)
def test_phases_hold_every_weight_once(form):
    """The products of a step have as many weights as the layer, by the sizes that the phases name."""
    it = layer(form)
    columns = {phase.gates: it.input_size * phase.reads_x + getattr(it, phase.operand_size) for phase in it.phases}
    weights = sum(len(p.gates) * getattr(it, p.size) * columns[p.gates] for p in it.phases)
    assert weights == it.num_weights


@pytest.mark.parametrize("form", FORMS)
def test_phases_wait_only_for_what_is_given(form):
    given = {"h"}
    letters = ""
    for phase in layer(form).phases:
        assert phase.operand in given
        given.add(phase.gives)
        letters += phase.gates
    assert phase.gives == "h"
    assert len(set(letters)) == len(letters)
    assert set(CELLS[layer(form).cell].gates) <= set(letters)


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ("lstm", 3 * (4 + 4)),  # four biases; f * c, i * g, their sum, o * tanh(c)
        ("lstm with peephole", 3 * (4 + 4 + 6)),  # three products with c, three sums
        ("gru", 3 * (4 + 2 + 4)),  # n has two biases; r * (U h), plus W x; 1 - z, two products, their sum
        ("gru, reset before", 3 * (3 + 1 + 4)),
        ("rnn", 3),
    ],
)
def test_elementwise_operations(form, count):
    assert layer(form).num_elementwise == count
    assert layer(form, bidirectional=True).num_elementwise == 2 * count
    assert layer(form, input_size=3, residual=True).num_elementwise == count + 3


def test_peepholes_and_residuals_cost_no_array_cycles(accelerator):
    plain = sharp.simulate(sharp.square_lstm(340), accelerator)
    more = RNNLayer(input_size=340, hidden_size=340, peephole=True, residual=True)
    network = sharp.Network(name="more", layers=(more,), seq_len=25)
    assert sharp.simulate(network, accelerator).counts == plain.counts


@pytest.mark.slow
def test_a_new_cell_is_one_small_file(tmp_path):
    """A minimal gated unit, put beside the others in a copy of the package, runs without another line changed."""
    shutil.copytree(Path(sharp.__file__).parent, tmp_path / "sharp")
    (tmp_path / "sharp" / "workload" / "cells" / "mgu.py").write_text(
        "from sharp.workload.cells.cell import Cell, Elementwise, Phase\n"
        "def _phases(options):\n"
        "    return Phase(gates='f', update='multiply_ns', gives='s'), Phase(gates='n', operand='s')\n"
        "CELL = Cell(name='mgu', gates='fn', phases=_phases, elementwise=lambda options: Elementwise(3, 5))\n"
    )
    code = (
        "import sharp; layer = sharp.RNNLayer(cell='mgu', input_size=64, hidden_size=64); "
        "machine = sharp.find_accelerator('sharp'); "
        "network = sharp.Network(name='n', layers=(layer,), seq_len=9); "
        "row = sharp.sweep({'cell': 'mgu', 'hidden_size': 64, 'seq_len': 9}, machine).iloc[0]; "
        "assert row.method == 'closed form'; "
        "assert row.total_cycles == sharp.simulate(network, machine).counts.total_cycles; print(sharp.__file__)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert outcome.stdout.startswith(str(tmp_path)), outcome.stderr
