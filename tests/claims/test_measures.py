"""Measures of claims: each against single runs of the shipped files, and each sample of many against it alone."""

from dataclasses import replace
from statistics import fmean, geometric_mean

import numpy as np
import pytest

from sharp import (
    Plan,
    Sequences,
    evaluate_energy,
    explore,
    find_accelerator,
    find_network,
    find_technology,
    implement,
    simulate,
    square_lstm,
)
from sharp.claims.assumptions import assumed_parameters, draw, nominal
from sharp.claims.claims import load_claims
from sharp.claims.measures import (
    BUDGETS,
    MEASURES,
    NETWORKS,
    area,
    area_share,
    best_tile_rows,
    brainwave_utilization,
    efficiency_over_asic,
    efficiency_over_fpga,
    energy_change,
    gflops_per_w,
    gpu_efficiency,
    measure,
    padding_gain,
    peak_tera,
    power,
    power_rise,
    speedup,
    speedup_over_brainwave,
    speedup_over_gpu,
    tpu_utilization,
    utilization,
    utilization_gain,
    vector_bandwidth,
)
from sharp.claims.uncertainty import Study
from sharp.cycles.bound import bound_layer
from sharp.machine.accelerator import with_settings
from sharp.published import published_numbers
from sharp.rivals.data import plasticine_latencies
from sharp.units import paper_tera

MACHINE, TECHNOLOGY = find_accelerator("sharp"), find_technology("32nm-paper")
PARAMETERS = assumed_parameters(MACHINE, TECHNOLOGY, map(find_network, NETWORKS))
STUDY = Study(nominal(PARAMETERS), MACHINE, TECHNOLOGY)


def run(network, budget, machine="sharp", plan=None):
    return simulate(network, find_accelerator(machine).with_macs(budget), plan)


def costs(name, budget, machine="sharp"):
    return evaluate_energy(run(find_network(name), budget, machine), TECHNOLOGY)


def one(values):
    """The value of a measure on the one nominal sample."""
    assert values.shape == (1,)
    return values[0]


# Cycles --------------------------------------------------------------------------------------------------------------


def test_speedup_is_the_mean_of_ratios_of_latencies():
    ratios = [
        run(network, budget, "epur").latency_s / run(network, budget).latency_s
        for network in map(find_network, ("eesen", "gmat"))
        for budget in ("1K", "64K")
    ]
    assert one(speedup(STUDY, ("eesen", "gmat"), ("1K", "64K"))) == pytest.approx(fmean(ratios))


def test_utilization_is_the_mean_of_four_square_layers():
    def mean(budget, machine):
        return fmean(run(square_lstm(size), budget, machine).counts.utilization for size in (256, 340, 512, 1024))

    for budget, machine in (("1K", "sharp"), ("64K", "epur")):
        assert one(utilization(STUDY, budget, machine)) == pytest.approx(mean(budget, machine))
    gains = [mean(budget, "sharp") / mean(budget, "epur") for budget in BUDGETS]
    assert one(utilization_gain(STUDY, "least")) == pytest.approx(min(gains))
    assert one(utilization_gain(STUDY, "most")) == pytest.approx(max(gains))


def test_padding_gain_is_that_of_the_tile_tables():
    def best(size, budget, retiled):
        tables = explore(square_lstm(size), MACHINE.with_macs(budget), Plan(reconfiguration=retiled))
        return min(counts.total_cycles for counts in tables[0].candidates.values())

    sizes = (132, 340, 512, 1030)
    gains = {size: max(best(size, budget, False) / best(size, budget, True) for budget in BUDGETS) for size in sizes}
    assert one(padding_gain(STUDY, sizes)) == pytest.approx(max(gains.values()))
    assert one(padding_gain(STUDY, [512])) == gains[512] == 1
    assert gains[340] > 1


def test_best_tile_heights_are_those_of_the_tile_tables():
    heights = [32, 64, 128, 256, 512]
    machine = with_settings(MACHINE, {"tile_rows": heights}).with_macs("4K")
    best = [explore(square_lstm(size), machine)[0].best for size in (256, 340, 512, 1024)]
    assert one(best_tile_rows(STUDY, "4K", "least", heights)) == min(best)
    assert one(best_tile_rows(STUDY, "4K", "most", heights)) == max(best)


