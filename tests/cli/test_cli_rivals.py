"""Rivals and claims from the command."""

import json
import subprocess
import sys

import pytest

from sharp import find_accelerator, find_network, simulate
from sharp.claims import claims
from sharp.rivals.brainwave import find_brainwave
from sharp.rivals.gpu import gpu_models
from sharp.rivals.machines import shipped_rivals
from sharp.shipped import DATA

BRAINWAVE_YAML = DATA / "rivals" / "brainwave.yaml"
LAYER = ("run", "--hidden", "512")


@pytest.fixture
def faster(tmp_path):
    """A copy of BrainWave's file with half of its serial path."""
    path = tmp_path / "faster.yaml"
    path.write_text(BRAINWAVE_YAML.read_text().replace("value: 650", "value: 325").replace("[644, 653]", "[300, 350]"))
    return str(path)


# run -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_rivals())
def test_run_json_is_that_of_the_library(command, name):
    outcome = command("run", "--network", "eesen", "--accelerator", name, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    report = shipped_rivals()[name].run(find_network("eesen"))
    assert json.loads(outcome.out) == json.loads(json.dumps(report.as_dict()))


def test_keys_of_a_rivals_run_are_those_of_a_machine_of_tiles(command):
    mine, other = (json.loads(command(*LAYER, "--accelerator", name, "--json").out) for name in ("sharp", "brainwave"))
    of_tiles = {"schedule", "reconfiguration", "forwarding", "weights", "residency", "order", "live"}
    of_tiles |= {"loaded_bytes", "bound_cycles", "binding", "queues"}
    assert mine.keys() - other.keys() == of_tiles
    assert not other.keys() - mine.keys()
    of_tiles = {"tile_rows", "fits_weight_buffer", "unfolded_cells", "fits_intermediate_buffer"}
    assert of_tiles <= mine["layers"][0].keys() - other["layers"][0].keys()
    assert not other["layers"][0].keys() - mine["layers"][0].keys()


def test_run_for_people_has_no_tile_height_and_notes_aside(command):
    outcome = command(*LAYER, "--accelerator", "brainwave")
    lines = outcome.out.splitlines()
    assert lines[0] == "lstm-512x512-t25 on brainwave, 96,000 MACs at 250 MHz"
    assert " ".join(lines[2].split()) == "layer cell X H cycles zation padding padding stall drain"
    assert lines[3].split()[:6] == ["0", "lstm", "512", "512", "18,855", "2.9%"]
    assert lines[-1] == "latency 75.420 us, 25 time steps"
    assert outcome.err.startswith("note: the weights are taken to be on chip, whatever their size\n")
    assert "warning" not in outcome.err


def test_a_copy_of_brainwaves_file_runs(command, faster):
    report = json.loads(command(*LAYER, "--accelerator", faster, "--json").out)
    assert (report["accelerator"], report["total_cycles"]) == ("faster", 25 * 325 + 2605)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--macs", "64K"), "--macs"),
        (("--precision", "int8/int32"), "--precision"),
        (("--schedule", "batch"), "--schedule"),
        (("--reconfiguration",), "--reconfiguration"),
        (("--no-reconfiguration",), "--reconfiguration"),
        (("--forwarding", "barrier"), "--forwarding"),
        (("--weights", "streamed"), "--weights"),
        (("--tile-rows", "best"), "--tile-rows"),
        (("--energy",), "--energy"),
        (("--technology", "32nm"), "--technology"),
        (("--sram", "table"), "--sram"),
        (("--clock-gating",), "--clock-gating"),
        (("--power-gating",), "--power-gating"),
        (("--weight-locality",), "--weight-locality"),
    ],
)
@pytest.mark.parametrize("name", ["brainwave", "titan-xp"])
def test_what_is_for_tiles_is_refused(command, name, option, words):
    outcome = command(*LAYER, "--accelerator", name, *option)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"sharp: {words}: expected a machine of tiles with it, such as sharp, got {name}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((*LAYER, "--accelerator", "brainwav"), "or a YAML file, got 'brainwav' (did you mean 'brainwave'?)"),
        ((*LAYER, "--accelerator", "titan-pascal"), "got 'titan-pascal' (did you mean 'titan-x-pascal'"),
        ((*LAYER, "--accelerator", "none.yaml"), "none.yaml: expected a readable YAML file, got: No such file"),
        ((*LAYER, "--accelerator", str(DATA / "technology" / "32nm.yaml")), "expected an accelerator, got a file of"),
        ((*LAYER, "--cell", "rnn", "--accelerator", "brainwave"), "cell: expected lstm, gru, got 'rnn'"),
        ((*LAYER, "--cell", "rnn", "--accelerator", "titan-xp"), "cell: expected gru or lstm (no other cell was"),
        ((*LAYER, "--projection", "64", "--accelerator", "brainwave"), "projection_size: expected none on BrainWave"),
        ((*LAYER, "--weight-locality"), "--weight-locality: expected --energy with it, got none"),
        (("compare", "--hidden", "8", "--weight-locality"), "--weight-locality: expected --energy with it, got none"),
        (("compare", "--hidden", "8", "--accelerators", "sharp,titan"), "got 'titan' (did you mean 'titan-xp'"),
        (
            ("compare", "--hidden", "8", "--energy", "--macs", "16K", "--accelerators", "brainwave,epur-own"),
            "epur-own: io_buffer.capacity_bytes: expected 524288 to",
        ),
        (
            ("compare", "--cell", "rnn", "--hidden", "8", "--accelerators", "titan-xp,brainwave"),
            "cell: expected gru or lstm (no other cell was",
        ),
        ((*LAYER, "--accelerator", "brainwave", "--set", "tile_rows=32"), "parameter: expected one of "),
        ((*LAYER, "--accelerator", "brainwave", "--set", "step_cycle=3"), "(did you mean 'step_cycles'?)"),
        ((*LAYER, "--accelerator", "brainwave", "--set", "num_macs=0"), "num_macs: expected a positive integer, got 0"),
        ((*LAYER, "--set", "num_macs=1024", "--macs", "4K"), "--macs: expected it or --set num_macs, got both"),
        ((*LAYER, "--set", "clock_hz=1e9", "--set", "clock_hz=2e9"), "--set: expected each name once, got "),
        (
            ("explore", "--hidden", "8", "--accelerator", "brainwave"),
            "accelerator: expected a machine of tiles, such as sharp",
        ),
        (
            ("timeline", "--hidden", "8", "--accelerator", "titan-xp"),
            "accelerator: expected a machine of tiles, such as sharp",
        ),
        (("area", "--accelerator", "brainwave"), "accelerator: expected a machine of tiles, such as sharp"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(command, arguments, sentence):
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("sharp: ")
    assert outcome.err.count("\n") == 1
    assert sentence in outcome.err


def test_weight_locality_takes_less_energy_and_as_many_cycles(command):
    run = ("run", "--network", "bysdne", "--accelerator", "epur-own", "--energy", "--json")
    plain, local = (json.loads(command(*run, *more).out) for more in ((), ("--weight-locality",)))
    assert (plain["energy"]["weight_locality"], local["energy"]["weight_locality"]) == (False, True)
    assert local["energy"]["energy_j"] < plain["energy"]["energy_j"]
    assert local["total_cycles"] == plain["total_cycles"]


# compare -------------------------------------------------------------------------------------------------------------


def test_compare_with_rivals(command, faster):
    names = f"sharp,brainwave, titan-xp,{faster}"
    report = json.loads(command("compare", "--hidden", "512", "--accelerators", names, "--macs", "96K", "--json").out)
    sharp, brainwave, gpu, copy = report["machines"]
    assert [row["accelerator"] for row in report["machines"]] == ["sharp", "brainwave", "titan-xp", "faster"]
    assert [row["num_macs"] for row in report["machines"]] == [
        96_000,
        96_000,
        gpu_models()["titan-xp"].num_macs,
        96_000,
    ]
    network = find_network("deepbench-lstm-h512-t25")
    assert sharp["latency_s"] == simulate(network, find_accelerator("sharp").with_macs("96K")).latency_s
    assert brainwave["speedup"] == find_brainwave().run(network).latency_s / sharp["latency_s"]
    assert gpu["speedup"] == gpu_models()["titan-xp"].run(network).latency_s / sharp["latency_s"]
    assert brainwave["speedup"] > copy["speedup"] > 1
    assert (sharp["schedule"], brainwave["schedule"], gpu["schedule"]) == ("unfolded", "", "")
    assert sharp["notes"] == []
    assert len(gpu["notes"]) == len(brainwave["notes"]) == 2
    assert "energy_j" not in brainwave


@pytest.mark.parametrize("names", ["sharp,brainwave,epur", "brainwave,sharp,epur"])
def test_a_rivals_energy_is_null(command, names):
    report = json.loads(command("compare", "--hidden", "64", "--accelerators", names, "--energy", "--json").out)
    rows = {row["accelerator"]: row for row in report["machines"]}
    rival = rows["brainwave"]
    assert (rival["energy_j"], rival["power_w"], rival["energy_ratio"]) == (None, None, None)
    assert rows["epur"]["energy_j"] > 0
    ratio = rows["sharp"]["energy_j"] / rows["epur"]["energy_j"] if names.startswith("sharp") else None
    assert rows["epur"]["energy_ratio"] == ratio


def test_compare_for_people_says_that_a_rivals_energy_is_not_known(command):
    arguments = ("--hidden", "512", "--accelerators", "sharp,brainwave", "--energy")
    outcome = command("compare", *arguments)
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines()[3:]}
    assert rows["sharp"][-1] == "1.00x"
    assert rows["brainwave"][1:4] == ["96,000", "18,855", "75.420"]
    assert rows["brainwave"][-3:] == ["n/a"] * 3
    assert outcome.err.startswith("note: brainwave: the weights are taken to be on chip, whatever their size\n")


