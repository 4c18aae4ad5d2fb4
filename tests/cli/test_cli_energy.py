"""Energy, power and area from the command."""

import csv
import json

import pytest

from sharp import evaluate_energy, find_accelerator, find_network, find_technology, implement, simulate
from sharp.energy.breakdown import ENERGY_COLUMNS
from sharp.energy.implementation import COMPONENTS
from sharp.energy.technology import with_settings

LAYER = ("run", "--hidden", "64", "--steps", "3")


def test_run_json_has_the_energy_of_the_library(command):
    outcome = command("run", "--network", "bysdne", "--macs", "4K", "--energy", "--json")
    report = json.loads(outcome.out)
    costs = evaluate_energy(
        simulate(find_network("bysdne"), find_accelerator("sharp").with_macs("4K")), find_technology("32nm")
    )
    assert outcome.err == ""
    assert report["energy"] == json.loads(json.dumps(costs.as_dict()))
    assert set(report["energy"]["components"]) == set(COMPONENTS)
    assert len(report["energy"]["layers"]) == len(report["layers"]) == 5


def test_without_the_flag_there_is_no_energy(command):
    assert "energy" not in json.loads(command(*LAYER, "--json").out)


def test_run_for_people(command):
    out = command("run", "--network", "eesen", "--energy", "--clock-gating", "--batch", "2").out
    assert "energy in 32 nm, 0.85 V, SRAM itrs-hp at 360 K, fp16/fp32, clock gating" in out
    assert "weight buffer" in out
    assert "mJ a sequence, times delay" in out
    assert "GFLOPS/W (2 operations a multiply-accumulate;" in out
    assert "as the paper counts); area 560.0 mm2" in out


def energy_of(command, *arguments):
    return json.loads(command(*LAYER, "--energy", *arguments, "--json").out)["energy"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--clock-gating",),
        ("--power-gating",),
        ("--set", "temperature_k=300"),
        ("--set", "node_nm=22"),
        ("--set", "node_nm=30"),
        ("--set", "node_nm=22", "--set", "temperature_k=330"),
        ("--set", "node_nm=7", "--set", "voltage_v=0.7"),
        *(("--precision", label) for label in ("int8/int32", "int4/int32", "bf16/fp32", "fp8/fp16", "e5m2/fp32")),
        ("--set", "fp16_multiply_pj=0.1"),
    ],
)
def test_each_of_these_takes_less_energy(command, arguments):
    assert energy_of(command, *arguments)["energy_j"] < energy_of(command)["energy_j"]


def test_settings_reach_machine_and_technology(command):
    energy = energy_of(command, "--set", "cell_type=itrs-lstp", "--set", "temperature_k=330", "--set", "weight_bits=32")
    assert (energy["cell_type"], energy["temperature_k"], energy["precision"]) == ("itrs-lstp", 330, "fp32/fp32")


def test_a_precision_goes_with_other_settings_but_not_with_its_own(command):
    settings = ("--macs", "4K", "--precision", "int8/int32", "--set", "clock_hz=2e8")
    assert json.loads(command(*LAYER, *settings, "--json").out)["clock_hz"] == 2e8
    outcome = command(*LAYER, *settings, "--set", "weight_bits=16")
    assert outcome.code == 2
    assert outcome.err == "sharp: --precision: expected it or --set weight_bits, got both\n"


def test_area_is_that_of_the_library(command):
    outcome = command("area", "--macs", "1K", "--set", "node_nm=28", "--json")
    report = json.loads(outcome.out)
    technology = with_settings(find_technology("32nm"), {"node_nm": 28})
    made = implement(find_accelerator("sharp").with_macs("1K"), technology)
    assert report["area_mm2"] == sum(made.area_mm2.values())
    assert sum(entry["area_mm2"] for entry in report["components"].values()) == pytest.approx(report["area_mm2"])
    assert report["memories"]["weight_buffer"]["banks"] == 32
    assert report["leakage_w"] < report["peak_power_w"]


def test_area_for_people_warns_of_slow_banks(command):
    outcome = command("area", "--macs", "1K", "--set", "cell_type=itrs-lstp", "--precision", "int16/int32")
    assert "banks KiB each bits read pJ" in outcome.out
    assert "warning: a bank of the weight buffer" in outcome.err
    assert "than a cycle of 2 ns; the cycles assume one" in " ".join(outcome.err.split())
    assert "area and leakage of the compute unit are derived: 0.194 times those of fp16/fp32" in " ".join(
        outcome.err.split()
    )