def test_peak_rate_by_hand():
    # 1024 multipliers at 500 MHz, and 65,536, over 2^40.
    assert one(peak_tera(STUDY, "1K")) == pytest.approx(1024 * 5e8 / 2**40)
    assert one(peak_tera(STUDY, "64K")) == pytest.approx(29.802, abs=0.001)


def test_bandwidth_is_what_the_energy_of_the_vector_buffer_counts():
    # Two bytes an element, as often as the I/H buffer is read and written.
    rates = []
    for name in NETWORKS:
        made = costs(name, "16K")
        actions = [action for action in made.as_dict()["actions"] if action["component"] == "io_buffer"]
        assert len(actions) == 2
        rates.append(2 * sum(action["count"] for action in actions) / made.report.latency_s / 1e9)
    assert one(vector_bandwidth(STUDY, "16K")) == pytest.approx(fmean(rates))


# Power, energy, area -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    return {
        (machine, budget): [costs(name, budget, machine) for name in NETWORKS]
        for machine in ("sharp", "epur")
        for budget in BUDGETS
    }


def test_power_and_energy_are_means_over_the_networks(made):
    rises = []
    for budget in BUDGETS:
        ours, theirs = made["sharp", budget], made["epur", budget]
        assert one(power(STUDY, budget)) == pytest.approx(fmean(entry.power_w for entry in ours))
        assert one(power(STUDY, budget, "epur")) == pytest.approx(fmean(entry.power_w for entry in theirs))
        pairs = list(zip(ours, theirs, strict=True))
        change = fmean(mine.energy.total_j / other.energy.total_j for mine, other in pairs) - 1
        assert one(energy_change(STUDY, budget)) == pytest.approx(change)
        assert one(efficiency_over_asic(STUDY, budget)) == pytest.approx(1 / (1 + change))
        rises += [mine.power_w / other.power_w - 1 for mine, other in pairs]
    assert one(power_rise(STUDY, "least")) == pytest.approx(min(rises))
    assert one(power_rise(STUDY, "most")) == pytest.approx(max(rises))


def test_gflops_per_w_is_a_ratio_of_means(made):
    ours = made["sharp", "64K"]
    share = fmean(entry.report.counts.utilization for entry in ours)
    expected = 1000 * share * (65_536 * 5e8 / 2**40) / fmean(entry.power_w for entry in ours)
    assert one(gflops_per_w(STUDY, "64K")) == pytest.approx(expected)


def test_efficiency_over_the_fpga_by_hand(made):
    # BrainWave's LSTMs use 17.92 % of 48 TFLOPS: 8601.6 GFLOPS, at 125 W 68.8 GFLOPS/W.
    ours = fmean(entry.gflops_per_w for entry in made["sharp", "64K"])
    assert one(efficiency_over_fpga(STUDY, "64K", 125)) == pytest.approx(ours / (0.1792 * 48_000 / 125))


def test_area_and_its_parts():
    parts = implement(MACHINE.with_macs("16K"), TECHNOLOGY).area_mm2
    assert one(area(STUDY, "16K")) == pytest.approx(sum(parts.values()))
    # Of the paper's 227.6 mm2.
    assert one(area_share(STUDY, "16K", "compute_unit")) == pytest.approx(parts["compute_unit"] / 227.6)
    logic = parts["compute_unit"] + parts["mfu"] + parts["controller"]
    assert one(area_share(STUDY, "16K", "sram")) == pytest.approx((sum(parts.values()) - logic) / 227.6)


def test_area_of_the_multiplexers_by_hand():
    # Four of 256 rows by 32 bits, 38.1024 um2 a bit at 130 nm, at 32 nm 2.3087: 75,651 um2 of the paper's 101.1 mm2.
    assert one(area_share(STUDY, "1K", "reconfiguration")) == pytest.approx(0.075651 / 101.1, rel=1e-4)


# Rivals --------------------------------------------------------------------------------------------------------------