def test_a_machine_that_cannot_run_the_network_is_a_row(command):
    arguments = ("compare", "--cell", "rnn", "--hidden", "8", "--accelerators")
    report = json.loads(command(*arguments, "sharp,brainwave,titan-xp", "--json").out)
    mine, brainwave, gpu = report["machines"]
    assert mine["speedup"] == 1
    for row in (brainwave, gpu):
        assert [row[name] for name in ("total_cycles", "latency_s", "utilization", "speedup")] == [None] * 4
        assert "cell: expected" in row["notes"][0]
    outcome = command(*arguments, "brainwave,sharp")
    row, other = (line.split() for line in outcome.out.splitlines()[3:5])
    assert row == ["brainwave", "96,000", "n/a", "n/a", "n/a", "n/a"]
    assert other[-1] == "n/a"
    assert "note: brainwave: rnn-8x8-t25: layers[0]: cell: expected lstm, gru, got 'rnn'\n" in outcome.err


def test_a_setting_is_for_each_machine_that_has_it(command):
    run = ("run", "--hidden", "512", "--accelerator", "brainwave", "--json")
    assert json.loads(command(*run, "--set", "step_cycles=325").out)["total_cycles"] == 25 * 325 + 2605
    arguments = ("compare", "--hidden", "512", "--accelerators", "sharp,epur,brainwave", "--json")
    plain, changed = (
        json.loads(command(*arguments, *more).out)["machines"] for more in ((), ("--set", "activation_lanes=1"))
    )
    assert changed[0]["total_cycles"] > plain[0]["total_cycles"]
    assert changed[1]["total_cycles"] > plain[1]["total_cycles"]
    assert changed[2] == plain[2] | {"speedup": changed[2]["speedup"]}


