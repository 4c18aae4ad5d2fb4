"""Files of networks: what ships loads and says where it comes from; bad files get one sentence."""

import pytest

from sharp import SpecificationError, find_network
from sharp.rivals.machines import load_any
from sharp.workload.files import load_networks, shipped_networks

NETWORK = """
name: mine
seq_len: 10
layers:
  - {input_size: 8, hidden_size: 16, bidirectional: true}
  - {input_size: 32, hidden_size: 4, repeat: 1}
"""


def test_shipped_networks_load_and_are_named_once():
    names = [network.name for network in shipped_networks()]
    assert len(names) == len(set(names))
    for name in ("eesen", "gmat", "bysdne", "rldradspr"):
        assert {name, f"{name}-original"} <= set(names)
    assert sum(name.startswith("deepbench-lstm") for name in names) == 15
    assert sum(name.startswith("deepbench-gru") for name in names) == 54
    assert all(find_network(name).name == name for name in names)


def test_every_number_of_a_shipped_network_has_source_and_status():
    for network in shipped_networks():
        assert {"layers", "input_size", "hidden_size", "seq_len"} <= set(network.provenance), network.name
        assert all(entry.status != "given" for entry in network.provenance.values())
        steps = network.provenance["seq_len"]
        assert steps.covers(network.seq_len)


def test_table_5():
    sizes = {name: find_network(name) for name in ("eesen", "gmat", "bysdne", "rldradspr")}
    assert [len(sizes[name].layers) for name in sizes] == [5, 17, 5, 10]
    assert [sizes[name].layers[0].hidden_size for name in sizes] == [340, 1024, 340, 1024]
    assert [sizes[name].seq_len for name in sizes] == [500, 75, 30, 400]
    assert all(layer.bidirectional for layer in sizes["eesen"].layers)


def test_a_users_network(write):
    (network,) = load_networks(write(NETWORK))
    assert [layer.hidden_size for layer in network.layers] == [16, 4]
    assert network.provenance == {}


def test_a_users_batch(write):
    (network,) = load_networks(write(NETWORK.replace("seq_len: 10", "seq_len: [3, 10, 7]")))
    assert (network.seq_len, network.batch_size, network.lengths) == (10, 3, (3, 10, 7))
    (network,) = load_networks(write(NETWORK.replace("seq_len: 10", "seq_len: 10\nbatch_size: 4")))
    assert (network.seq_len, network.batch_size, network.lengths) == (10, 4, ())


def test_every_option_of_a_layer_can_be_written(write):
    layers = (
        "{cell: gru, input_size: 8, hidden_size: 8, linear_before_reset: false, residual: true}",
        "{input_size: 8, hidden_size: 16, projection_size: 4, peephole: true, bidirectional: true}",
    )
    (network,) = load_networks(write(f"name: mine\nseq_len: 3\nlayers: [{', '.join(layers)}]"))
    first, second = network.layers
    assert (first.cell, first.linear_before_reset, first.residual) == ("gru", False, True)
    assert (second.projection_size, second.peephole, second.bidirectional, second.output_size) == (4, True, True, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NETWORK.replace("32", "16"), "layers[1].input_size: expected 32 (what layers[0] puts out), got 16"),
        (
            "name: x\nseq_len: 1\nlayers: [{input_size: 8, hidden_size: 16, repeat: 2}]",
            "layers[0].input_size: expected 16 (what it puts out, as it is repeated), got 8",
        ),
        (
            "name: x\nseq_len: 1\nlayers:\n- {input_size: 8, hidden_size: 8, repeat: 3}\n"
            "- {input_size: 9, hidden_size: 9}",
            "layers[1].input_size: expected 8 (what layers[0] puts out), got 9",
        ),
        (
            "name: x\nseq_len: 1\nlayers: [" + 6 * "{input_size: 8, hidden_size: 8, repeat: 10000}, " + "]",
            "layers: expected at most 50000, each as often as it is repeated, got 60000",
        ),
        (
            NETWORK.replace("hidden_size: 4", "hidden_size: 4, num_layers: 2"),
            "layers[1].repeat: expected no repeat beside num_layers, got 1",
        ),
        (
            NETWORK.replace("seq_len: 10", "seq_len: 10\nnum_layers: 2"),
            "network: expected no key 'num_layers' (a layer of several has it)",
        ),
        (
            NETWORK.replace("hidden_size: 4", "hidden_size: 4, input_forget: 1"),
            "layers[1]: expected no key 'input_forget' (gates that are coupled are not modelled)",
        ),
        (NETWORK.replace("hidden_size: 4", "units: 4"), "expected no key 'units' (did you mean 'hidden_size'?)"),
        (
            NETWORK.replace("hidden_size: 4", "hidden_size: 4, bias: true"),
            "expected no key 'bias' (no cycle depends on it: leave it out)",
        ),
        (
            NETWORK.replace("hidden_size: 4", "hiden_size: 4"),
            "layers[1]: expected no key 'hiden_size' (did you mean 'hidden_size'",
        ),
        (
            NETWORK.replace("hidden_size: 4", "hidden_size: 0"),
            "layers[1].hidden_size: expected a positive integer, got 0",
        ),
        (
            NETWORK.replace("hidden_size: 4", "hidden_size: 4.5"),
            "layers[1].hidden_size: expected a positive integer, got 4.5",
        ),
        (NETWORK.replace("repeat: 1", "repeat: 99999"), "layers[1].repeat: expected at most 10000, got 99999"),
        (NETWORK.replace("seq_len: 10", ""), "network: expected a key 'seq_len', got name, layers"),
        (NETWORK.replace("seq_len: 10", "seq_len: -1"), "seq_len: expected a positive integer, got -1"),
        (NETWORK.replace("seq_len: 10", "seq_len: []"), "seq_len: expected a list with at least one entry, got []"),
        (NETWORK.replace("seq_len: 10", "seq_len: [4, 0]"), "seq_len[1]: expected a positive integer, got 0"),
        (
            NETWORK.replace("seq_len: 10", "seq_len: [4, 2]\nbatch_size: 3"),
            "batch_size: expected 2, the number of lengths in seq_len, got 3",
        ),
        (NETWORK.replace("seq_len: 10", "seq_len: 10\nseq_len: 11"), "key 'seq_len' is given twice"),
        (NETWORK.replace("name: mine", "nmae: mine"), "network: expected no key 'nmae' (did you mean 'name'?)"),
        (
            NETWORK + "provenance: {seq_len: {source: me, status: sure}}",
            "provenance.seq_len.status: expected published,",
        ),
        (
            NETWORK + "provenance: {seq_len: {source: me, status: assumed}}",
            "provenance.seq_len.range: expected a plausible range",
        ),
        ("name: x\nseq_len: 1\nlayers: 3", "layers: expected a list with at least one entry, got 3"),
        ("name: x\nseq_len: 1\nlayers: [7]", "layers[0]: expected a mapping, got 7"),
        ("- 1\n- 2", "expected a mapping at the top, got list"),
        ("", "expected a mapping at the top, got nothing"),
        ("a: [1", "expected YAML, got: "),
        (
            "suite: s\nproblems: [{cell: lstm, hidden_size: 4}]",
            "problems[0]: expected a key 'seq_len', got cell, hidden_size",
        ),
    ],
)
def test_bad_networks(write, text, message):
    path = write(text)
    with pytest.raises(SpecificationError) as error:
        load_any(path) if "name" in text else load_networks(path)
    sentence = str(error.value)
    assert sentence.startswith(str(path))
    assert message in sentence
    assert "\n" not in sentence
