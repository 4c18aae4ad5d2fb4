"""The cells: what each multiplies, what waits for what, and that a new one is one small file."""

import copy
import pickle
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

import sharp
from sharp import RNNLayer, SpecificationError
from sharp.shipped import DATA
from sharp.workload.cells import CELLS

SHIPPED = DATA / "cells"

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
    columns = {phase.gates: it.input_size * phase.reads_x + it.size(phase.operand_size) for phase in it.phases}
    weights = sum(len(p.gates) * it.size(p.size) * columns[p.gates] for p in it.phases)
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


MGU = """
from sharp import Cell, Elementwise, Phase

def phases(options):
    return Phase(gates="f", update="multiply_ns", gives="s"), Phase(gates="n", operand="s", tanh_gates="n")

CELL = Cell(name="mgu", gates="fn", phases=phases, elementwise=lambda options: Elementwise(3, 5, vector_reads=2))
OTHER = Cell(name="lstm", gates="fn", phases=phases, elementwise=lambda options: Elementwise(3, 5))
"""


@pytest.fixture
def mgu(tmp_path, monkeypatch):
    """A minimal gated unit in a file of the user's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mgu.py").write_text(MGU)
    return "mgu.py:CELL"


def test_a_new_cell_is_one_file_outside_the_package(accelerator, mgu):
    layer = RNNLayer(cell=mgu, input_size=64, hidden_size=64)
    network = sharp.Network(name="n", layers=(layer, layer), seq_len=9)
    report = sharp.simulate(network, accelerator)
    (row,) = sharp.sweep({"cell": mgu, "hidden_size": 64, "seq_len": 9}, accelerator).itertuples()
    assert row.method == "closed form"
    assert row.cell == mgu
    assert 2 * row.total_cycles == report.counts.total_cycles
    assert report.as_dict()["layers"][0]["cell"] == layer.cell_name == "mgu"
    assert layer.num_weights == 2 * 64 * 128


def test_a_layer_holds_what_its_cell_is(mgu, tmp_path):
    layer = RNNLayer(cell=mgu, input_size=7, hidden_size=5)
    path = tmp_path / "mgu.py"
    path.write_text(MGU.replace("3, 5, vector", "4, 5, vector"))
    kept, changed = pickle.loads(pickle.dumps(layer)), RNNLayer(cell=mgu, input_size=7, hidden_size=5)
    path.unlink()
    wider = replace(layer, hidden_size=6)  # the file is not needed again
    assert layer == kept == copy.deepcopy(layer) == replace(wider, hidden_size=5)
    assert len({layer, kept, copy.copy(layer)}) == 1
    assert layer != changed
    assert kept.num_elementwise == layer.num_elementwise == 5 * 8
    assert kept.cell == f"{path}:CELL"
    assert "options" in repr(layer)


def test_ours_are_held_by_name():
    assert RNNLayer(cell=CELLS["gru"], input_size=7, hidden_size=5).cell == "gru"
    assert RNNLayer(cell="gru", input_size=7, hidden_size=5) == layer("gru", hidden_size=5)
    assert RNNLayer(cell="gru", input_size=7, hidden_size=5) != layer("rnn", hidden_size=5)


def test_a_cell_of_an_installed_package(monkeypatch):
    cifg = EntryPoint(name="coupled", value="cifg:CELL", group="sharp.cells")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [cifg] if group == "sharp.cells" else [])
    monkeypatch.syspath_prepend(SHIPPED)
    assert RNNLayer(cell="coupled", input_size=7, hidden_size=5).num_weights == 3 * 5 * 12
    with pytest.raises(
        SpecificationError, match=r"dense, gru, lstm, rnn, coupled or FILE.py:NAME, got 'coupl' \(did you mean"
    ):
        RNNLayer(cell="coupl", input_size=7, hidden_size=5)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("mgu.py:CEL", "cell: mgu.py: expected a name of this file, got 'CEL' (did you mean 'CELL'?)"),
        ("mgu.py:phases", "cell: mgu.py:phases: expected a sharp.Cell, got <function phases"),
        ("none.py:CELL", "cell: none.py: expected a Python file that is there, such as mine.py:CELL"),
        ("mgu.py:OTHER", "cell.name: expected another name than those of our own cells, got 'lstm'"),
        (3, "cell: expected a printable text, got 3"),
        (None, "cell: expected a printable text, got None"),
    ],
)
def test_what_is_no_cell_is_refused(mgu, cell, sentence):
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(cell=cell, input_size=7, hidden_size=5)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"projection_size": 3}, "cell: expected lstm (projection_size belongs to it), got 'mgu'"),
        ({"peephole": True}, "cell: expected lstm (peephole belongs to it), got 'mgu'"),
        ({"linear_before_reset": False}, "cell: expected gru (linear_before_reset belongs to it), got 'mgu'"),
        ({"options": {"heads": 2}}, "options: expected none, as mgu has none of its own, got {'heads': 2}"),
        ({"options": 3}, "options: expected a mapping, got 3"),
    ],
)
def test_a_layer_has_only_what_its_cell_takes(mgu, fields, sentence):
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(cell=mgu, input_size=7, hidden_size=5, **fields)
    assert str(refusal.value) == sentence