def test_a_gpu_whose_numbers_were_changed_claims_no_fit(command):
    run = ("run", "--hidden", "512", "--accelerator", "titan-xp", "--json")
    plain, changed = (json.loads(command(*run, *more).out) for more in ((), ("--set", "bandwidth_bytes_per_s=1e9")))
    assert changed["latency_s"] > plain["latency_s"]
    assert changed["warnings"] == [
        "the numbers of titan-xp are not fitted to measurements here: bandwidth_bytes_per_s set by hand"
    ]


# list and check ------------------------------------------------------------------------------------------------------


def test_rivals_are_listed_with_the_accelerators(command):
    content = json.loads(command("list", "accelerators", "--json").out)
    assert list(content) == ["accelerators", "rivals", "published"]
    assert [entry["name"] for entry in content["rivals"]] == list(shipped_rivals())
    assert content["rivals"][0] == {"name": "brainwave", "num_macs": 96_000, "clock_hz": 250e6}
    assert json.loads(command("list", "--json").out)["rivals"] == content["rivals"]
    assert list(json.loads(command("list", "schedules", "--json").out)) == ["schedules"]
    shown = command("list", "accelerators").out
    assert "machines without tiles: fitted to measurements, or read in an RTL" in shown
    for name in shipped_rivals():
        assert f"\n{name} " in shown
    assert "without tiles" not in command("list", "networks").out


