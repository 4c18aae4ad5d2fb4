"""Each notebook: thin, run with reduced parameters, its headline numbers right and its files complete."""

import ast
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import jupytext
import pytest
import yaml
from in_process import FOLDER, NOTEBOOKS, run_here

from sharp import Plan, RNNLayer, find_accelerator, find_network, find_technology, implement, simulate, square_lstm
from sharp.artifact.notebook import run_notebook
from sharp.claims.assumptions import assumed_parameters
from sharp.workload.single import single_layer

MAX_CELL_LINES = 15

REDUCED = {
    "fig_baseline_adaptiveness": {
        "hidden_sizes": [256, 1024],
        "macs": ["1K", "4K", "16K", "64K"],
        "brainwave_sizes": [512],
    },
    "fig_bound": {
        "networks": ["eesen"],
        "hidden_sizes": [340, 1024],
        "macs": ["64K"],
        "heights": [16, 32, 64, 128, 256],
        "shown_sizes": [340],
    },
    "fig_claim_uncertainty": {"samples": 64, "base_samples": 16, "claims": ["speedup_asic_v3", "gflops_per_w"]},
    "fig_claims": {"samples": 16},
    "fig_cycle_waterfall": {"networks": ["eesen", "gmat", "bysdne", "rldradspr"], "macs": ["1K", "64K"]},
    "fig_deepbench": {"sizes_and_steps": [[256, 150], [512, 25], [1024, 25], [1536, 50]], "macs": ["96K"]},
    "fig_energy": {"networks": ["eesen", "gmat", "bysdne", "rldradspr"], "macs": ["1K", "64K"]},
    "fig_epur_speedup": {"networks": ["eesen", "gmat"], "macs": ["1K", "64K"]},
    "fig_gpu_efficiency": {},
    "fig_gpu_speedup": {},
    "fig_gru_and_variants": {
        "hidden_size": 256,
        "projection_size": 128,
        "batch_sizes": [1, 16],
        "macs": ["16K", "64K"],
    },
    "fig_interleaving": {"hidden_sizes": [512], "batch_sizes": [1, 4], "budgets": ["4K", "16K", "64K"]},
    "fig_npu": {"sizes": [512, 1024, 2048]},
    "fig_orders": {"networks": ["bysdne", "eesen"], "macs": ["64K"]},
    "fig_padding_reconfiguration": {"hidden_sizes": [340, 512], "macs": ["1K", "4K", "16K", "64K"]},
    "fig_pareto": {"networks": ["bysdne"], "deadlines_s": [3.0e-4]},
    "fig_power_area": {"macs": ["1K", "64K"], "samples": 8},
    "fig_power_sensitivity": {"macs": ["1K", "64K"], "shown": 3},
    "fig_precision": {"networks": ["bysdne"], "formats": ["fp16/fp32", "int8/int32", "int4/int32"], "seeds": [0]},
    "fig_residency": {"networks": ["eesen", "bysdne"], "points": 7},
    "fig_schedule_speedup": {"networks": ["bysdne"], "hidden_sizes": [256], "macs": ["1K", "64K"]},
    "fig_schedules_timeline": {"hidden_size": 64, "macs": "4K"},
    "fig_sparsity": {"sizes": [40, 96, 96], "seq_len": 12, "thresholds": [0.05, 0.25]},
    "fig_tile_exploration": {"hidden_sizes": [340], "macs": ["1K", "4K"]},
    "fig_utilization_latency": {"hidden_sizes": [340]},
    "fig_weight_streaming": {"networks": ["eesen", "bysdne"], "macs": ["1K", "64K"]},
    "tab_brainwave": {},
    "tab_best_setting": {"samples": 256, "base_samples": 16},
    "tab_budgets": {"macs": ["1K", "64K"]},
    "tab_claims": {"samples": 16},
    "tab_counterexamples": {"sizes": 6},
    "tab_epur_own": {"networks": ["bysdne-original"], "macs": ["1K", "64K"], "sizes": [256]},
    "tab_hardware": {},
    "tab_inconsistencies": {"samples": 64},
    "tab_networks": {"networks": ["eesen", "deepbench-gru-h512-t1"]},
    "tab_nodes": {"networks": ["bysdne"], "nodes": [32, 22, 16], "precisions": ["int8/int32"]},
    "tab_own_schedule": {"hidden_sizes": [340], "macs": ["64K"]},
    "tab_real_networks": {"networks": ["real-legere", "real-captcha-crnn"]},
    "tab_rivals": {"macs": ["1K"]},
    "tab_rtl": {"multipliers": [32]},
    "tab_technology": {"macs": ["1K"]},
    "tab_worked_examples": {},
}