def test_speedup_over_brainwave_is_over_its_own_latencies():
    # 0.425 ms for 256 cells and 150 steps, 0.145 for 1536 and 50.
    small = 0.425e-3 / run(square_lstm(256, 150), "96K").latency_s
    large = 0.145e-3 / run(square_lstm(1536, 50), "96K").latency_s
    assert one(speedup_over_brainwave(STUDY, [256], "least")) == pytest.approx(small)
    assert one(speedup_over_brainwave(STUDY, [256, 1536], "least")) == pytest.approx(min(small, large))
    assert one(speedup_over_brainwave(STUDY, [256, 1536], "most")) == pytest.approx(max(small, large))
    assert one(speedup_over_brainwave(STUDY, [256, 1536], "mean")) == pytest.approx((small * large) ** 0.5)


def test_brainwaves_utilization_by_hand():
    assert one(brainwave_utilization(STUDY)) == pytest.approx((0.471 + 0.271 + 0.118 + 0.028 + 0.008) / 5)


def test_the_tpus_utilization_by_hand():
    assert one(tpu_utilization(STUDY)) == pytest.approx((3.7 + 2.8) / 2 / 92)


def test_speedup_over_a_gpu_leaves_out_the_one_step():
    latencies = [entry for entry in plasticine_latencies("Tesla V100") if entry.network.seq_len > 1]
    assert len(latencies) == 9
    ratios = [entry.latency_s / run(entry.network, "64K").latency_s for entry in latencies]
    assert one(speedup_over_gpu(STUDY, "least", "Tesla V100")) == pytest.approx(min(ratios))
    assert one(speedup_over_gpu(STUDY, "most", "Tesla V100")) == pytest.approx(max(ratios))
    assert one(speedup_over_gpu(STUDY, "mean", "Tesla V100")) == pytest.approx(geometric_mean(ratios))


def test_gpu_efficiency_by_hand():
    # Batch 64, recurrent products alone, two operations each, of 125 TFLOPS: LSTM 256 of 150 steps in 4.45 ms is the
    # least, LSTM 4096 of 25 steps in 6.885 ms the most.
    least = 2 * 4 * 256 * 256 * 150 * 64 / 4.45e-3 / 125e12
    most = 2 * 4 * 4096 * 4096 * 25 * 64 / 6.885e-3 / 125e12
    asked = {"device": "Tesla V100", "precision": "fp16_tensor", "batch_size": 64}
    assert one(gpu_efficiency(STUDY, "least", **asked)) == pytest.approx(least)
    assert one(gpu_efficiency(STUDY, "most", **asked)) == pytest.approx(most)


# Reasons that quote numbers ------------------------------------------------------------------------------------------


def test_numbers_in_reasons_of_sizes_and_bounds():
    reasons = {claim.id: claim.reason for claim in load_claims()}
    gains = [f"{one(padding_gain(STUDY, range(128, 2049, step))):.3f}" for step in (1, 32, 64)]
    assert "these sizes it is {}, in steps of 32 {}, of 64 {}".format(*gains) in reasons["padding_gain_max"]
    assert gains == ["1.139", "1.064", "1.000"]
    machine, most = MACHINE.with_macs("64K"), []
    for network in map(square_lstm, (256, 340, 512, 1024)):
        bound = bound_layer(network.layers[0], Sequences.equal(network.seq_len), machine, machine.plan)
        most.append(network.num_macs / machine.num_macs / bound.cycles)
    assert f"can pass {fmean(most):.3f} over these four sizes" in reasons["utilization_sharp_64k"]


def test_numbers_in_reasons_of_efficiency():
    reasons, paper = {claim.id: claim.reason for claim in load_claims()}, published_numbers()
    # 321 GFLOPS/W are 51.4 % of 29.8; ours, and our power over 47.7 W, are both larger.
    share = fmean(STUDY.utilization("sharp", find_network(name), "64K")[0] for name in NETWORKS)
    needed = paper["gflops_per_w"].value * 47.7 / one(peak_tera(STUDY, "64K")) / 1000
    more = [share / needed - 1, one(power(STUDY, "64K")) / 47.7 - 1]
    assert "by {:.0f} % and {:.0f} %, and cancel".format(*(100 * part for part in more)) in reasons["gflops_per_w"]
    # BrainWave does 17.92 % of 96,000 multipliers x 250 MHz at 125 W, in the paper's count over 2^40.
    fpga = 1000 * 0.1792 * paper_tera(96_000 * 250e6) / 125
    assert f"own numbers give {321 / fpga:.1f}, ours" in reasons["flops_per_w_fpga"]
    assert reasons["flops_per_w_fpga"].endswith(f"ours {one(efficiency_over_fpga(STUDY, '64K', 125)):.2f}")


