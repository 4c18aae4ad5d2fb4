"""x and h that the DRAM cannot deliver are said, by whatever counts cycles that do not wait for them."""

import json

import pytest

from sharp import Network, Plan, RNNLayer, find_accelerator
from sharp.cycles.bandwidth import undelivered
from sharp.machine.accelerator import with_settings

WIDE = ("--input", "4096", "--hidden", "64", "--batch", "64", "--macs", "64K")


def test_bytes_by_hand():
    layer = RNNLayer(input_size=4096, hidden_size=64)
    network = Network(name="wide", layers=(layer, RNNLayer(input_size=64, hidden_size=64)), seq_len=25, batch_size=64)
    machine = find_accelerator("sharp").with_macs("64K")
    moved = 25 * 64 * 4096 * 2  # h of the first stays in the I/H buffer
    cycles = -(-moved // 60)  # 30 GB/s at 500 MHz
    assert undelivered(network, machine, Plan(), {0: cycles}) == []
    (sentence,) = undelivered(network, machine, Plan(), {0: cycles // 2, 1: cycles})
    assert sentence.startswith("weights, x and h of layer 0 need up to 60 GB/s of a DRAM of 30 GB/s")
    twice = with_settings(machine, {"dram_bytes_per_s": 60e9})
    assert undelivered(network, twice, Plan(), {0: cycles // 2}) == []
    assert undelivered(network, machine, Plan(), {0: cycles}, {0: 0.1 * moved})  # weights that come meanwhile count


@pytest.mark.parametrize("name", ["run", "explore", "timeline"])
def test_every_command_that_counts_a_layer_says_so(command, name):
    outcome = command(name, *WIDE)
    assert outcome.code == 0
    assert "weights, x and h of layer 0 need up to 207 GB/s of a DRAM of 30 GB/s" in outcome.err
    assert any(
        "x and h of layer 0" in sentence for sentence in json.loads(command(name, *WIDE, "--json").out)["warnings"]
    )
    assert "GB/s" not in command(name, "--hidden", "64", "--macs", "64K").err