def code_cells(path):
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_thin(path):
    cells = code_cells(path)
    assert [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])] == cells[:1]
    for cell in cells:
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        if cell is not cells[0]:
            assert len(cell.source.splitlines()) <= MAX_CELL_LINES, cell.source


def test_every_notebook_has_reduced_parameters():
    assert {path.stem for path in NOTEBOOKS} == set(REDUCED)


def run(tmp_path, stem, parameters):
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump(parameters))
    run_notebook(FOLDER / f"{stem}.md", output=tmp_path / "out", parameters_file=file)
    return json.loads((tmp_path / "out" / f"{stem}.json").read_text())["headline"]


def check_timeline(headline):
    assert headline["step_cycles_unfolded"] <= headline["step_cycles_intergate"] <= headline["step_cycles_sequential"]


def check_exploration(headline):
    report = simulate(square_lstm(340), find_accelerator("sharp").with_macs("4K"))
    assert headline["best_k_4k_h340"] == report.layers[0].tile_rows
    assert 1 <= headline["worst_over_best_4k"] < 3


def check_padding(headline):
    assert headline["gain_retiling_h512"] == 1
    assert 1 <= headline["gain_retiling_max"] < 1.25
    assert headline["paper_padding_gain_max"] == 1.22


def check_bound(headline):
    assert headline["first_bound_64k"] <= headline["first_interleaved_64k"] < headline["first_unfolded_64k"]
    assert 0 <= headline["beyond_max_unfolded_64k"] < headline["beyond_max_sequential_64k"]
    assert headline["sets"] == 5  # four heights of five
    assert 1 <= headline["own_set_64k"] <= headline["worst_set_64k"]
    assert headline["possible_layers_64k"] < 1


def check_pareto(headline):
    assert headline["designs_bysdne"] == 112
    assert 0 < headline["meeting_bysdne"] < 112
    assert 1 < headline["front_bysdne"] < 30
    assert headline["best_latency_us_bysdne"] <= 300
    assert headline["spotter_own_over_best"] > 5


def check_precision(headline):
    assert 55 < headline["snr_db_fp16"] < 75  # 11 bits are 66 dB
    assert 35 < headline["snr_db_int8"] < 55
    assert 10 < headline["snr_db_int4"] < 30
    assert headline["energy_mj_fp16"] > headline["energy_mj_int8"] > headline["energy_mj_int4"] > 0
    assert headline["energy_of_first_fp16"] == 1
    assert headline["trained_snr_db_fp16"] > 55 > 40 > headline["trained_snr_db_int8"] > headline["trained_snr_db_int4"]


def check_sparsity(headline):
    assert 0 < headline["share_h"] < headline["share_of_macs"] < headline["share_x"] < 1
    assert headline["fast_1k"] > headline["fast_4k"] > headline["fast_64k"] >= 1
    assert headline["deltarnn_64k"] < 1.1 < headline["deltarnn_1k"] < headline["deltarnn_speedup"] == 5.7
    assert headline["edgedrnn_16k"] < headline["edgedrnn_4k"] < headline["edgedrnn_1k"] < 10
    assert headline["in_place_1k"] >= 1


def check_interleaving(headline):
    assert headline["interleaved_h512_b1"] == headline["unfolded_h512_b1"]
    gain = headline["interleaved_h512_b4"] / headline["unfolded_h512_b4"]
    assert headline["gain_max"] == pytest.approx(gain, rel=1e-9)
    assert gain > 1
    assert 1 < headline["eesen_gain_64k"] < 2


def check_streaming(headline):
    plans = (Plan(weights="streamed"), Plan())
    streamed, resident = (simulate(find_network("bysdne"), find_accelerator("sharp"), plan).latency_s for plan in plans)
    assert headline["slower_bysdne_64k"] == pytest.approx(streamed / resident)
    assert headline["latency_us_bysdne"] == pytest.approx(streamed * 1e6)
    epur = find_accelerator("epur")
    theirs = simulate(find_network("bysdne"), epur, replace(epur.plan, weights="streamed")).latency_s
    assert headline["over_epur_streamed_bysdne"] == pytest.approx(theirs / streamed)
    weights = find_network("bysdne").num_weights  # two bytes each, in the time of computing
    assert headline["break_even_gb_per_s_bysdne"] == pytest.approx(2 * weights / resident / 1e9)