def test_numbers_in_the_reasons_of_claims():
    reasons = {claim.id: claim.reason for claim in load_claims()}
    for batch_size in (64, 96):  # sequences; two operations each of a byte, 34 GB/s, of 92,000 GOPS
        assert f"{2 * batch_size * 34 / 92_000:.1%}".replace("%", " %") in reasons["tpu_utilization"]
    lanes = Study({**nominal(PARAMETERS), "activation_lanes": np.array([128])}, MACHINE, TECHNOLOGY)
    share = one(utilization(lanes, "64K"))
    assert reasons["utilization_sharp_64k"].endswith(f"with 128 activation lanes ours is {share:.2f}")
    gain = min(one(utilization(STUDY, budget) / utilization(STUDY, budget, "epur")) for budget in BUDGETS[1:])
    assert reasons["utilization_gain_least"].endswith(f"from 4K up our least is {gain:.2f}")
    # LSTM 512 of 25 steps in 0.79 ms.
    least = 2 * 4 * 512 * 512 * 25 * 64 / 0.79e-3 / 125e12
    reason = reasons["gpu_efficiency_b64_least"]
    assert f"from 512 cells up its least is {least:.1%}".replace("%", " %") in reason
    # LSTM 256, of the least share of 125 TFLOPS, and LSTM 4096, of the most, over 31.3.
    shares = [one(gpu_efficiency(STUDY, which, "Tesla V100", "fp16_tensor", 64)) for which in ("least", "most")]
    assert reason.endswith(f"it is {shares[0] * 125 / 31.3:.1%}".replace("%", " %"))
    assert f"{shares[1] * 125 / 31.3:.0%}" == "100%"
    gmat, other = (one(speedup(STUDY, (name,), ("4K",))) for name in ("gmat", "rldradspr"))
    assert f"{gmat:.2f}" == f"{other:.2f}" == "1.08"
    assert "1.11 and we have 1.08" in reasons["speedup_epur_gmat_4k"]


# Many samples --------------------------------------------------------------------------------------------------------


def test_each_sample_is_what_it_is_alone():
    samples = draw(PARAMETERS, 2, seed=3)
    together = Study(samples, MACHINE, TECHNOLOGY)
    alone = [
        Study({name: values[[place]] for name, values in samples.items()}, MACHINE, TECHNOLOGY) for place in (0, 1)
    ]
    moved = 0
    for claim in load_claims():
        if not claim.measure:
            continue
        arguments = dict(claim.arguments)
        if claim.measure == "padding_gain":
            arguments.setdefault("sizes", [132, 340, 1030])
        values = measure(claim.measure, together, arguments)
        assert values.shape == (2,)
        assert values == pytest.approx([one(measure(claim.measure, study, arguments)) for study in alone]), claim.id
        moved += values[0] != values[1]
    assert moved > 40


def test_a_measure_goes_by_its_name():
    for name, function in MEASURES.items():
        assert function.__name__ == name
    assert {claim.measure for claim in load_claims() if claim.measure} == set(MEASURES)


def test_another_machine_is_measured():
    slow = replace(MACHINE, activation_lanes=16)
    study = Study({"eesen.seq_len": np.array([500])}, slow, TECHNOLOGY)
    ratio = (
        simulate(
            find_network("eesen"),
            slow.with_macs("64K"),
            Plan(schedule="sequential", tile_rows=32, reconfiguration=False),
        ).latency_s
        / simulate(find_network("eesen"), slow.with_macs("64K")).latency_s
    )
    assert one(speedup(study, ("eesen",), ("64K",))) == pytest.approx(ratio)