def test_brainwaves_file_is_checked(command, faster):
    outcome = command("check", str(BRAINWAVE_YAML), faster, str(DATA / "accelerators" / "sharp.yaml"))
    first, second, third = outcome.out.splitlines()
    assert first == f"{BRAINWAVE_YAML}: accelerator brainwave, 96000 MACs: all right"
    assert second == f"{faster}: accelerator faster, 96000 MACs: all right"
    assert third.endswith("sharp.yaml: accelerator sharp, 65536 MACs: all right")
    (entry,) = json.loads(command("check", faster, "--json").out)
    named = {"file": faster, "kind": "accelerator", "name": "faster", "num_macs": 96_000}
    assert entry == {**named, "code": [], "warnings": []}


def test_a_bad_brainwave_file_gets_one_sentence(command, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(BRAINWAVE_YAML.read_text().replace("step_cycles:", "step_cycle:"))
    for arguments in (("check", str(path)), (*LAYER, "--accelerator", str(path))):
        outcome = command(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith(f"sharp: {path}: brainwave: expected num_macs, ")
        assert outcome.err.endswith("got 'step_cycle' (did you mean 'step_cycles'?)\n")


# claims --------------------------------------------------------------------------------------------------------------

IDS = ("brainwave_utilization", "gpu_efficiency_b64_least", "area_share_mfu_1k")
VERDICTS = {IDS[0]: "agrees", IDS[1]: "differs", IDS[2]: "input"}


@pytest.fixture
def three(monkeypatch):
    """The command with three quick claims."""
    asked = [claim for claim in claims.load_claims() if claim.id in IDS]
    evaluate = claims.evaluate_claims
    monkeypatch.setattr("sharp.cli.claims.evaluate_claims", lambda **options: evaluate(asked, **options))


@pytest.fixture
def record(tmp_path):
    """Write a record of verdicts."""

    def write(**verdicts):
        path = tmp_path / "record.json"
        path.write_text(json.dumps(verdicts))
        return str(path)

    return write


@pytest.mark.usefixtures("three")
def test_claims_as_recorded(command, record):
    outcome = command("claims", "--samples", "2", "--verdicts", record(**VERDICTS), "--json")
    assert (outcome.code, outcome.err) == (0, "")
    entries = json.loads(outcome.out)
    assert {entry["id"]: entry["verdict"] for entry in entries} == VERDICTS
    assert list(entries[0]) == [
        *("id", "claim", "source", "unit", "kind", "published", "ours", "low", "high", "error", "verdict"),
        *("empty", "met_by", "joint", "joint_ours", "repeats", "reason", "notebook"),
    ]


@pytest.mark.usefixtures("three")
def test_claims_for_people(command, record):
    outcome = command("claims", "--samples", "2", "--verdicts", record(**VERDICTS))
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    (peak,) = (line for line in lines if line.startswith("BrainWave uses 18%"))
    assert (
        " ".join(peak.split())
        == "BrainWave uses 18% of its multipliers on LSTMs 0.18 0.179 0.179 0.179 -0.1 pts agrees agrees tab_brainwave"
    )
    (share,) = (line for line in lines if line.startswith("A GPU uses at least 4%"))
    assert "-3.1 pts differs" in " ".join(share.split())
    assert sorted(lines[-2].split(", ")) == ["agrees: 1", "differs: 1", "input: 1"]
    assert lines[-1] == "together: the best of 3 settings meets 1 of 2, the nominal one 1, half of them 1 or more"


@pytest.mark.usefixtures("three")
def test_claims_together(command, record):
    asked = ("claims", "--joint", "--samples", "2", "--verdicts", record(**VERDICTS))
    outcome = command(*asked, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    joint = json.loads(outcome.out)
    assert {name: joint[name] for name in ("best", "of", "settings", "met", "conflicts")} == {
        **{"best": 1, "of": 2, "settings": 3, "met": [IDS[0]], "conflicts": [[IDS[1]]]}
    }
    assert joint["setting"]["activation_lanes"] == 64
    assert [entry["joint"] for entry in joint["claims"]] == ["agrees", "differs", "input"]
    outcome = command(*asked)
    assert "A GPU uses at least 4% of its peak at batch 64" in outcome.out.split("no setting meets\n")[1]
    assert outcome.out.splitlines()[-2] == "smallest sets of claims that no setting meets together: 1 of 1"


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("flag", ["--json", None])
def test_a_changed_verdict_is_exit_code_1_and_a_sentence(command, record, flag):
    path = record(**{**VERDICTS, IDS[0]: "differs"})
    outcome = command("claims", "--samples", "2", "--verdicts", path, *([flag] if flag else []))
    assert outcome.code == 1
    assert outcome.err == "sharp: brainwave_utilization: the record has 'differs', it is now 'agrees'\n"
    assert "A GPU uses at least 4%" in outcome.out
    gone = command("claims", "--samples", "2", "--verdicts", record(**VERDICTS, old="input"))
    assert (gone.code, gone.err) == (1, "sharp: old: the record has 'input', it is now 'no claim'\n")


@pytest.mark.usefixtures("three")
def test_verdicts_are_saved_and_are_a_record(command, record, tmp_path):
    saved = str(tmp_path / "saved.json")
    assert command("claims", "--samples", "2", "--verdicts", record(), "--save", saved).code == 1
    assert claims.recorded_verdicts(tmp_path / "saved.json") == VERDICTS
    assert command("claims", "--samples", "2", "--verdicts", saved).code == 0


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("text", "samples", "sentence"),
    [
        (None, "2", "record.json: expected a JSON object of verdicts by claim, got: "),
        ("{", "2", "record.json: expected a JSON object of verdicts by claim, got: "),
        ("3", "2", "record.json: expected a JSON object of verdicts by claim, got: int"),
        ('{"area_mm2_1k": "agreed"}', "2", "area_mm2_1k: expected agrees, agrees within assumed ranges, differs, "),
        ("{}", "0", "count: expected a positive integer, got 0"),
        ("{}", "two", "'two' is not a valid integer"),
    ],
)
def test_on_an_error_nothing_is_saved(command, tmp_path, text, samples, sentence):
    path, saved = tmp_path / "record.json", tmp_path / "saved.json"
    if text is not None:
        path.write_text(text)
    outcome = command("claims", "--samples", samples, "--verdicts", str(path), "--save", str(saved))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("sharp: ")
    assert outcome.err.count("\n") == 1
    assert sentence in outcome.err
    assert not saved.exists()


@pytest.mark.usefixtures("three")
def test_a_place_that_cannot_be_written_is_one_sentence(command, record, tmp_path):
    saved = tmp_path / "none" / "saved.json"
    outcome = command("claims", "--samples", "2", "--verdicts", record(**VERDICTS), "--save", str(saved))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"sharp: {saved}")
    assert outcome.err.count("\n") == 1


def test_all_claims_against_the_committed_record(command):
    # Few samples may move an interval over a published number, but no nominal agreement and no input.
    outcome = command("claims", "--samples", "2", "--json")
    entries, record = json.loads(outcome.out), claims.recorded_verdicts()
    assert [entry["id"] for entry in entries] == list(record)
    for entry in entries:
        if record[entry["id"]] in ("agrees", "input", "cannot be answered"):
            assert entry["verdict"] == record[entry["id"]]
    changed = {entry["id"] for entry in entries if entry["verdict"] != record[entry["id"]]}
    assert outcome.code == (1 if changed else 0)
    *sentences, last = outcome.err.splitlines() or [""]
    assert {line.split(": ")[1] for line in sentences} == changed
    assert last == ("sharp: this was with 2 samples; the record is of 4096" if changed else "")


# Start-up ------------------------------------------------------------------------------------------------------------

RIVALS = {
    "sharp.rivals.gpu",
    "sharp.rivals.gpu_fit",
    "sharp.rivals.brainwave",
    "sharp.rivals.published",
    "sharp.rivals.own",
    "sharp.rivals.data",
    "sharp.claims.claims",
}


def loaded(*arguments):
    code = f"import sys; sys.argv = ['sharp', *{arguments!r}]\nfrom sharp.cli import main; main()"
    code = f"{code}\nprint(' '.join(sys.modules), file=sys.stderr)"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(outcome.stderr.split())


@pytest.mark.parametrize("more", [(), ("--json",), ("--accelerator", "epur")])
def test_a_run_on_tiles_loads_no_rival(more):
    assert not loaded("run", "--hidden", "8", *more) & RIVALS


def test_a_rivals_run_loads_no_energy_and_no_numpy():
    modules = loaded("run", "--hidden", "8", "--accelerator", "titan-xp", "--json")
    assert "sharp.rivals.gpu" in modules
    assert not modules & {"numpy", "scipy", "sharp.energy.power", "sharp.energy.technology", "sharp.claims.claims"}


@pytest.mark.parametrize("words", [("run", "--accelerator", "sharp"), ("compare", "--accelerators", "sharp,brainwave")])
def test_a_technology_that_does_not_fit_is_refused_before_anything_runs(command, monkeypatch, words):
    def never(*_, **__):
        raise AssertionError("it ran")

    monkeypatch.setattr("sharp.rivals.tiles.Tiles.run", never)
    outcome = command(*words, "--hidden", "64", "--energy", "--set", "node_nm=32", "--set", "temperature_k=301")
    assert outcome.code == 2
    assert "temperature_k" in outcome.err


def test_weights_of_a_network_that_does_not_fit_are_streamed_unless_asked_otherwise(command):
    run = ("run", "--network", "gmat", "--macs", "64K", "--json")
    found = json.loads(command(*run).out)
    assert (found["weights"], found["residency"]["asked"]) == ("streamed", "auto")
    compared = ("compare", "--network", "gmat", "--macs", "64K", "--accelerators", "sharp,epur", "--json")
    both = [
        json.loads(command(*compared, *more).out)["machines"][1]["speedup"] for more in ((), ("--weights", "resident"))
    ]
    assert both == [pytest.approx(1.0, abs=0.01), pytest.approx(2.36, abs=0.01)]


def test_a_machine_that_cannot_be_priced_is_a_row_with_the_reason(command, write):
    small = str(write("like: sharp\nname: small\nweight_buffer: 1024\n"))
    machines = ("--accelerators", f"sharp,{small},brainwave")
    outcome = command("compare", "--network", "eesen", "--energy", *machines, "--json")
    sharp, small_row, brainwave = json.loads(outcome.out)["machines"]
    assert sharp["energy_ratio"] == 1
    assert small_row["latency_s"] > sharp["latency_s"]
    for row in (small_row, brainwave):
        assert (row["energy_j"], row["power_w"], row["energy_ratio"]) == (None, None, None)
    assert any("weight_buffer.capacity_bytes: expected 8388608 to" in note for note in small_row["notes"])
    shown = command("compare", "--network", "eesen", "--energy", *machines)
    assert shown.out.count("n/a") == 6
    assert "note: small: weight_buffer.capacity_bytes: expected" in shown.err
    first = command("compare", "--network", "eesen", "--energy", "--accelerators", f"{small},sharp", "--json")
    assert [row["energy_ratio"] for row in json.loads(first.out)["machines"]] == [None, None]
    alone = command("compare", "--network", "eesen", "--energy", "--accelerators", f"{small},brainwave")
    assert (alone.code, alone.out, alone.err.count("\n")) == (2, "", 1)
    assert alone.err.startswith("sharp: small: weight_buffer.capacity_bytes: expected")