def check_utilization(headline):
    report = simulate(square_lstm(340), find_accelerator("sharp").with_macs("16K"))
    assert headline["utilization_sharp_16k"] == pytest.approx(report.counts.utilization)
    assert headline["latency_us_16k_largest"] == pytest.approx(report.latency_s * 1e6)


def check_speedup(headline):
    runs = [simulate(find_network("eesen"), find_accelerator(name).with_macs("64K")) for name in ("epur", "sharp")]
    assert headline["epur_eesen_64k"] == pytest.approx(runs[0].latency_s / runs[1].latency_s, rel=1e-9)
    assert headline["paper_eesen_64k"] == 1.9
    assert headline["epur_gmat_1k"] < headline["epur_gmat_64k"]


def check_energy(headline):
    # SHARP saves at both budgets, more at the larger one, and savings are less time to leak plus less done.
    assert headline["energy_64k"] < headline["energy_1k"] < 0
    for budget in ("1k", "64k"):
        parts = headline[f"leakage_{budget}"] + headline[f"dynamic_{budget}"]
        assert parts == pytest.approx(headline[f"energy_{budget}"], rel=1e-9)
    # By hand: 0.927 * 1.07 - 1, 1.36 / 0.595, and 1.36 / 2.02 - 1.
    assert headline["paper_most_power_1k"] == pytest.approx(-0.00811, abs=1e-9)
    assert headline["needed_speedup_64k"] == pytest.approx(2.2857, abs=1e-4)
    assert headline["implied_64k"] == pytest.approx(-0.3267, abs=1e-4)


def check_power_and_area(headline):
    for budget in ("1k", "64k"):
        made = implement(find_accelerator("sharp").with_macs(budget.upper()), find_technology("32nm"))
        assert headline[f"area_{budget}"] == pytest.approx(sum(made.area_mm2.values()), rel=1e-9)
        assert headline[f"leakage_{budget}"] == pytest.approx(made.leakage_w, rel=1e-9)
        assert headline[f"low_{budget}"] < headline[f"power_{budget}"] < headline[f"high_{budget}"]
        on_top = headline[f"wires_{budget}"] + headline[f"clock_{budget}"]
        assert headline[f"full_{budget}"] == pytest.approx(headline[f"power_{budget}"] + on_top, rel=1e-9)
        assert headline[f"interval_low_{budget}"] < headline[f"full_high_{budget}"]
    assert headline["share_sram_1k"] > 0.5 > headline["share_sram_64k"]


def check_sensitivity(headline):
    assert headline["hp_300k_1k"] < headline["hp_330k_1k"] < headline["hp_360k_1k"]
    for variant in ("clock_gating", "power_gating", "no_registers"):
        assert headline[f"hp_360k_{variant}_64k"] < headline["hp_360k_64k"]
    assert headline["leakage_of_SRAM_low_1k"] < 0 < headline["leakage_of_SRAM_high_1k"]


def check_budgets(headline):
    assert headline["ratio"] == pytest.approx(2 * 2**40 / 1e12, rel=1e-9)
    assert headline["gflops_per_w_paper"] < headline["best"]


def check_inconsistencies(headline):
    # By hand: 321 in the usual count; Table 4's geometric mean; energy over the mean of Table 6's 1/speedup.
    assert headline["p1_efficiency"] == pytest.approx(321 * 2 * 2**40 / 1e12, rel=1e-9)
    assert headline["p2_geometric"] == pytest.approx(2.80136, abs=1e-5)
    assert headline["p10_rise_1k"] == pytest.approx(0.927 / ((1 / 1.07 + 1 / 1.01 + 1 / 1.05 + 1 / 1.03) / 4) - 1)
    assert headline["p10_most_rise_1k"] == pytest.approx(0.927 * 1.07 - 1, abs=1e-9)
    assert headline["p10_inside"] == 3
    assert headline["p9_most_4k"] < headline["p9_paper_4k"]
    assert headline["p6_vectors_64k_on_128"] < headline["p6_paper_64k"] < headline["p6_vectors_64k_on_64"]
    assert headline["p5_bysdne_original_error"] < 0.02 < headline["p5_bysdne_error"]


def check_best_setting(headline):
    for group in ("table_6", "utilization", "power", "energy"):
        assert headline[f"{group}_by_{group}"] <= headline[f"{group}_by_nominal"]
    assert headline["nominal_all"] == pytest.approx(headline["table_6_by_nominal"], rel=1e-9)
    assert headline["left_all"] > headline["table_6_by_table_6"]


