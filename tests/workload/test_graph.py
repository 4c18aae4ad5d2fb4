"""Graphs of layers: what each reads, how many steps follow, what does not fit; by hand and as files have it."""

import json

import pytest

from sharp import Network, Place, RNNLayer, Sequences, SpecificationError
from sharp.workload.files import load_networks

FILE = """
name: mine
seq_len: [10, 7]
not_modelled: {Conv: {count: 2, macs: 1000}}
layers:
  - {name: enc, input_size: 8, hidden_size: 16, bidirectional: true, num_layers: 2, merge: sum}
  - {name: up, reads: [enc, input], input_size: 48, hidden_size: 4, stack_frames: 2}
  - {name: out, cell: dense, reads: up, last_step: true, input_size: 4, hidden_size: 3}
"""


def layer(input_size: int, hidden_size: int, **fields) -> RNNLayer:
    return RNNLayer(input_size=input_size, hidden_size=hidden_size, **fields)


def test_a_file_of_a_graph(write):
    (network,) = load_networks(write(FILE))
    assert [entry.input_size for entry in network.layers] == [8, 16, 48, 4]
    assert network.graph.labels == ("enc.0", "enc.1", "up", "out")
    assert network.graph.reads == (("input",), (0,), (1, "input"), (2,))
    assert [entry.lengths for entry in network.layer_sequences] == [(10, 7), (10, 7), (5, 4), (1, 1)]
    macs = 17 * (2 * 4 * 16 * 24 + 2 * 4 * 16 * 32) + 9 * 4 * 4 * 52 + 2 * 4 * 3
    assert network.num_macs == macs
    assert network.modelled_share == macs / (macs + 1000)
    assert network.unread == (3,)
    assert network.elements_read(2) == ({1: 17 * 16}, 9 * 2 * 8)  # frames of the input, padded to two
    assert not network.is_chain


def test_a_layer_says_its_place_in_json(write):
    (network,) = load_networks(write(FILE))
    found = json.loads(json.dumps(network.layer_as_dict(2)))
    wanted = {"name": "up", "cell": "lstm", "reads": ["enc.1", "input"], "stack_frames": 2, "seq_len": 5}
    wanted |= {"batch_size": 2, "lengths": [5, 4], "num_weights": 16 * 52, "macs": 9 * 16 * 52, "join": "concat"}
    assert {key: found[key] for key in wanted} == wanted


def test_a_chain_needs_no_places():
    layers = (layer(8, 16), layer(16, 4))
    bare = Network(name="chain", layers=layers, seq_len=3)
    named = Network(name="chain", layers=layers, seq_len=3, places=(Place(name="a"), Place(name="b", reads=("a",))))
    assert bare.graph.reads == named.graph.reads == (("input",), (0,))
    assert (bare.label(1), named.label(1)) == ("layers[1]", "b")
    assert bare.is_chain
    with pytest.raises(SpecificationError, match="places: expected 2, one for each layer, got 1"):
        Network(name="chain", layers=layers, seq_len=3, places=(Place(),))


def test_steps_and_sizes_of_ones_own():
    places = (
        Place(name="speech"),
        Place(name="words", reads=("input:words",), context_size=4, sequences=Sequences.equal(5, 2)),
        Place(name="pooled", reads=("speech",), through=("MaxPool",), sequences=Sequences.equal(7)),
        Place(name="joint", reads=("words", "speech"), join="concat"),
    )
    layers = (layer(8, 8), layer(10, 6), layer(3, 3), layer(14, 6))
    network = Network(name="two", layers=layers[:3], places=places[:3], seq_len=20)
    assert [entry.total_steps for entry in network.layer_sequences] == [20, 10, 7]
    assert network.elements_read(1) == ({}, 10 * 10)
    assert network.elements_read(2) == ({}, 3 * 7)
    assert network.unread == (0, 1, 2)  # what passes an operator that is not modelled leaves the machine
    with pytest.raises(SpecificationError, match=r"joint.reads: expected layers of as many steps .*5 from words, 20 f"):
        Network(name="two", layers=layers, places=places, seq_len=20)


def test_sums_that_are_read_are_added():
    places = (Place(name="a"), Place(name="b", reads=("input",)), Place(reads=("a", "b"), join="sum"))
    network = Network(name="sum", layers=(layer(8, 6), layer(8, 6), layer(6, 2)), places=places, seq_len=10)
    assert network.joined_additions(2) == 10 * 6
    assert network.elements_read(2) == ({0: 60, 1: 60}, 0)
    assert network.io_elements == (2 * 80, 20)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "input_size: 48",
            "input_size: 47",
            "up.input_size: expected 48 (what enc.1 and the network's input put out, one behind the other, "
            "2 steps at a time), got 47",
        ),
        ("reads: up", "reads: upp", "out.reads: expected input, or names of layers before it, got 'upp' (did you mean"),
        ("reads: [enc", "reads: [out", "got 'out' (which comes after it)"),
        ("name: out", "name: up", "layers[2].name: expected a name that no other layer has, got 'up'"),
        ("name: out", "name: input", "layers[2].name: expected another name than the network's input has, got 'input'"),
        ("last_step: true", "last_step: true, stack_frames: 2", "layers[2].stack_frames: expected 1 where the last"),
        ("num_layers: 2", "num_layers: 2, repeat: 2", "layers[0].repeat: expected no repeat beside num_layers, got 2"),
        ("num_layers: 2", "num_layers: 20000", "layers[0].num_layers: expected at most 10000, got 20000"),
        ("merge: sum", "merge: mul", "layers[0].merge: expected concat, sum, got 'mul'"),
        ("reads: up", "reads: [up, enc]", "out.input_size: expected 20 (what up and enc.1 put out, one behind the"),
        ("reads: up", "reads: [up, up]", "layers[2].reads: expected different names, got ('up', 'up')"),
        ("reads: up", "reads: []", "out.input_size"),
        ("reads: up", "reads: up, feedback: upp", "out.feedback: expected the name of a layer, got 'upp'"),
        ("reads: up", "reads: up, feedback_ns: -1", "layers[2].feedback_ns: expected a positive number, got -1"),
        ("reads: up", "reads: up, batch_size: 2", "layers[2].batch_size: expected a seq_len with it, got 2"),
        ("reads: up", "reads: up, context_size: 1", "out.input_size: expected 5 (what up puts out, and 1 of context)"),
        ("count: 2, macs: 1000", "count: 2", "not_modelled.Conv: expected a key 'macs', got count"),
        ("count: 2, macs: 1000", "count: 0, macs: 1", "not_modelled.Conv.count: expected a positive integer, got 0"),
        ("{Conv: {count: 2, macs: 1000}}", "[Conv]", "not_modelled: expected a mapping of operators, got ['Conv']"),
    ],
)
def test_what_does_not_fit_is_named_as_the_file_does(write, old, new, message):
    text = FILE.replace(old, new)
    assert text != FILE
    if message == "out.input_size":  # the layer before is what it reads without a word
        assert load_networks(write(text))[0].graph.reads[3] == (2,)
        return
    with pytest.raises(SpecificationError) as error:
        load_networks(write(text))
    assert message in str(error.value)
