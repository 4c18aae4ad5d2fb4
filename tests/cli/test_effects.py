"""A setting that changes nothing of what is asked for is refused, and none that changes anything is."""

import json

import pytest

from sharp.machine.accelerator import UNITS

LAYER = ("--hidden", "300", "--steps", "9")
CHANGED = {
    "num_macs": 4096,
    "tile_rows": [32],
    "clock_hz": 1e9,
    "lanes_per_unit": 16,
    "arithmetic": "integer",
    "weight_bits": 16,
    "partial_sum_bits": 32,
    "activation_lanes": 8,
    "rows_per_update_lane": 64,
    **dict.fromkeys(("multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns"), 200),
    "weight_buffer": 2**25,
    "io_buffer": 2**20,
    "cell_state_buffer": 2**19,
    "intermediate_buffer": 2**12,
    "dram_bytes_per_s": 1e9,
    "chained_levels": 4,
    "accumulators": "interleaved",
}
"""Another value of each number of a machine; of a format's the same, as others would change others with it."""
ALWAYS = {"num_macs", "tile_rows", "clock_hz", "activation_lanes", "rows_per_update_lane", "intermediate_buffer"}
LATENCIES = {"multiply_ns", "add_ns", "accumulate_ns", "activation_ns", "update_ns"}
KNOWN = {"weight_bits", "partial_sum_bits", "chained_levels", "accumulators"}
"""Numbers of every run that these layers do not show."""


def numbers(content):
    """What JSON says in numbers, but for what it says of the machine and of where weights fit."""
    if isinstance(content, dict):
        said = {"clock_hz", "num_macs", "warnings", "residency", "accelerator", "precision", "temperature_k"}
        return {key: numbers(value) for key, value in content.items() if key not in said}
    return [numbers(entry) for entry in content] if isinstance(content, list) else content


COMMANDS = {
    ("run", *LAYER): ALWAYS | LATENCIES,
    ("run", *LAYER, "--weights", "streamed"): ALWAYS | LATENCIES | {"dram_bytes_per_s"},
    ("run", *LAYER, "--energy"): ALWAYS | LATENCIES | {"lanes_per_unit", "weight_buffer", "cell_state_buffer"}
    | {"io_buffer", "arithmetic"},
    ("explore", *LAYER): ALWAYS | LATENCIES,
    ("timeline", *LAYER, "--show-steps", "9"): ALWAYS | LATENCIES,
    ("area",): ALWAYS | {"lanes_per_unit", "weight_buffer", "io_buffer", "cell_state_buffer", "arithmetic"}
    | {"dram_bytes_per_s"},
}  # fmt: skip


def test_every_number_of_a_machine_is_tried():
    assert CHANGED.keys() == UNITS.keys()
    assert UNITS.keys() > ALWAYS | LATENCIES | KNOWN


@pytest.mark.parametrize("name", [name for name in CHANGED if name not in KNOWN])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_setting_has_an_effect_or_is_refused(command, arguments, name):
    base = () if name == "num_macs" else ("--macs", "1K")
    plain = command(*arguments, *base, "--json")
    text = json.dumps(CHANGED[name]) if not isinstance(CHANGED[name], str) else CHANGED[name]
    outcome = command(*arguments, *base, "--json", "--set", f"{name}={text}")
    if name in COMMANDS[arguments] or (name == "weight_buffer" and arguments[0] != "area"):
        assert outcome.code == 0, outcome.err
        changed = numbers(json.loads(outcome.out)) != numbers(json.loads(plain.out))
        assert changed == (name in COMMANDS[arguments])
    else:
        assert outcome.code == 2
        assert outcome.err.startswith(f"sharp: --set {name}: expected ")


STREAMED = "weights that come from the DRAM (--weights streamed), got resident ones"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("compare", *LAYER, "--set", "dram_bytes_per_s=1e9"), f"dram_bytes_per_s: expected {STREAMED}"),
        (("compare", *LAYER, "--set", "io_buffer=3000000"), "io_buffer: expected --energy with it, got none"),
        (("sweep", "g.yaml", "-o", "t.csv", "--set", "dram_bytes_per_s=1e9"), f"dram_bytes_per_s: expected {STREAMED}"),
        (
            ("sweep", "g.yaml", "-o", "t.csv", "--set", "weight_buffer=1e6"),
            "weight_buffer: expected --energy or streamed",
        ),
        (
            (
                "choose",
                *LAYER,
                "--deadline",
                "1s",
                "--samples",
                "0",
                "--table",
                "t.csv",
                "--set",
                "dram_bytes_per_s=1e9",
            ),
            f"dram_bytes_per_s: expected {STREAMED}",
        ),
        (("explore", *LAYER, "--set", "dram_bytes_per_s=1e9"), f"dram_bytes_per_s: expected {STREAMED}"),
        (
            ("run", *LAYER, "--energy", "--set", "int8_multiply_pj=1"),
            "int8_multiply_pj: expected a machine whose formats need it, got fp16/fp32",
        ),
        (
            ("area", "--set", "chained_levels=4"),
            "chained_levels: expected a run, which it changes (sharp run), got none",
        ),
    ],
)
def test_what_changes_nothing_is_refused_and_nothing_is_written(command, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.yaml").write_text("hidden_size: [8, 16]\n")
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"sharp: --set {sentence}")
    assert [path.name for path in tmp_path.iterdir()] == ["g.yaml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--network", "gmat", "--weights", "resident", "--set", "dram_bytes_per_s=1e9"),  # its warning has it
        ("compare", *LAYER, "--accelerators", "sharp,s.yaml", "--set", "dram_bytes_per_s=1e9"),
        ("compare", *LAYER, "--accelerators", "brainwave,npu", "--set", "clock_hz=1e8"),
        ("sweep", "s.yaml", "-o", "t.csv", "--set", "dram_bytes_per_s=1e9"),
        ("run", *LAYER, "--energy", "--precision", "int8/int32", "--set", "int8_multiply_pj=1"),
        ("run", *LAYER, "--energy", "--set", "temperature_k=330", "--set", "node_nm=22", "--set", "voltage_v=0.8"),
    ],
)
def test_what_changes_anything_of_any_machine_is_taken(command, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    text = "weights: [resident, streamed]\nhidden_size: 8\n"
    (tmp_path / "s.yaml").write_text(text if arguments[0] == "sweep" else "like: sharp\nplan: {weights: streamed}\n")
    assert command(*arguments).code == 0


def test_layers_one_by_one_say_that_weights_are_taken_to_be_there(command):
    for name in ("explore", "timeline"):
        content = json.loads(command(name, "--network", "gmat", "--json").out)
        assert any(
            "do not fit" in sentence and "sharp run has them streamed" in sentence for sentence in content["warnings"]
        )
        assert json.loads(command(name, *LAYER, "--json").out)["warnings"] == []
        for option in ("--weights", "--order"):
            assert f"No such option '{option}'" in command(name, *LAYER, option, "steps").err