def check_baselines(headline):
    # By hand: 1024 cells by 2048 columns of four gates on 32 rows; what BrainWave's paper prints of five LSTMs.
    assert headline["brainwave_mean"] == pytest.approx((0.471 + 0.271 + 0.118 + 0.028 + 0.008) / 5)
    assert headline["loo_mean"] < headline["loo_max"] < 0.1
    for size in ("small", "large"):
        assert headline[f"epur_{size}_64k"] < headline[f"epur_{size}_1k"]


def check_uncertainty(headline):
    machine, technology = find_accelerator("sharp"), find_technology("32nm-paper")
    names = ("eesen", "gmat", "bysdne", "rldradspr")
    assert headline["parameters"] == len(assumed_parameters(machine, technology, map(find_network, names)))
    ratios = [
        simulate(find_network(name), find_accelerator("epur").with_macs("64K")).latency_s
        / simulate(find_network(name), machine.with_macs("64K")).latency_s
        for name in names
    ]
    assert headline["speedup_asic_v3_ours"] == pytest.approx(sum(ratios) / 4, rel=1e-9)
    assert headline["gflops_per_w_low"] < headline["gflops_per_w_median"] < headline["gflops_per_w_high"]


def check_claims(headline):
    numbers = [headline[name] for name in ("agrees", "agrees_within_assumed_ranges", "differs", "uninformative")]
    others = headline["input"] + headline["cannot_be_answered"]
    assert sum(numbers) == headline["answered"] == headline["claims"] - others >= 60
    assert headline["nominal"] <= headline["best"] < headline["answered"]
    assert headline["table_6"] < 0.12
    assert headline["utilizations"] < 5


def check_npu(headline):
    # By hand: TOPS of gemv 512 and rnn 1792 in simulator and RTL; 8 products of 26 rows and 4 passes.
    assert (headline["programs"], headline["off"], headline["traces"], headline["events_off"]) == (460, 0, 4, 0)
    assert headline["simulator_most"] == pytest.approx(1 - 3.55 / 5.65)
    assert headline["simulator_least"] == pytest.approx(1 - 33.12 / 34.25)
    assert (headline["step_h512"], headline["step_h1024"]) == (534, 966)
    assert headline["constant_most"] == pytest.approx(1 - 832 / 966)
    assert headline["npu_h512"] < headline["sharp_h512"]


def check_rivals(headline):
    # By hand: what the abstracts of ESE and C-LSTM print; 330,275 frames of 2 x 3,248,128 operations over 2.52 TOPS.
    assert headline["published"] + headline["recalled"] == headline["results"] == 26
    assert headline["alike"] == 0 < headline["least_unlike"] <= 7
    assert (headline["ese_executed_gops"], headline["ese_dense_gops"], headline["clstm_gain"]) == (282, 2520, 18.8)
    assert headline["clstm_over_ese"] == pytest.approx(330_275 * 2 * 3_248_128 / 2.52e12, rel=1e-3)
    layer = RNNLayer(input_size=123, hidden_size=1024)
    report = simulate(single_layer(layer, 1), find_accelerator("sharp").with_macs("1K"))
    assert headline["spartus_1k_us"] == pytest.approx(1e6 * report.latency_s)


