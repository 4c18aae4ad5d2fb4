"""Layers and networks: sizes, chaining, bad input."""

import pytest

from sharp import CELLS, Network, RNNLayer, Sequences, SpecificationError, square_lstm
from sharp.workload.single import single_layer


def test_sizes_of_a_layer():
    layer = RNNLayer(input_size=3, hidden_size=5, bidirectional=True)
    assert layer.num_weights == 2 * 4 * 5 * (3 + 5)
    assert layer.output_size == 10
    projected = RNNLayer(input_size=3, hidden_size=5, projection_size=2)
    assert projected.num_weights == 4 * 5 * (3 + 2) + 2 * 5
    assert projected.output_size == 2
    assert RNNLayer(cell="gru", input_size=3, hidden_size=5).num_weights == 3 * 5 * 8


def test_cells_and_their_gates():
    assert {name: cell.gates for name, cell in CELLS.items()} == {
        "dense": "y",
        "gru": "rzn",
        "lstm": "ifgo",
        "rnn": "h",
    }
    for name in CELLS:
        layer = RNNLayer(cell=name, input_size=3, hidden_size=5)
        assert layer.num_weights == len(CELLS[name].gates) * 5 * (8 if layer.is_recurrent else 3)
        assert "".join(phase.gates for phase in layer.phases) == CELLS[name].gates


@pytest.mark.parametrize(
    ("fields", "operations"),
    [
        ({}, 8),  # four biases; f * c, i * g, their sum, o * tanh(c)
        ({"peephole": True}, 8 + 6),
        ({"cell": "gru"}, 10),  # biases on both sides of n; r *, +; 1 - z, (1 - z) * n, z * h, their sum
        ({"cell": "gru", "linear_before_reset": False}, 8),
        ({"cell": "rnn"}, 1),
        ({"cell": "rnn", "residual": True}, 1 + 1),
        ({"bidirectional": True, "merge": "sum"}, 2 * 8 + 1),
        ({"cell": "dense"}, 1),
    ],
)
def test_elementwise_operations_by_hand(fields, operations):
    layer = RNNLayer(**{"input_size": 5, "hidden_size": 5, **fields})
    assert layer.num_elementwise == 5 * operations


def test_square_lstm():
    network = square_lstm(340)
    assert (network.layers[0].input_size, network.layers[0].hidden_size, network.seq_len) == (340, 340, 25)
    assert network.num_macs == 25 * 4 * 340 * 680


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": 0}, "hidden_size: expected a positive integer, got 0"),
        ({"hidden_size": -3}, "hidden_size: expected a positive integer, got -3"),
        ({"input_size": 1.5}, "input_size: expected a positive integer, got 1.5"),
        ({"input_size": True}, "input_size: expected a positive integer, got True"),
        ({"input_size": "64"}, "input_size: expected a positive integer, got '64'"),
        ({"cell": "lstmm"}, "cell: expected dense, gru, lstm, rnn or FILE.py:NAME, got 'lstmm' (did you mean 'lstm'?)"),
        ({"bidirectional": 1}, "bidirectional: expected true or false, got 1"),
        ({"projection_size": 0}, "projection_size: expected a positive integer, got 0"),
        (
            {"cell": "gru", "peephole": True},
            "cell: expected lstm (peephole belongs to it), got 'gru'",
        ),
        (
            {"cell": "rnn", "projection_size": 4},
            "cell: expected lstm (projection_size belongs to it), got 'rnn'",
        ),
        ({"merge": "sum"}, "merge: expected concat where there is one direction, got 'sum'"),
        (
            {"cell": "dense", "bidirectional": True},
            "bidirectional: expected false (dense has no state that a direction carries on), got True",
        ),
        (
            {"cell": "dense", "options": {"activation": "tahn"}},
            "cell dense: activation: expected linear, relu, sigmoid, tanh, got 'tahn' (did you mean 'tanh'?)",
        ),
        ({"linear_before_reset": False}, "cell: expected gru (linear_before_reset belongs to it), got 'lstm'"),
        (
            {"residual": True, "bidirectional": True},
            "input_size: expected 16 (a residual layer puts out what it reads), got 8",
        ),
        ({"hidden_size": 2**63}, "hidden_size: expected an integer below 2^63, got 9223372036854775808"),
    ],
)
def test_bad_layers(fields, message):
    with pytest.raises(SpecificationError) as error:
        RNNLayer(**{"input_size": 8, "hidden_size": 8, **fields})
    assert str(error.value) == message


def test_lengths_of_a_network():
    network = square_lstm(8).with_lengths([3, 9, 4])
    assert (network.seq_len, network.batch_size, network.lengths) == (9, 3, (3, 9, 4))
    assert network.sequences == Sequences.of([9, 4, 3])
    assert network.num_macs == network.num_weights * 16
    equal = network.with_lengths([6, 6])
    assert (equal.seq_len, equal.batch_size, equal.lengths) == (6, 2, ())
    assert equal.sequences == Sequences.equal(6, 2)


def test_a_single_layer_is_named_after_its_sizes():
    layer = RNNLayer(cell="gru", input_size=3, hidden_size=5)
    assert [single_layer(layer, 7).name, single_layer(layer, 7, 4).name] == ["gru-3x5-t7", "gru-3x5-t7-b4"]


def test_layers_have_to_chain():
    layers = (RNNLayer(input_size=8, hidden_size=8, bidirectional=True), RNNLayer(input_size=8, hidden_size=8))
    with pytest.raises(SpecificationError) as error:
        Network(name="broken", layers=layers, seq_len=4)
    assert str(error.value) == "layers[1].input_size: expected 16 (what layers[0] puts out), got 8"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layers": ()}, "layers: expected at least one layer"),
        ({"seq_len": 0}, "seq_len: expected a positive integer, got 0"),
        ({"title": 4}, "title: expected a printable text, got 4"),
        ({"batch_size": 0}, "batch_size: expected a positive integer, got 0"),
        ({"name": " "}, "name: expected a printable text, got ' '"),
        ({"lengths": (4,), "batch_size": 2}, "lengths: expected 2 lengths, the greatest 4, got \\(4,\\)"),
        ({"lengths": (3, 2), "batch_size": 2}, "lengths: expected 2 lengths, the greatest 4, got \\(3, 2\\)"),
        ({"lengths": (4, 0), "batch_size": 2}, "lengths: expected a positive integer, got 0"),
    ],
)
def test_bad_networks(fields, message):
    with pytest.raises(SpecificationError, match=message):
        Network(**{"name": "n", "layers": (RNNLayer(input_size=8, hidden_size=8),), "seq_len": 4, **fields})
