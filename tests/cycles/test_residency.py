"""Where the weights of a whole network are: what is chosen, what is said, what it costs."""

from dataclasses import replace

import pytest

from sharp import MemoryLevel, Network, Plan, RNNLayer, find_accelerator, find_network, simulate

MACHINE = find_accelerator("sharp").with_macs("64K")
AUTO, RESIDENT, STREAMED = (Plan(weights=weights) for weights in ("auto", "resident", "streamed"))


def rnn_t() -> Network:
    """Eight LSTM layers of 2048 cells, projected to 640: 22.5 MiB each, which fits alone and not together."""
    layer = RNNLayer(input_size=640, hidden_size=2048, projection_size=640)
    return Network(name="rnn-t", layers=(layer,) * 8, seq_len=5)


def test_layers_that_fit_alone_and_not_together_are_loaded():
    auto, resident, streamed = (simulate(rnn_t(), MACHINE, plan) for plan in (AUTO, RESIDENT, STREAMED))
    assert auto.counts == streamed.counts
    assert auto.plan == STREAMED
    assert resident.latency_s == pytest.approx(17.78e-6, rel=1e-3)
    assert auto.latency_s == pytest.approx(6.294e-3, rel=1e-3)  # 180 MiB at 30 GB/s
    assert resident.warnings[0] == (
        "the 180 MiB of the weights do not fit the weight buffer of 26 MiB; the cycles assume that they do, "
        "streamed from a DRAM of 30 GB/s the run takes 6.29 ms, 354 times as long (--weights auto)"
    )
    assert auto.remarks[0] == "weights streamed: the 180 MiB of all layers do not fit the weight buffer of 26 MiB"


@pytest.mark.parametrize(("spare", "chosen"), [(0, "resident"), (-1, "streamed")])
def test_auto_is_resident_where_all_layers_fit_to_the_byte(spare: int, chosen: str):
    network = find_network("bysdne")
    buffer = MemoryLevel(capacity_bytes=2 * network.num_weights + spare)
    machine = replace(MACHINE, weight_buffer=buffer)
    report = simulate(network, machine, AUTO)
    assert report.counts == simulate(network, machine, Plan(weights=chosen)).counts
    found = report.as_dict()
    assert (found["weights"], found["residency"]["asked"]) == (chosen, "auto")
    assert found["residency"]["fits_weight_buffer"] == (spare == 0)
    assert found["residency"]["weights_mib"] == pytest.approx(2 * network.num_weights / 2**20)


def test_x_and_h_that_the_dram_cannot_deliver_are_said_without_energy():
    wide = RNNLayer(input_size=4096, hidden_size=64)
    report = simulate(Network(name="wide", layers=(wide,), seq_len=25, batch_size=64), MACHINE)
    (sentence,) = [text for text in report.warnings if "DRAM" in text]
    assert sentence.startswith("weights, x and h of layer 0 need up to 207 GB/s of a DRAM of 30 GB/s; ")