CHECKS = {
    "fig_baseline_adaptiveness": check_baselines,
    "fig_claim_uncertainty": check_uncertainty,
    "fig_claims": lambda headline: (
        headline["sure"] <= headline["nominal"] <= headline["best"] < headline["of"] - headline["never"]
    ),
    "fig_cycle_waterfall": lambda headline: (
        headline["utilization_fixed_64k"] < headline["utilization_sharp_64k"] < headline["utilization_sharp_1k"]
    ),
    "fig_deepbench": lambda headline: headline["latency_us_96k_h512"] < headline["latency_us_96k_h1024"],
    "fig_energy": check_energy,
    "fig_epur_speedup": check_speedup,
    "fig_gpu_efficiency": lambda headline: (
        # DeepBench, V100, fp16_tensor, batch 64: LSTM 256 has the least share of 125 TFLOPS, LSTM 4096 the most.
        headline["together_least"] < 0.01 < headline["together_512_least"] < headline["together_most"] < 0.3
        and headline["alone_most"] < 0.02
    ),
    "fig_gpu_speedup": lambda headline: (
        headline["least_tesla_v100"] < headline["mean_tesla_v100"] < headline["most_tesla_v100"]
        and headline["points"] == 535
    ),
    "fig_gru_and_variants": lambda headline: headline["step_cycles_rnn_64k_b1"] < headline["step_cycles_lstm_64k_b1"],
    "fig_bound": check_bound,
    "fig_interleaving": check_interleaving,
    "fig_pareto": check_pareto,
    "fig_precision": check_precision,
    "fig_sparsity": check_sparsity,
    "fig_npu": check_npu,
    "fig_padding_reconfiguration": check_padding,
    "fig_power_area": check_power_and_area,
    "fig_power_sensitivity": check_sensitivity,
    "fig_schedule_speedup": lambda headline: headline["network_sequential_64k"] == 1 < headline["network_unfolded_64k"],
    "fig_schedules_timeline": check_timeline,
    "fig_tile_exploration": check_exploration,
    "fig_utilization_latency": check_utilization,
    "fig_weight_streaming": check_streaming,
    "tab_brainwave": lambda headline: (
        # By hand: (5.39 * 3.57 * 1.85 * 1.73) ** 0.25.
        headline["rows"] == 11
        and headline["mean_paper"] == pytest.approx(2.80136, abs=1e-5)
        and headline["mean_paper"] < headline["mean_speedup"]
    ),
    "tab_best_setting": check_best_setting,
    "tab_budgets": check_budgets,
    "tab_claims": check_claims,
    "tab_counterexamples": lambda headline: headline["share_4"] == 0 < headline["false"] < 5,
    "tab_epur_own": lambda headline: (
        headline["peak_power_w_lstp"] < headline["peak_power_w_paper"] < headline["peak_power_w_hp"]
        and headline["mwl_weight_accesses_lstp"] == pytest.approx(-0.5, abs=0.03)
    ),
    "fig_orders": lambda headline: (
        headline["wavefront_gain_bysdne_64k"] == pytest.approx(2.9, abs=0.1)
        and headline["wavefront_gain_eesen_64k"] == headline["refused"] == 1  # steps of two directions
    ),
    "fig_residency": lambda headline: (
        headline["faster_with_less"] < 0.01
        and headline["break_even_gb_per_s_bysdne"] > 10 * headline["break_even_gb_per_s_eesen"]
    ),
    "tab_inconsistencies": check_inconsistencies,
    "tab_hardware": lambda headline: headline["assumed_parameters"] == 8,
    "tab_nodes": lambda headline: headline["power_16nm"] < headline["power_22nm"] < headline["power_32nm"],
    "tab_networks": lambda headline: headline["networks"] == 2 < headline["shipped_networks"] == 98,
    "tab_own_schedule": lambda headline: headline["points"] == 1 == headline["faster"] + headline["slower"],
    "tab_real_networks": lambda headline: (
        headline["networks"] == 2 > headline["partly_modelled"] == 1
        and 0.02 < headline["least_utilization"] < 0.03 < 0.4 < headline["greatest_utilization"] < 0.5
    ),
    "tab_rivals": check_rivals,
    "tab_rtl": lambda headline: headline["equal_bits"] == headline["computed_layers"] == headline["layers"] > 10,
    "tab_technology": lambda headline: headline["inputs"] == 3 < headline["assumed"] < headline["numbers"] == 26,
    "tab_worked_examples": lambda headline: headline["equal"] == headline["examples"] == 5,
}


@pytest.mark.parametrize("stem", REDUCED)
def test_a_notebook_with_reduced_parameters(tmp_path, monkeypatch, stem):
    folder = tmp_path
    assert CHECKS[stem](run_here(folder, monkeypatch, stem, REDUCED[stem])) in (True, None)
    if stem.startswith("fig_"):
        root = ET.parse(folder / f"{stem}.svg").getroot()
        assert root.tag.endswith("svg")
        assert (folder / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
    else:
        assert "\\begin{tabular}" in (folder / f"{stem}.tex").read_text()
    assert len((folder / f"{stem}.csv").read_text().splitlines()) > 1


@pytest.mark.slow
def test_two_runs_write_the_same_bytes_in_a_kernel_and_here(tmp_path, monkeypatch):
    stem, here = "fig_schedules_timeline", tmp_path / "here"
    here.mkdir()
    headline = run_here(here, monkeypatch, stem, REDUCED[stem])
    monkeypatch.undo()
    assert run(tmp_path, stem, REDUCED[stem]) == headline
    names = sorted(path.name for path in here.iterdir())
    assert names == [f"{stem}.{suffix}" for suffix in ("csv", "json", "pdf", "png", "svg")]
    for name in names:
        assert (here / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name
