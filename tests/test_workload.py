"""Layers and networks: sizes, chaining, bad input."""

import pytest

from sharp import Network, RNNLayer, SpecificationError, square_lstm


def test_sizes_of_a_layer():
    layer = RNNLayer(input_size=3, hidden_size=5, bidirectional=True)
    assert layer.num_weights == 2 * 4 * 5 * (3 + 5)
    assert layer.output_size == 10
    projected = RNNLayer(input_size=3, hidden_size=5, projection_size=2)
    assert projected.num_weights == 4 * 5 * (3 + 2) + 2 * 5
    assert projected.output_size == 2
    assert RNNLayer(cell="gru", input_size=3, hidden_size=5).num_weights == 3 * 5 * 8


def test_square_lstm():
    network = square_lstm(340)
    assert (network.layers[0].input_size, network.layers[0].hidden_size, network.seq_len) == (340, 340, 25)
    assert network.num_macs_per_sequence == 25 * 4 * 340 * 680


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": 0}, "hidden_size: expected a positive integer, got 0"),
        ({"hidden_size": -3}, "hidden_size: expected a positive integer, got -3"),
        ({"input_size": 1.5}, "input_size: expected a positive integer, got 1.5"),
        ({"input_size": True}, "input_size: expected a positive integer, got True"),
        ({"input_size": "64"}, "input_size: expected a positive integer, got '64'"),
        ({"cell": "lstmm"}, "cell: expected lstm, gru, rnn, got 'lstmm' (did you mean 'lstm'?)"),
        ({"bidirectional": 1}, "bidirectional: expected true or false, got 1"),
        ({"projection_size": 0}, "projection_size: expected a positive integer, got 0"),
        (
            {"cell": "gru", "peephole": True},
            "cell: expected lstm (peephole and projection_size belong to it), got 'gru'",
        ),
    ],
)
def test_bad_layers(fields, message):
    with pytest.raises(SpecificationError) as error:
        RNNLayer(**{"input_size": 8, "hidden_size": 8, **fields})
    assert str(error.value) == message


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
    ],
)
def test_bad_networks(fields, message):
    with pytest.raises(SpecificationError, match=message):
        Network(**{"name": "n", "layers": (RNNLayer(input_size=8, hidden_size=8),), "seq_len": 4, **fields})
