"""The command, as a user meets it."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sharp import SCHEDULES, Plan, RNNLayer, Sequences, count_cycles, find_accelerator
from sharp.cycles.counting import SPLIT
from sharp.shipped import DATA

NETWORK = "name: mine\nseq_len: 4\nlayers: [{input_size: 8, hidden_size: 16}]\n"


@pytest.fixture
def network_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(NETWORK)
    return str(path)


def test_run_json_has_the_documented_keys(command):
    outcome = command("run", "--network", "eesen", "--macs", "64K", "--json")
    report = json.loads(outcome.out)
    assert outcome.code == 0
    assert outcome.err == ""
    assert (report["network"], report["accelerator"], report["schedule"]) == ("eesen", "sharp", "unfolded")
    assert list(report["split"]) == list(SPLIT)
    assert sum(report["split"].values()) == pytest.approx(report["total_cycles"])
    assert report["latency_s"] == report["total_cycles"] / report["clock_hz"]
    assert 0 < report["utilization"] <= 1
    assert len(report["layers"]) == 5
    assert (report["forwarding"], report["weights"], report["loaded_bytes"]) == ("barrier", "resident", 0)
    assert (report["batch_size"], report["lengths"]) == (1, [])
    measures = {"total_cycles", "latency_s", "utilization", "split"}
    fits = {"fits_weight_buffer", "unfolded_cells", "fits_intermediate_buffer"}
    assert measures | fits | {"tile_rows", "cell", "projection_size", "linear_before_reset"} <= set(report["layers"][0])
    assert sum(layer["total_cycles"] for layer in report["layers"]) == report["total_cycles"]


def test_run_for_people(command):
    outcome = command("run", "--network", "eesen", "--macs", "64K")
    assert outcome.code == 0
    assert "eesen on sharp, 65,536 MACs at 500 MHz, unfolded" in outcome.out
    assert "1-4 each" in outcome.out
    assert "latency" in outcome.out
    assert "\x1b" not in outcome.out


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ((), "lstm"),
        (("--projection", "64"), "lstm to 64"),
        (("--cell", "gru"), "gru, reset after"),
        (("--cell", "gru", "--reset-before"), "gru, reset before"),
        (("--cell", f"{DATA}/cells/heads.py:CELL", "--option", "heads=4"), "lstm-heads, heads 4"),
        (("--cell", f"{DATA}/cells/mingru.py:CELL"), "mingru"),
    ],
)
def test_tables_tell_the_forms_of_a_cell_apart(command, options, shown):
    for name in ("run", "explore"):
        outcome = command(name, "--hidden", "64", *options)
        assert (outcome.code, outcome.out.splitlines()[3].startswith(f"0     {shown} ")) == (0, True)
    said = "warning: the projection of layer 0 gives as many elements as there are cells or more, not fewer\n"
    assert command("run", "--hidden", "64", *options).err == said * ("--projection" in options)


def test_warnings_go_to_the_error_stream(command):
    outcome = command("run", "--network", "deepbench-lstm-h1536-t50", "--weights", "resident")
    assert outcome.err.startswith("warning: the 36 MiB of the weights do not fit the weight buffer of 26 MiB; ")


def test_a_layer_from_the_command_line(command):
    arguments = (
        "run",
        "--cell",
        "lstm",
        "--input",
        "300",
        "--hidden",
        "512",
        "--steps",
        "7",
        "--tile-rows",
        "32",
        "--json",
    )
    report = json.loads(command(*arguments, "--no-reconfiguration", "--schedule", "batch").out)
    assert report["seq_len"] == 7
    assert report["reconfiguration"] is False
    assert (report["layers"][0]["input_size"], report["layers"][0]["hidden_size"]) == (300, 512)
    assert report["layers"][0]["tile_rows"] == 32
    short = json.loads(command("run", "--hidden", "512", "--json").out)
    assert (short["layers"][0]["input_size"], short["seq_len"]) == (512, 25)


def counted(fields, sequences, **plan):
    layer = RNNLayer(**{"input_size": 96, "hidden_size": 96, **fields})
    plan = Plan(tile_rows=32, **plan)
    return count_cycles(layer, sequences, find_accelerator("sharp"), plan).total_cycles


@pytest.mark.parametrize(
    ("arguments", "fields", "sequences", "plan"),
    [
        (("--projection", "40"), {"projection_size": 40}, 25, {}),
        (("--bidirectional", "--steps", "9"), {"bidirectional": True}, 9, {}),
        (("--cell", "gru"), {"cell": "gru"}, 25, {}),
        (("--cell", "gru", "--reset-before"), {"cell": "gru", "linear_before_reset": False}, 25, {}),
        (("--cell", "rnn", "--batch", "3"), {"cell": "rnn"}, Sequences.equal(25, 3), {}),
        (("--lengths", "9,4, 9"), {}, Sequences.of([9, 4, 9]), {}),
        (("--lengths", "7,7"), {}, Sequences.equal(7, 2), {}),
        (("--forwarding", "tilewise"), {}, 25, {"forwarding": "tilewise"}),
        (("--schedule", "interleaved", "--batch", "2"), {}, Sequences.equal(25, 2), {"schedule": "interleaved"}),
    ],
)
def test_options_of_a_layer_a_batch_and_a_plan(command, arguments, fields, sequences, plan):
    outcome = command("run", "--hidden", "96", "--tile-rows", "32", "--json", *arguments)
    assert json.loads(outcome.out)["total_cycles"] == counted(fields, sequences, **plan)
    for name in ("explore", "timeline"):
        assert command(name, "--hidden", "96", "--json", *arguments).code == 0


def test_a_batch_of_a_network(command):
    def run(*arguments):
        return json.loads(command("run", "--network", "eesen", "--json", *arguments).out)

    assert (run("--batch", "4")["batch_size"], run("--batch", "4")["seq_len"]) == (4, 500)
    report = run("--lengths", "30,28,12")
    assert (report["seq_len"], report["batch_size"], report["lengths"]) == (30, 3, [30, 28, 12])
    shown = command("run", "--network", "eesen", "--lengths", "30,28,12").out
    assert ", 3 sequences of 12 to 30 time steps\n" in shown


def test_streamed_weights(command):
    outcome = command("run", "--network", "bysdne", "--weights", "streamed", "--forwarding", "tilewise")
    assert "h forwarded tile by tile, weights streamed" in " ".join(outcome.out.split())
    assert "weight" in outcome.out
    assert "weights streamed" not in command("run", "--network", "bysdne").out
    report = json.loads(command("run", "--network", "bysdne", "--weights", "streamed", "--json").out)
    assert report["split"]["weight_load"] > 0
    assert (
        report["loaded_bytes"]
        == 2 * json.loads(command("list", "networks", "--json").out)["networks"][0]["num_weights"]
    )
    large = command("run", "--hidden", "2048", "--schedule", "batch", "--weights", "streamed")
    assert (large.code, large.err) == (0, "")


def test_settings_and_files(command, network_file):
    plain = json.loads(command("run", "--network", network_file, "--json").out)
    slow = json.loads(command("run", "--network", network_file, "--set", "activation_ns=60", "--json").out)
    assert slow["total_cycles"] > plain["total_cycles"]
    steps = json.loads(command("run", "--network", network_file, "--steps", "9", "--json").out)
    assert steps["seq_len"] == 9
    wide = json.loads(command("explore", "--hidden", "64", "--set", "tile_rows=[32, 512]", "--json").out)
    assert [entry["tile_rows"] for entry in wide["layers"][0]["candidates"]] == [32, 512]


def test_explore(command):
    outcome = command("explore", "--network", "eesen", "--macs", "16K", "--json")
    layers = json.loads(outcome.out)["layers"]
    assert len(layers) == 5
    totals = {entry["tile_rows"]: entry["total_cycles"] for entry in layers[0]["candidates"]}
    assert totals[layers[0]["best_tile_rows"]] == min(totals.values())
    assert "best" in command("explore", "--hidden", "340", "--macs", "4K").out


def test_timeline_and_trace(command, tmp_path):
    trace = tmp_path / "trace.json"
    outcome = command("timeline", "--hidden", "64", "--trace", str(trace))
    assert outcome.code == 0
    assert "array" in outcome.out
    assert json.loads(trace.read_text())["traceEvents"]
    events = json.loads(command("timeline", "--hidden", "64", "--show-steps", "1", "--json").out)
    assert len(events["h_out"]) == 1
    assert list(tmp_path.iterdir()) == [trace]


def test_list(command):
    content = json.loads(command("list", "--json").out)
    assert {"networks", "accelerators", "rivals", "schedules", "technologies", "published"} == set(content)
    assert content["schedules"] == list(SCHEDULES)
    assert content["accelerators"][0]["budgets"]["96K"] == {"num_macs": 96000, "clock_hz": 2.5e8}
    assert list(json.loads(command("list", "networks", "--json").out)) == ["networks"]
    shown = command("list").out
    for word in ("eesen-original", "deepbench-gru-h512-t1-b4", "96,000", "unfolded"):
        assert word in shown


def test_check(command, network_file):
    assert command("check", network_file).out.endswith("network mine, 1536 weights: all right\n")
    entries = json.loads(command("check", network_file, "--json").out)
    assert entries[0]["name"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run",), "workload: expected --network NAME or --hidden SIZE, got neither"),
        (
            ("run", "--network", "eesen", "--hidden", "4"),
            "expected --network or a layer, got both --network and --hidden",
        ),
        (("run", "--network", "esen"), "(did you mean 'eesen'"),
        (("run", "--network", "missing.yaml"), "missing.yaml: expected a readable YAML file, got: No such file"),
        (("run", "--hidden", "0"), "hidden_size: expected a positive integer, got 0"),
        (("run", "--hidden", "-5"), "hidden_size: expected a positive integer, got -5"),
        (("run", "--hidden", "4", "--input", "0"), "input_size: expected a positive integer, got 0"),
        (("run", "--hidden", "1.5"), "'1.5' is not a valid integer"),
        (("run", "--hidden", "4", "--steps", "0"), "seq_len: expected a positive integer, got 0"),
        (
            ("run", "--hidden", "4", "--cell", "lstn"),
            "cell: expected dense, gru, lstm, rnn or FILE.py:NAME, got 'lstn' (did you mean 'lstm'?)",
        ),
        (
            ("run", "--hidden", "4", "--cell", "gru", "--reset-before", "--schedule", "batch"),
            "gru-4x4-t25: layers[0]: schedule: expected intergate, unfolded or interleaved for a cell in which",
        ),
        (
            ("run", "--hidden", "4", "--cell", "gru", "--projection", "2"),
            "cell: expected lstm (projection_size belongs to it), got 'gru'",
        ),
        (
            ("run", "--hidden", "4", "--reset-before"),
            "cell: expected gru (linear_before_reset belongs to it), got 'lstm'",
        ),
        (("run", "--network", "eesen", "--bidirectional"), "got both --network and --bidirectional"),
        (("run", "--projection", "4"), "workload: expected --network NAME or --hidden SIZE, got neither"),
        (("run", "--hidden", "4", "--projection", "0"), "projection_size: expected a positive integer, got 0"),
        (("run", "--hidden", "4", "--batch", "0"), "batch_size: expected a positive integer, got 0"),
        (
            ("run", "--hidden", "4", "--lengths", "3,x"),
            "--lengths: expected numbers of steps such as 30,28,12, got '3,x'",
        ),
        (("run", "--hidden", "4", "--lengths", ""), "--lengths: expected numbers of steps such as 30,28,12, got ''"),
        (("run", "--hidden", "4", "--lengths", "3,-1"), "--lengths: expected numbers of steps such as 30,28,12"),
        (("run", "--hidden", "4", "--lengths", "3,0"), "seq_len: expected a positive integer, got 0"),
        (("run", "--hidden", "4", "--lengths", "3," + 30 * "9"), "--lengths: expected numbers of steps such as"),
        (
            ("run", "--hidden", "4", "--lengths", "3", "--steps", "4"),
            "expected --lengths, or --steps and --batch, got both",
        ),
        (
            ("run", "--hidden", "4", "--lengths", "3", "--batch", "1"),
            "expected --lengths, or --steps and --batch, got both",
        ),
        (
            ("run", "--hidden", "4", "--forwarding", "tile"),
            "forwarding: expected barrier, tilewise, got 'tile' (did you",
        ),
        (("run", "--hidden", "4", "--weights", "dram"), "weights: expected auto, resident, streamed, got 'dram'"),
        (
            ("run", "--hidden", "4", "--schedule", "mine.py:Mine"),
            "schedule: mine.py: expected a Python file that is there",
        ),
        (("run", "--hidden", "4", "--schedule", "interleaved", "--batch", "5000"), "at most 4096 chains"),
        (
            ("run", "--hidden", "4", "--set", "dram_bytes_per_s=0"),
            "dram_bytes_per_s: expected a positive number, got 0",
        ),
        (("run", "--hidden", "4", "--tile-rows", "48"), "expected one of 32, 64, 128, 256 or best"),
        (("run", "--hidden", "4", "--tile-rows", "bst"), "expected a tile height such as 32, or best, got 'bst'"),
        (("run", "--hidden", "4", "--macs", "1000"), "got 1000, which 32 does not divide"),
        (("run", "--hidden", "4", "--macs", "lots"), "macs: expected a number such as 4096 or 64K"),
        (("run", "--hidden", "4", "--schedule", "unfold"), "(did you mean 'unfolded'?)"),
        (("run", "--hidden", "4", "--accelerator", "shrp"), "(did you mean 'sharp'?)"),
        (("run", "--hidden", "4", "--set", "clock=1"), "got 'clock' (did you mean 'clock_hz'"),
        (("run", "--hidden", "4", "--set", "clock_hz"), "--set: expected NAME=VALUE"),
        (
            ("run", "--hidden", "4", "--set", "clock_hz=fast"),
            "clock_hz: expected a quantity such as 500MHz (in Hz, kHz, MHz, GHz), got 'fast'",
        ),
        (("run", "--hidden", "4", "--set", "clock_hz=[1"), "--set, line 1: expected YAML"),
        (("run", "--hidden", "100000000000000"), "stay below 2^63"),
        (("run", "--hiden", "4"), "--hiden"),
        (("run", "--hidden", "4", "--set", "clock_hz=1" + 400 * "0"), "clock_hz: expected"),
        (
            ("run", "--hidden", "4", "--set", "activation_lanes=010"),
            "activation_lanes: expected a positive integer, got '010'",
        ),
        (("run", "--hidden", "4", "--set", "clock_hz=!!timestamp x"), "--set, line 1: expected YAML, got: "),
        (("run", "--hidden", "4", "--set", "clock_hz=" + 20000 * "["), "--set, line 1: expected YAML"),
        (("run", "--hidden", "4", "--macs", 5000 * "9"), "macs: expected a number such as 4096 or 64K"),
        (("run", "--hidden", "4", "--tile-rows", 5000 * "9"), "tile_rows: expected a tile height such as 32, or best"),
        (("run", "--hidden", "9999999999999999999"), "hidden_size: expected an integer below 2^63"),
        (("run", "--hidden", "4", "--cell", ""), "cell: expected a printable text, got ''"),
        (("run", "--network", 300 * "a"), "network: expected a name"),
        (("timeline", "--hidden", "4096", "--show-steps", "9999", "--steps", "9999"), "at most 262144 events"),
        (("rnu",), "rnu"),
        (("timeline", "--hidden", "4", "--layer", "1"), "--layer: expected a layer of lstm-4x4-t25, 0 to 0, got 1"),
        (("timeline", "--hidden", "4", "--show-steps", "0"), "--show-steps: expected a positive integer, got 0"),
        (
            ("timeline", "--hidden", "4", "--trace", "/nowhere/t.json"),
            "/nowhere/t.json: expected a place that can be written",
        ),
        (("list", "machines"), "'machines' is not one of"),
        (("check",), "Missing argument 'FILE...'"),
        (("check", "nothing.yaml"), "nothing.yaml: expected a readable YAML file"),
        (("figure", "nothing.md"), "notebook: expected a notebook that is there, got 'nothing.md'"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(command, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = command(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("sharp: ")
    assert outcome.err.count("\n") == 1
    assert sentence in outcome.err


def run_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "sharp.cli", *arguments], capture_output=True, text=True, check=False, **options
    )


def test_a_process_ends_with_code_2_and_no_traceback():
    process = run_process("run", "--network", "esen")
    assert process.returncode == 2
    assert process.stderr.startswith("sharp: network: expected")
    assert "Traceback" not in process.stderr


def test_without_arguments_the_command_says_what_it_can():
    process = run_process()
    assert process.returncode == 2
    assert "explore" in process.stderr


@pytest.mark.parametrize("arguments", [["list", "--json"], ["list"]])
def test_a_closed_pipe_is_no_error(arguments):
    with subprocess.Popen(
        [sys.executable, "-m", "sharp.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["list", "--json"], ["list"]])
def test_a_full_disk_is_one_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "sharp.cli", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert process.returncode == 2
    assert (
        process.stderr == "sharp: standard output: expected a place that can be written, got: No space left on device\n"
    )


def test_ctrl_c_ends_a_long_run():
    # A test run in the background inherits an ignored SIGINT, so the handler is set as in the foreground.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from sharp.cli import main; main()"
    # As many rows as 64 bits hold the cycles of, which takes multipliers for wide tiles.
    layer = ["run", "--input", "1", "--hidden", "150000000000", "--steps", "1", "--schedule", "sequential"]
    machine = ["--tile-rows", "32", "--macs", "1099511627776", "--weights", "resident"]
    with subprocess.Popen([sys.executable, "-c", code, *layer, *machine], stderr=subprocess.PIPE, text=True) as process:
        time.sleep(5)  # start-up takes a fraction of this
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().strip() == "sharp: interrupted"
    assert process.returncode == 130


def test_odd_names_are_printed_as_they_are_or_refused(command, tmp_path):
    (tmp_path / "odd.yaml").write_text(NETWORK.replace("mine", "'x[red]y[/z]'"))
    assert "x[red]y[/z] on sharp" in command("run", "--network", str(tmp_path / "odd.yaml")).out
    (tmp_path / "bell.yaml").write_text(NETWORK.replace("mine", '"a\\nb"'))
    assert "name: expected a printable text" in command("run", "--network", str(tmp_path / "bell.yaml")).err


def test_a_network_may_come_through_a_pipe():
    run = [sys.executable, "-m", "sharp.cli", "check", "/dev/stdin"]
    process = subprocess.run(run, input=NETWORK, capture_output=True, text=True, check=False)
    assert process.stdout == "/dev/stdin: network mine, 1536 weights: all right\n"


def test_macs_and_settings_are_applied_together(command):
    outcome = command("run", "--hidden", "64", "--macs", "1000", "--set", "tile_rows=[10, 20]", "--json")
    assert json.loads(outcome.out)["num_macs"] == 1000


def test_reconfiguration_can_be_turned_off_everywhere(command):
    for arguments in (["explore"], ["timeline", "--tile-rows", "256"]):
        layer = ("--hidden", "340", "--macs", "4K", "--json")
        assert command(*arguments, *layer).out != command(*arguments, *layer, "--no-reconfiguration").out


def test_a_timeline_in_characters(command):
    shown = command("timeline", "--hidden", "8", "--macs", "1K", "--schedule", "batch", "--tile-rows", "32").out
    array, activation, update = (re.sub(r"^\w+ +", "", line) for line in shown.splitlines()[2:5])
    assert array.startswith("1111·")
    assert array.count("1") == array.count("2") == 4
    assert activation.index("1") > array.index("·")
    assert update.rindex("1") < array.index("2")


def test_start_up_imports_only_what_it_needs():
    code = "import sys, sharp; print(' '.join(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"numpy", "pandas", "matplotlib", "papermill", "rich", "click", "yaml"}
    late = {
        "numpy",
        "pandas",
        "matplotlib",
        "papermill",
        "sharp.energy.power",
        "sharp.energy.technology",
        "sharp.energy.sram",
    }
    for output in ("'--json'", ""):  # with a table for people, too
        run = f"import sys; sys.argv = ['sharp', 'run', '--hidden', '8', {output}]\nfrom sharp.cli import main; main()"
        code = f"{run}\nprint(' '.join(sys.modules), file=sys.stderr)"
        outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not late & set(outcome.stderr.split())
