"""Rivals' numbers: every row has a source and agrees with itself and its neighbours; bad files get one sentence."""

import ast
import csv
from math import prod
from pathlib import Path

import pytest

from sharp import SpecificationError, find_network
from sharp.provenance import STATUSES
from sharp.rivals import data as rivals_data
from sharp.rivals.data import (
    PRECISIONS,
    Device,
    MeasuredLatency,
    brainwave_latencies,
    epur_numbers,
    gpu_devices,
    gpu_latencies,
    load_latencies,
    measured_latencies,
    plasticine_latencies,
)
from sharp.workload.single import single_layer

RIVALS = Path(rivals_data.__file__).parents[1] / "data" / "rivals"
TABLES = {"brainwave_deepbench": 22, "gpu_deepbench": 535, "gpu_devices": 7, "plasticine_deepbench": 30}
LATENCIES = [stem for stem in TABLES if stem.endswith("_deepbench")]
KEY = ("device", "cell", "hidden_size", "seq_len", "batch_size", "precision")
BRAINWAVE_PEAK = 48.0  # TFLOPS


def rows(stem):
    with (RIVALS / f"{stem}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def by_network(latencies):
    found = {latency.network.name: latency for latency in latencies}
    assert len(found) == len(latencies)
    return found


def geometric_mean(ratios):
    return prod(ratios) ** (1 / len(ratios))


def both_products(latency):
    """Operations of both products, two a MAC, whatever the time holds."""
    return 2 * latency.network.num_macs


# What ships ----------------------------------------------------------------------------------------------------------


def test_there_are_these_files():
    others = {"brainwave.yaml", "epur.yaml", "gpu_models.csv"}  # the first and the last are fits to these
    others |= {"npu.yaml", "npu_rtl.csv", "npu_events.csv", "npu_published.csv"}  # cycles, not latencies (test_npu.py)
    others |= {"cpu_devices.csv", "cpu_models.csv", "cpu_rnn.csv"}  # measured, and fits to it (test_cpu.py)
    others.add("results.csv")  # what texts say of other machines (test_results.py)
    assert {path.name for path in RIVALS.iterdir()} == {f"{stem}.csv" for stem in TABLES} | others


@pytest.mark.parametrize("stem", TABLES)
def test_every_row_says_where_it_comes_from(stem):
    table = rows(stem)
    assert len(table) == TABLES[stem]
    for row in table:
        assert row["status"] in STATUSES
        assert len(row["source"]) > 10
        assert row["device"]
    assert (RIVALS / f"{stem}.csv").read_text().startswith("# ")


@pytest.mark.parametrize("stem", LATENCIES)
def test_rows_are_loaded_as_they_stand(stem):
    latencies = load_latencies(RIVALS / f"{stem}.csv")
    for row, latency in zip(rows(stem), latencies, strict=True):
        (layer,) = latency.network.layers
        assert (layer.cell, str(layer.hidden_size)) == (row["cell"], row["hidden_size"])
        assert layer.input_size == layer.hidden_size
        assert str(latency.network.seq_len) == row["seq_len"]
        assert str(latency.network.batch_size) == row["batch_size"]
        assert latency.latency_s == float(row["latency_ms"]) / 1000 > 0
        assert (latency.device, latency.source, latency.status) == (row["device"], row["source"], row["status"])
        assert latency.precision == row["precision"] in PRECISIONS
        assert latency.input_product is {"yes": True, "no": False, "": None}[row["input_product"]]


@pytest.mark.parametrize("stem", LATENCIES)
def test_no_measurement_is_there_twice_and_every_name_exists(stem):
    keys = [tuple(row[name] for name in KEY) for row in rows(stem)]
    assert len(set(keys)) == len(keys)
    for row in rows(stem):
        if row["network"]:
            assert row["network"] == find_network(row["network"]).name
        else:
            assert int(row["batch_size"]) >= 8


def test_counts_and_selections():
    assert (len(brainwave_latencies()), len(brainwave_latencies("Titan Xp"))) == (11, 11)
    assert [len(plasticine_latencies(*name)) for name in ((), ("Tesla V100",), ("Xeon Skylake",))] == [10, 10, 10]
    assert len(gpu_latencies()) == 535
    assert len(gpu_latencies(batch_size=1)) == 69 == 3 * len(gpu_latencies("Titan Xp", 1))
    assert len(gpu_latencies("Titan Xp")) == 3 * 23 + 41
    assert len(gpu_latencies("Tesla V100")) == len(gpu_latencies("Tesla P100")) == 2 * 41
    assert len(gpu_latencies("Tesla M40")) == 41
    assert gpu_latencies("Tesla V100", 1) == ()
    assert {latency.device for latency in gpu_latencies(batch_size=1)} == {"Titan Xp", "Titan X Pascal", "GTX 1080 Ti"}
    assert gpu_latencies() is gpu_latencies()


def test_macs_in_the_time():
    # LSTM 512, 25 steps: 4 x 512 x 512 recurrent weights, as many for x.
    (gpu,) = (latency for latency in gpu_latencies("Titan Xp", 1) if latency.network.name == "deepbench-lstm-h512-t25")
    brainwave = by_network(brainwave_latencies())["deepbench-lstm-h512-t25"]
    assert gpu.num_macs == 4 * 512 * 512 * 25
    assert brainwave.num_macs == brainwave.network.num_macs == 2 * gpu.num_macs


# Arithmetic ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["BrainWave", "Titan Xp"])
def test_brainwaves_latency_tflops_and_utilization_agree(device):
    # Tolerance: half of the last printed digits, 0.0005 ms (BrainWave) or 0.005 ms, 0.005 TFLOPS and 0.05 %.
    # The Titan Xp's utilization is of 12.1 TFLOPS; its tflops count the input product, which its time does not hold.
    peak = BRAINWAVE_PEAK if device == "BrainWave" else 12.1
    assert pytest.approx(2 * 96_000 * 250e6 / 1e12) == BRAINWAVE_PEAK
    for latency in brainwave_latencies(device):
        half = 0.0005 if device == "BrainWave" else 0.005
        computed = both_products(latency) / latency.latency_s / 1e12
        assert latency.tflops == pytest.approx(computed, abs=0.0051 + computed * half / 1000 / latency.latency_s)
        assert latency.utilization == pytest.approx(latency.tflops / peak, abs=0.00051 + 0.005 / peak)


def test_brainwaves_cycles_a_step():
    # What the model of BrainWave rests on: at 250 MHz a step takes about as long at every size.
    cycles = {
        name: latency.latency_s * 250e6 / latency.network.seq_len
        for name, latency in by_network(brainwave_latencies()).items()
    }
    assert cycles.pop("deepbench-gru-h512-t1") == pytest.approx(3250)
    lstm = [value for name, value in cycles.items() if "-lstm-" in name]
    gru = [value for name, value in cycles.items() if "-gru-" in name]
    assert (min(lstm), max(lstm)) == pytest.approx((708, 770), abs=1)
    assert (min(gru), max(gru)) == pytest.approx((632, 662), abs=1)


def test_brainwaves_titan_xp_is_deepbenchs():
    # 0.6 %: three of the eleven differ by more than rounding (178.6 and 177.792, 59.51 and 59.258, 0.06 and 0.053 ms).
    ours = by_network(gpu_latencies("Titan Xp", 1))
    for name, theirs in by_network(brainwave_latencies("Titan Xp")).items():
        assert theirs.latency_s == pytest.approx(ours[name].latency_s, rel=0.006, abs=0.0101e-3)


@pytest.mark.parametrize(
    ("rival", "ratio", "without_one_step", "printed"),
    [("Tesla V100", 32.85, 22.54, 30), ("BrainWave", 2.334, 1.742, 2)],
)
def test_plasticines_geometric_means(rival, ratio, without_one_step, printed):
    # The abstract prints 30x and 2x, which these meet within 20 %.
    plasticine = by_network(plasticine_latencies())
    others = by_network(brainwave_latencies() if rival == "BrainWave" else plasticine_latencies(rival))
    ratios = {name: others[name].latency_s / latency.latency_s for name, latency in plasticine.items()}
    assert len(ratios) == 10
    assert geometric_mean(ratios.values()) == pytest.approx(ratio, rel=1e-3)
    assert geometric_mean(ratios.values()) == pytest.approx(printed, rel=0.2)
    del ratios["deepbench-gru-h512-t1"]
    assert geometric_mean(ratios.values()) == pytest.approx(without_one_step, rel=1e-3)


def test_no_gpu_beats_its_peak():
    devices = gpu_devices()
    shares = {}
    for latency in gpu_latencies():
        share = 2 * latency.num_macs / latency.latency_s / devices[latency.device].peak_flops_per_s[latency.precision]
        assert 0 < share < 0.9
        shares.setdefault((latency.device, latency.precision, latency.network.batch_size), []).append(share)
    for device in ("Titan Xp", "Titan X Pascal", "GTX 1080 Ti"):
        assert 0.015 < max(shares[device, "fp32", 1]) < 0.02
    # DeepBench's V100, as the paper says of its Titan V (4 to 28 % at batch 64), uses a small part of its tensor cores.
    tensor = shares["Tesla V100", "fp16_tensor", 64]
    assert (min(tensor), max(tensor)) == pytest.approx((0.009, 0.25), rel=0.02)


def test_the_v100s_mixed_math_is_its_tensor_cores():
    v100 = gpu_devices()["Tesla V100"]
    rates = [
        2 * latency.num_macs / latency.latency_s
        for latency in gpu_latencies("Tesla V100")
        if latency.precision == "fp16_tensor"
    ]
    assert max(rates) == pytest.approx(64.65e12, rel=1e-3)
    assert max(rates) > 2 * v100.peak_flops_per_s["fp16"]


def test_devices():
    devices = gpu_devices()
    used = {latency.device for latency in gpu_latencies()}
    assert set(devices) == used | {"Titan V"}
    for name, device in devices.items():
        assert device.name == name
        peaks = device.peak_flops_per_s
        assert peaks["fp32"] == peaks["fp16_storage"]
        assert peaks["fp32"] == pytest.approx(2 * device.cuda_cores * device.boost_clock_hz, rel=0.02)
        assert peaks.get("fp16", 2 * peaks["fp32"]) == pytest.approx(2 * peaks["fp32"], rel=0.01)
        assert (device.base_clock_hz or 1) < device.boost_clock_hz
        assert 1e11 < device.bandwidth_bytes_per_s < 1e12
        assert 200 <= device.power_w <= 300
    assert devices["Titan V"].peak_flops_per_s["fp16"] == pytest.approx(4 * 5120 * 1.455e9, rel=1e-3)
    assert "fp16_tensor" not in devices["Tesla P100"].peak_flops_per_s
    with pytest.raises(TypeError):
        devices["Titan V"].peak_flops_per_s["fp32"] = 0.0


def test_epurs_numbers():
    numbers = {name: number.value for name, number in epur_numbers().items()}
    assert len(numbers) == 33
    assert numbers["num_macs"] == numbers["computation_units"] * numbers["dpu_width"] == 64
    assert 2 ** numbers["dpu_reduction_cycles"] == numbers["dpu_width"]
    assert (numbers["clock_mhz"], numbers["technology_nm"]) == (500, 28)
    assert [numbers[f"mu_{name}_cycles"] for name in ("add", "multiply", "exponential")] == [2, 4, 5]
    # MWL takes 35 % off the energy, at the same time, and 61 times less becomes 92 times less.
    assert numbers["energy_ratio_tegra_x1"] / numbers["energy_ratio_tegra_x1_mwl"] == pytest.approx(0.65, abs=0.02)
    # 61 times less energy in 1/18.7 of the time is 3.3 times less power; with MWL 4.9, which it prints as 5.
    ratio = numbers["energy_ratio_tegra_x1_mwl"] / numbers["speedup_tegra_x1"]
    assert ratio == pytest.approx(numbers["power_ratio_tegra_x1_mwl"], rel=0.02)
    for number in epur_numbers().values():
        assert number.provenance.status in ("published", "derived")
        assert number.provenance.covers(number.value)


# A user's file -------------------------------------------------------------------------------------------------------


def load(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_latencies(path)


def test_a_users_file(tmp_path):
    text = (
        "\ufeff# H200, cuDNN 9\n"
        "latency_ms, device,network,cell,hidden_size,seq_len,batch_size,precision,input_product\n"
        "\n"
        "1.5,H200,deepbench-lstm-h512-t25,,,,,fp16_tensor,yes\n"
        "2e-1,H200,,gru,100,7,4,,\n"
        ",,,,,,,,\n"
        "10,H200,eesen,,,,,fp32,yes\n"
    )
    one, layer, stack = load(tmp_path, text)
    assert one == MeasuredLatency(
        device="H200",
        network=find_network("deepbench-lstm-h512-t25"),
        latency_s=0.0015,
        precision="fp16_tensor",
        input_product=True,
    )
    assert (one.source, one.status, one.tflops) == ("the user's file", "given", None)
    assert layer.network == single_layer(layer.network.layers[0], 7, 4)
    assert (layer.latency_s, layer.precision, layer.input_product) == (0.0002, "unknown", None)
    assert layer.num_macs == 3 * 100 * 200 * 7 * 4
    assert stack.network == find_network("eesen")
    assert stack.num_macs == stack.network.num_macs


def test_a_users_own_network(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("{name: own, seq_len: 3, batch_size: 2, layers: [{input_size: 10, hidden_size: 20}]}\n")
    (latency,) = load(tmp_path, f"device,network,latency_ms,batch_size,input_product\nA,{own},1,2,no\n")
    assert latency.network.name == "own"
    assert latency.num_macs == 4 * 20 * 20 * 3 * 2


def test_two_directions_leave_out_the_inputs_of_both(tmp_path):
    (latency,) = load(tmp_path, "device,network,latency_ms,input_product\nA,eesen,1,no\n")
    recurrent = sum(2 * 4 * layer.hidden_size * layer.recurrent_size for layer in latency.network.layers)
    assert latency.num_macs == recurrent * latency.network.seq_len


HEAD = (
    "device,network,cell,hidden_size,seq_len,batch_size,precision,input_product,latency_ms,utilization,source,status\n"
)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,,lstm,8,2,,,,-3,,,", "line 2: latency_ms: expected a positive number, got -3.0"),
        ("A,,lstm,8,2,,,,nan,,,", "line 2: latency_ms: expected a positive number, got nan"),
        ("A,,lstm,8,2,,,,inf,,,", "line 2: latency_ms: expected a positive number, got inf"),
        ("A,,lstm,8,2,,,,0,,,", "line 2: latency_ms: expected a positive number, got 0.0"),
        ("A,,lstm,8,2,,,,1e-40,,,", "line 2: latency_ms: expected a number from 1e-30 to 1e+30, got 1e-40"),
        ("A,,lstm,8,2,,,,1_0,,,", "line 2: latency_ms: expected a positive number, got '1_0'"),
        ("A,,lstm,8,2,,,,3 ms,,,", "line 2: latency_ms: expected a positive number, got '3 ms'"),
        ("A,,lstm,8,2,,,,,,,", "line 2: latency_ms: expected a positive number, got ''"),
        (",,lstm,8,2,,,,1,,,", "line 2: device: expected a printable text, got ''"),
        ("A,,lsmt,8,2,,,,1,,,", "line 2: cell: expected dense, gru, lstm, rnn, got 'lsmt' (did you mean 'lstm'?)"),
        ("A,,lstm,8.5,2,,,,1,,,", "line 2: hidden_size: expected a positive integer, got '8.5'"),
        ("A,,lstm,0,2,,,,1,,,", "line 2: hidden_size: expected a positive integer, got 0"),
        ("A,,lstm,8,2,-1,,,1,,,", "line 2: batch_size: expected a positive integer, got '-1'"),
        ("A,,lstm,8,,,,,1,,,", "line 2: seq_len: expected a value, or a network in its place, got ''"),
        ("A,,lstm,8,2,,fp61,,1,,,", "line 2: precision: expected fp32, tf32, fp16, "),
        ("A,,lstm,8,2,,,maybe,1,,,", "line 2: input_product: expected yes, no or nothing, got 'maybe'"),
        ("A,,lstm,8,2,,,,1,74.8,,", "line 2: utilization: expected a share of at most 1, got 74.8"),
        ("A,,lstm,8,2,,,,1,,,measured", "line 2: status: expected published, recalled, derived, assumed, given, got"),
        ("A,deepbench-lstm-h512-t26,,,,,,,1,,,", "line 2: network: expected a name that `sharp list networks` prints"),
        ("A,deepbench,,,,,,,1,,,", "line 2: network: expected one network, got the suite 'deepbench'"),
        ("A,none.yaml,,,,,,,1,,,", "line 2: none.yaml: expected a readable YAML file, got: No such file"),
        (
            "A,deepbench-lstm-h512-t25,,,25,4,,,1,,,",
            "line 2: batch_size: expected 1 (deepbench-lstm-h512-t25), got '4'",
        ),
        (
            "A,deepbench-lstm-h512-t25,,256,,,,,1,,,",
            "line 2: hidden_size: expected 512 (deepbench-lstm-h512-t25), got '256'",
        ),
        ("A,eesen,lstm,,,,,,1,,,", "line 2: cell: expected nothing (eesen), got 'lstm'"),
        ("A,,lstm,8,2,,,,1,,", "line 2: expected 12 columns, got 11"),
        ('A,,"lstm"x,8,2,,,,1,,,', "line 2: expected CSV, got: "),
    ],
)
def test_a_bad_row_gets_one_sentence(tmp_path, row, message):
    with pytest.raises(SpecificationError) as error:
        load(tmp_path, HEAD + row + "\n")
    assert str(error.value).startswith(f"{tmp_path / 'mine.csv'}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": expected at least one latency, got none"),
        (HEAD, ": expected at least one latency, got none"),
        ("device,latncy_ms\n", ": line 1: expected no key 'latncy_ms' (did you mean 'latency_ms'?)"),
        ("# x\ndevice,network\n", ": line 2: expected a key 'latency_ms', got device, network"),
        ("device,device,latency_ms\n", ": line 1: expected each column once, got 'device,device,latency_ms'"),
        (b"\xff\xfe", ": expected a readable CSV file, got: it is not UTF-8 text"),
        ("device,latency_ms\nA,1\n", ": line 2: cell: expected a value, or a network in its place, got None"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path, text, message):
    with pytest.raises(SpecificationError) as error:
        load(tmp_path, text)
    assert str(error.value) == f"{tmp_path / 'mine.csv'}{message}"


def test_a_missing_file(tmp_path):
    with pytest.raises(SpecificationError, match=r"none\.csv: expected a readable CSV file, got: No such file"):
        load_latencies(tmp_path / "none.csv")


def test_unknown_devices_and_batches():
    with pytest.raises(SpecificationError, match=r"device: .*got 'Titan XP' \(did you mean 'Titan Xp'"):
        gpu_latencies("Titan XP")
    with pytest.raises(SpecificationError, match="device: expected BrainWave, Titan Xp, got 'Plasticine'"):
        brainwave_latencies("Plasticine")
    with pytest.raises(SpecificationError, match="batch_size: expected a positive integer, got 0"):
        gpu_latencies(batch_size=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cuda_cores": 0}, "cuda_cores: expected a positive integer, got 0"),
        ({"peak_flops_per_s": {"fp23": 1e12}}, "peak_flops_per_s: expected fp32, "),
        ({"peak_flops_per_s": {"fp32": -1}}, "peak_flops_per_s.fp32: expected a positive number, got -1"),
        ({"base_clock_hz": 0.0}, "base_clock_hz: expected a positive number, got 0.0"),
        ({"power_w": 0}, "power_w: expected a positive number, got 0"),
        ({"status": "found"}, "status: expected published, "),
    ],
)
def test_a_bad_device_gets_one_sentence(changes, message):
    good = {
        "name": "A",
        "cuda_cores": 1,
        "peak_flops_per_s": {"fp32": 1e12},
        "bandwidth_bytes_per_s": 1e11,
        "power_w": 100,
        "base_clock_hz": None,
        "boost_clock_hz": 1e9,
        "source": "a test",
        "status": "given",
    }
    assert Device(**good).name == "A"
    with pytest.raises(SpecificationError) as error:
        Device(**{**good, **changes})
    assert str(error.value).startswith(message)


def test_without_numpy_or_pandas():
    tree = ast.parse(Path(rivals_data.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names
    assert not {name.split(".")[0] for name in names} & {"numpy", "scipy", "pandas"}
    assert "csv" not in {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}


def test_files_of_measured_latencies_are_found(tmp_path):
    assert measured_latencies() == ()  # none is committed yet
    row = "device,cell,hidden_size,seq_len,precision,input_product,latency_ms,source\n{},lstm,512,25,fp16,yes,{},here\n"
    for name, milliseconds in (("b", 2), ("a", 1)):
        (tmp_path / f"{name}.csv").write_text(row.format(name, milliseconds))
    found = measured_latencies(tmp_path)
    assert [(entry.device, entry.latency_s) for entry in found] == [("a", 0.001), ("b", 0.002)]
