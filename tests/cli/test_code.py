"""Code runs only when the command line names it, or allows a file to: every reader of YAML, and every command."""

from pathlib import Path

import pytest

from sharp import SpecificationError, find_accelerator, find_network, load_accelerator, load_networks, sweep
from sharp.rivals.data import load_latencies
from sharp.rivals.machines import find_machine, load_any
from sharp.shipped import DATA
from sharp.space.files import load_grid

SPY = 'from pathlib import Path\n\nPath("RAN").write_text("x")\n'
LAYERS = "name: mine\nseq_len: 3\nlayers:\n- {cell: 'spy.py:CELL', input_size: 8, hidden_size: 8}\n"
SUITE = "suite: mine\nproblems:\n- {cell: 'spy.py:CELL', hidden_size: 8, seq_len: 3}\n"
MACHINE = "name: mine\nlike: sharp\nplan: {schedule: 'spy.py:JustEnough'}\n"
GRIDS = {
    "schedule": "hidden_size: 8\nschedule: 'spy.py:JustEnough'\n",
    "schedules": "hidden_size: 8\nschedule: [batch, 'spy.py:JustEnough']\n",
    "cell": "hidden_size: 8\ncell: 'spy.py:CELL'\n",
    "cells": "hidden_size: 8\ncell: [lstm, 'spy.py:CELL']\n",
}
FILES = {"network": LAYERS, "suite": SUITE, "machine": MACHINE, **GRIDS}
SENTENCE = "expected --allow-code (allow_code=True) with a file that names code to run, got 'spy.py:"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with files that name code, which tells when it runs: a cell and a schedule."""
    monkeypatch.chdir(tmp_path)
    text = "".join((DATA / kind).read_text() for kind in ("cells/cifg.py", "schedules/just_enough.py"))
    (tmp_path / "spy.py").write_text(text + SPY)
    for name, text in FILES.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def readers(name, **options):
    """What reads a file of a kind."""
    path = Path(f"{name}.yaml")
    if name in ("network", "suite"):
        yield lambda: load_networks(path, **options)
        yield lambda: find_network(str(path), **options)
    elif name == "machine":
        yield lambda: load_accelerator(path, **options)
        yield lambda: find_accelerator(str(path), **options)
        yield lambda: find_machine(str(path), **options)
    else:
        yield lambda: load_grid(path, **options)
        return
    yield lambda: load_any(path, **options)


@pytest.mark.parametrize("name", FILES)
def test_no_reader_runs_what_a_file_names(folder, name):
    for read in readers(name):
        with pytest.raises(SpecificationError) as refusal:
            read()
        assert str(refusal.value).startswith(f"{name}.yaml: ")
        assert SENTENCE in str(refusal.value)
    assert not (folder / "RAN").exists()


@pytest.mark.parametrize("name", FILES)
def test_every_reader_does_where_it_may(folder, name):
    for read in readers(name, allow_code=True):
        found = read()
        assert found
        if name in GRIDS:
            assert len(sweep(found, find_accelerator("sharp"))) == len(found)
    assert (folder / "RAN").exists() == (name != "machine")  # which loads its schedule where it runs


LAYER = ("--hidden", "8")
COMMANDS = {
    "run": (("run", "--network", "network.yaml"), ("run", *LAYER, "--accelerator", "machine.yaml")),
    "compare": (
        ("compare", "--network", "network.yaml"),
        ("compare", *LAYER, "--accelerators", "sharp,machine.yaml"),
    ),
    "explore": (("explore", "--network", "network.yaml"), ("explore", *LAYER, "--accelerator", "machine.yaml")),
    "timeline": (("timeline", "--network", "network.yaml"), ("timeline", *LAYER, "--accelerator", "machine.yaml")),
    "area": (("area", "--accelerator", "machine.yaml"),),
    "sweep": (
        *(("sweep", f"{name}.yaml", "-o", "o.csv") for name in GRIDS),
        ("sweep", "plain.yaml", "-o", "o.csv", "--accelerator", "machine.yaml"),
    ),
}


@pytest.mark.parametrize("arguments", [each for command in COMMANDS.values() for each in command], ids=" ".join)
def test_no_command_runs_what_a_file_names(folder, command, arguments):
    (folder / "plain.yaml").write_text("hidden_size: 8\n")
    outcome = command(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert SENTENCE in outcome.err
    assert not (folder / "RAN").exists()
    assert not (folder / "o.csv").exists()
    allowed = command(*arguments, "--allow-code")
    assert (allowed.code, allowed.out != "") == (0, True)
    assert (folder / "RAN").exists() == (arguments[0] != "area")


@pytest.mark.parametrize(
    "arguments", [("run", *LAYER, "--cell", "spy.py:CELL"), ("run", *LAYER, "--schedule", "spy.py:JustEnough")]
)
def test_what_the_command_line_names_runs(folder, command, arguments):
    assert command(*arguments).code == 0
    assert (folder / "RAN").exists()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("network", "network.yaml: network mine, 1 layers: all right, but for spy.py:CELL, whose code is not run\n"),
        (
            "suite",
            "suite.yaml: network mine-lstm-h8-t3, 1 layers: all right, but for spy.py:CELL, whose code is not run\n",
        ),
        (
            "machine",
            "machine.yaml: accelerator mine, 65536 MACs: all right, but for spy.py:JustEnough, whose code is not run\n",
        ),
    ],
)
def test_check_never_runs_code_and_says_so(folder, command, name, line):
    outcome = command("check", f"{name}.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == line
    assert '"code": [\n' in command("check", f"{name}.yaml", "--json").out
    assert not (folder / "RAN").exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("network", "input_size: 8", "input_size: 0", "layers[0].input_size: expected a positive integer, got 0"),
        ("network", "spy.py", "spi.py", "cell: spi.py: expected a Python file that is there, such as mine.py:CELL"),
        ("machine", "spy.py", "spi.py", "schedule: spi.py: expected a Python file that is there, such as mine.py:MyS"),
        ("network", "seq_len: 3", "seq_len: 0", "seq_len: expected a positive integer, got 0"),
    ],
)
def test_check_finds_what_else_is_wrong(folder, command, name, old, new, sentence):
    (folder / f"{name}.yaml").write_text(FILES[name].replace(old, new))
    outcome = command("check", f"{name}.yaml")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"sharp: {name}.yaml: {sentence}")


def test_check_lets_a_layer_of_an_unknown_cell_be_what_it_may(folder, command):
    entries = (
        "{cell: 'spy.py:CELL', input_size: 8, hidden_size: 16, projection_size: 4, options: {heads: 2}}",
        "{cell: 'spy.py:CELL', input_size: 4, hidden_size: 4, linear_before_reset: false, residual: true}",
    )
    (folder / "mine.yaml").write_text("name: mine\nseq_len: 3\nlayers:\n" + "".join(f"- {each}\n" for each in entries))
    assert command("check", "mine.yaml").out.endswith(
        "2 layers: all right, but for spy.py:CELL, whose code is not run\n"
    )


@pytest.mark.parametrize("cell", ["spy.py:CELL", "network.yaml"])
def test_measurements_name_no_code(folder, cell):
    names = "device,network,cell,hidden_size,seq_len,batch_size,precision,input_product"
    head = f"{names},latency_ms,utilization,source,status"
    row = f"A,,{cell},8,2,,,,1,,," if cell.endswith("CELL") else f"A,{cell},,,,,,,1,,,"
    (folder / "mine.csv").write_text(f"{head}\n{row}\n")
    with pytest.raises(SpecificationError):
        load_latencies(folder / "mine.csv")
    assert not (folder / "RAN").exists()
