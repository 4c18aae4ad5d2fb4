"""Quantities with units, and numbers outside their plausible range, wherever the command reads a number."""

import json

import pytest

LAYER = ("--hidden", "64", "--steps", "3")


@pytest.fixture
def machine_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("like: sharp\nclock_hz: 400MHz\nweight_buffer: 26MiB\nactivation_ns: {value: 0.02us}\n")
    return str(path)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("clock_hz=250MHz", "clock_hz=250e6"),
        ("dram_bytes_per_s=12GB/s", "dram_bytes_per_s=12e9"),
        ("weight_buffer=26MiB", "weight_buffer=27262976"),
        ("activation_ns=0.03us", "activation_ns=30"),
    ],
)
def test_a_setting_with_its_unit_is_the_number(command, text, number):
    runs = [command("run", *LAYER, "--weights", "streamed", "--set", given, "--json") for given in (text, number)]
    assert runs[0].code == 0
    assert runs[0].out == runs[1].out


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", *LAYER, "--json", "--energy", "--set", "temperature_k=330K", "--set", "fp16_multiply_pj=700fJ"),
        ("compare", *LAYER, "--json", "--accelerators", "sharp,brainwave,titan-xp,npu", "--set", "clock_hz=400MHz"),
        ("choose", *LAYER, "--json", "--samples", "0", "--deadline", "1ms", "--set", "clock_hz=400MHz"),
        ("area", "--json", "--set", "node_nm=32nm", "--set", "voltage_v=850mV", "--set", "weight_buffer=26MiB"),
    ],
)
def test_every_command_reads_them(command, arguments):
    assert command(*arguments).code == 0


def test_a_quantity_of_another_kind_is_one_sentence(command):
    outcome = command("run", *LAYER, "--set", "clock_hz=50ms")
    assert outcome.code == 2
    assert "clock_hz: expected a quantity such as 500MHz (in Hz, kHz, MHz, GHz), got '50ms'" in outcome.err


def test_files_of_machines_technologies_and_grids_read_them(command, machine_file, tmp_path):
    report = json.loads(command("run", *LAYER, "--accelerator", machine_file, "--json").out)
    assert (report["clock_hz"], report["warnings"]) == (4e8, [])
    grid = tmp_path / "grid.yaml"
    grid.write_text("hidden_size: 64\nclock_hz: [250MHz, 5e8]\nweight_buffer: {from: 25MiB, to: 26MiB, step: 512KiB}\n")
    assert command("sweep", str(grid), "-o", str(tmp_path / "table.csv")).err == ""
    rows = (tmp_path / "table.csv").read_text().splitlines()
    assert [row.split(",")[1:3] for row in rows[1:]] == [
        [clock, str(size * 2**19)] for clock in ("250000000.0", "500000000.0") for size in (50, 51, 52)
    ]
    space = tmp_path / "space.yaml"
    space.write_text("axes: {macs: 4K, clock_hz: [250MHz, 500MHz]}\ndeadline: 1ms\n")
    found = json.loads(command("choose", *LAYER, "--space", str(space), "--samples", "0", "--json").out)
    assert sorted(design["clock_hz"] for design in found["designs"]) == [250e6, 500e6]
    assert found["warnings"] == []


VECTOR = """kind: vector
native_dimension: 400
num_macs: 96000
clock_hz: 250
step_cycles: 650
invocation_cycles: 2605
"""
ODD = ["--set", "clock_hz=500", "--set", "activation_lanes=1000"]


@pytest.mark.parametrize("name", ["run", "compare", "explore", "timeline", "choose", "area"])
def test_mistaken_units_are_said_in_one_line(command, name):
    network = () if name == "area" else LAYER
    more = {"choose": ("--deadline", "1000s", "--samples", "0"), "compare": ("--accelerators", "sharp")}.get(name, ())
    for_people = command(name, *network, *more, *ODD)
    assert for_people.code == 0
    said = [line for line in for_people.err.splitlines() if "outside the plausible range" in line]
    assert len(said) == 1
    assert (
        "clock_hz 500 Hz (250 MHz to 500 MHz), activation_lanes 1000 values/cycle (32 values/cycle to 256 values/cycle)"
        in said[0]
    )
    content = json.loads(command(name, *network, *more, *ODD, "--json").out)
    found = content["machines"][0]["notes"] if name == "compare" else content["warnings"]
    assert sum("outside the plausible range" in sentence for sentence in found) == 1


def test_a_sweep_says_them_of_settings_and_columns(command, tmp_path):
    grid = tmp_path / "grid.yaml"
    grid.write_text("hidden_size: [64, 128]\nclock_hz: [500, 500MHz]\n")
    more = ("-o", str(tmp_path / "table.csv"), "--set", "activation_lanes=1000")
    outcome = command("sweep", str(grid), *more)
    assert "clock_hz 500 Hz" in outcome.err
    assert "activation_lanes 1000 values/cycle" in outcome.err
    assert len(json.loads(command("sweep", str(grid), *more, "--json").out)["warnings"]) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("like: sharp\nclock_hz: 500\n", "clock_hz 500 Hz (250 MHz to 500 MHz)"),
        (VECTOR, "clock_hz 250 Hz (1 MHz to 100 GHz)"),
    ],
)
def test_a_file_of_a_machine_is_held_against_what_is_plausible(command, tmp_path, text, said):
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    outcome = command("check", str(path))
    assert outcome.code == 0
    assert "outside the plausible range" in outcome.err
    assert said in outcome.err
    assert "outside the plausible range" in command("run", *LAYER, "--accelerator", str(path)).err


@pytest.mark.parametrize("more", [(), ("--precision", "int8/int32"), ("--macs", "96K"), ("--macs", "1K", "--energy")])
def test_nothing_is_said_of_what_is_plausible(command, more):
    assert "plausible" not in command("run", *LAYER, *more).err