def test_sweep_adds_energy_columns(command, tmp_path):
    (tmp_path / "grid.yaml").write_text("hidden_size: [64, 100]\nnode_nm: [32, 22]\ndram_pj_per_bit: [4, 8]\n")
    outcome = command("sweep", str(tmp_path / "grid.yaml"), "--energy", "-o", str(tmp_path / "t.csv"))
    assert outcome.out.endswith("t.csv: 8 points\n")
    with (tmp_path / "t.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert set(ENERGY_COLUMNS) <= set(rows[0])
    assert float(rows[2]["energy_j"]) < float(rows[0]["energy_j"]) < float(rows[1]["energy_j"])


def test_wherever_energy_is_asked_for_it_says_what_it_leaves_out(command, tmp_path):
    (tmp_path / "grid.yaml").write_text("hidden_size: [64, 100]\n")
    precision = ("--precision", "bf16/fp32")
    sentence = "the energy of a multiplication in bf16 is derived: 0.609 (0.529 to 0.727) times fp16_multiply_pj"
    sweep = ("sweep", str(tmp_path / "grid.yaml"), "-o", str(tmp_path / "t.csv"), *precision)
    compared = ("compare", "--hidden", "64", "--accelerators", "sharp,titan-xp", *precision)
    asked = [(*LAYER, "--energy", *precision), ("area", *precision), (*sweep, "--energy"), (*compared, "--energy")]
    for arguments in asked:
        assert sentence in " ".join(command(*arguments).err.split()), arguments
    reports = [json.loads(command(*arguments, "--json").out) for arguments in asked]
    warnings = [reports[0]["energy"]["warnings"], reports[1]["warnings"], reports[2]["warnings"]]
    assert [said[0] for said in (*warnings, reports[3]["machines"][0]["notes"])] == [sentence] * 4
    assert reports[3]["machines"][1]["energy_j"] is None
    for arguments in (sweep, compared):  # no energy, nothing said of it
        assert "derived" not in command(*arguments).err
    assert json.loads(command(*sweep, "--json").out)["warnings"] == []
    refused = json.loads(command(*sweep[:-2], "--energy", "--set", "weight_bits=12", "--json").out)
    assert (refused["refused"], refused["warnings"]) == (2, [])


def test_technologies_are_listed(command):
    assert json.loads(command("list", "technologies", "--json").out) == {
        "technologies": [
            {"name": name, "node_nm": 32, "voltage_v": 0.85} for name in ("32nm", "32nm-paper", "32nm-synthesis")
        ]
    }
    assert "itrs-hp" in command("list", "technologies").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((*LAYER, "--clock-gating"), "--clock-gating: expected --energy with it, got none"),
        ((*LAYER, "--technology", "32nm"), "--technology: expected --energy with it, got none"),
        ((*LAYER, "--set", "temperature_k=300"), "--set temperature_k: expected --energy with it, got none"),
        (
            (*LAYER, "--energy", "--technology", "32mn"),
            "technology: expected 32nm, 32nm-paper, 32nm-synthesis or a YAML file, got",
        ),
        ((*LAYER, "--energy", "--set", "temperature_k=315"), "temperature_k: expected 300 to 400 K in steps of 10"),
        ((*LAYER, "--energy", "--set", "temperature_k=-3"), "temperature_k: expected a positive number, got -3"),
        ((*LAYER, "--energy", "--set", "cell_type=itrs-lop"), "sharp: cell_type: expected itrs-hp, itrs-lstp"),
        ((*LAYER, "--energy", "--set", "node_nm=5"), "node_nm: expected 7 to 45 nm (where the law holds), got 5"),
        (
            (*LAYER, "--energy", "--set", "node_nm=65"),
            "node_nm: expected 7 to 45 nm (where the law holds), got 65 (nea",
        ),
        (
            (*LAYER, "--energy", "--set", "node_nm=22", "--power-gating"),
            "power_gating: expected a technology with data",
        ),
        (
            (*LAYER, "--energy", "--set", "cell_type=itrs-lstp", "--set", "node_nm=22", "--set", "temperature_k=300"),
            "sharp: temperature_k: expected 360 K (itrs-lstp at 22 nm; itrs-hp has 300 to 400 K",
        ),
        ((*LAYER, "--energy", "--set", "weight_buffer=1000"), "weight_buffer.capacity_bytes: expected 8388608 to"),
        ((*LAYER, "--energy", "--set", "weight_bits=12"), "weight_bits: expected 16 or 32 (the fp numbers that"),
        ((*LAYER, "--precision", "fp16"), "precision: expected formats of multiplier and sums such as fp16/fp32"),
        ((*LAYER, "--precision", "int8/fp32"), "precision: expected formats of multiplier and sums"),
        (
            (*LAYER, "--set", "arithmetic=complex"),
            "arithmetic: expected float, bfloat, e4m3, e5m2, integer, got 'complex'",
        ),
        ((*LAYER, "--energy", "--set", "tile_rows=[16]"), "lanes_per_unit: expected a divisor of the tile height 16"),
        ((*LAYER, "--energy", "--sram", "cacti"), "source: expected table, hwcomponents, smooth, got 'cacti'"),
        (("area", "--set", "fp16_multply_pj=1"), "(did you mean 'fp16_multiply_pj'"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(command, arguments, sentence):
    outcome = command(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("sharp: ")
    assert outcome.err.count("\n") == 1
    assert sentence in outcome.err


def test_a_grid_of_energies_needs_energy(command, tmp_path):
    (tmp_path / "grid.yaml").write_text("hidden_size: 64\nnode_nm: [32, 22]\n")
    outcome = command("sweep", str(tmp_path / "grid.yaml"), "-o", str(tmp_path / "t.csv"))
    assert outcome.code == 2
    assert "points.node_nm: expected" in outcome.err
    assert not (tmp_path / "t.csv").exists()
