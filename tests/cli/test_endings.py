"""How the command ends: with its output, or with one sentence that says the true cause, and never otherwise."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from sharp.cli.endings import BAD_INPUT, INTERRUPTED, ending
from sharp.errors import LONGEST, SpecificationError

SHARP = [sys.executable, "-m", "sharp.cli"]


def run(*arguments, **options):
    return subprocess.run([*SHARP, *arguments], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        (SpecificationError("hidden_size: expected an integer"), "hidden_size: expected an integer", 2),
        (click.UsageError("No such option"), "No such option", 2),
        (click.UsageError("a\n  b"), "a b", 2),
        (FileNotFoundError(2, "No such file or directory", "/proc/x"),
         "/proc/x: expected a file or folder that can be used, got: No such file or directory", 2),
        (PermissionError(13, "Permission denied", b"x\xff"),
         r"x\udcff: expected a file or folder that can be used, got: Permission denied", 2),
        (ConnectionResetError(104, "Connection reset by peer"),
         "unforeseen ConnectionResetError: [Errno 104] Connection reset by peer (a fault of sharp; `sharp --debug ...` "
         "prints where it is)", 2),
        (ZeroDivisionError("division by zero"), "unforeseen ZeroDivisionError: division by zero (a fault of sharp", 2),
        (MemoryError(), "memory: expected enough for what was asked, got too little", 2),
        (KeyboardInterrupt(), "interrupted", 130),
        (click.Abort(), "interrupted", 130),
    ],
)  # fmt: skip
def test_every_error_has_its_sentence_and_code(error, sentence, code):
    assert ending(error)[0].startswith(f"sharp: {sentence}")
    assert ending(error)[1] == code


@pytest.mark.parametrize(
    "kind", [click.UsageError, SpecificationError, ValueError, lambda text: OSError(2, text, text)]
)
def test_every_sentence_is_a_line_of_bounded_length(kind):
    sentence, code = ending(kind("ab\x1b[31m\n\u2028" * 10**5))
    assert sentence.isprintable()
    assert len(sentence) <= LONGEST + len("sharp: ")
    assert code == BAD_INPUT


def test_the_unforeseen_has_its_traceback_where_it_is_asked_for(command, monkeypatch):
    def fail(*_, **__):
        try:
            {}["the true cause"]
        except KeyError:
            raise SpecificationError("a sentence") from None

    monkeypatch.setattr("sharp.rivals.tiles.simulate", fail)
    assert command("run", "--hidden", "8").err == "sharp: a sentence\n"
    debugged = command("--debug", "run", "--hidden", "8")
    assert debugged.code == BAD_INPUT
    assert debugged.err.startswith("Traceback (most recent call last):")
    assert "KeyError: 'the true cause'" in debugged.err
    assert debugged.err.endswith("\nsharp: a sentence\n")


def test_what_a_stream_cannot_show_is_spelled_out(tmp_path):
    network = tmp_path / "n.yaml"
    network.write_text("name: café ∑\nseq_len: 5\nlayers: [{input_size: 8, hidden_size: 8}]\n", encoding="utf-8")
    for encoding in ("ascii", "latin-1", "utf-8"):
        options = {"env": {**os.environ, "PYTHONIOENCODING": encoding}, "errors": "replace"}
        for arguments in (("run", "--network"), ("run", "--json", "--network"), ("check",)):
            outcome = run(*arguments, str(network), **options)
            assert (outcome.returncode, outcome.stderr) == (0, "")
            assert "caf" in outcome.stdout
    assert (
        "caf\\xe9 \\u2211"
        in run("run", "--network", str(network), env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout
    )
    strange = run("run", "--network", os.fsdecode(b"\xff.yaml"), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert strange.stderr == "sharp: \\udcff.yaml: expected a readable YAML file, got: No such file or directory\n"


def test_a_table_goes_through_a_pipe(tmp_path):
    (tmp_path / "g.yaml").write_text("hidden_size: [8, 16]\n")
    outcome = run("sweep", "g.yaml", "-o", "/dev/stdout", cwd=tmp_path)
    assert outcome.stdout.splitlines()[0].startswith("hidden_size,")
    assert [line.split(",")[0] for line in outcome.stdout.splitlines()[1:]] == ["8", "16"]
    assert outcome.stderr == "/dev/stdout: 2 points\n"
    (tmp_path / "g.yaml").write_text("hidden_size: {from: 1, to: 20000}\n")
    head = "set -o pipefail; " + " ".join([*SHARP, "sweep g.yaml -o /dev/stdout | head -1"])
    outcome = subprocess.run(["bash", "-c", head], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (outcome.stderr, outcome.returncode) == ("", 0)


@pytest.mark.parametrize("arguments", ["run --hidden 8", "run --hidden 8 --json", "list networks --json"])
def test_a_reader_that_has_gone_is_no_error(arguments):
    outcome = subprocess.run(
        ["bash", "-c", f"{' '.join(SHARP)} {arguments} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert (outcome.stdout, outcome.stderr) == ("0\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk to write to")
def test_a_full_disk_has_its_sentence_and_code():
    for stream, said in (
        (">", "standard output: expected a place that can be written, got: No space left"),
        ("2>", ""),
    ):
        command = f"{' '.join(SHARP)} run --hidden {'8' if said else 'x'} {stream} /dev/full"
        outcome = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert outcome.returncode == BAD_INPUT
        assert said in outcome.stderr


@pytest.mark.parametrize(
    "arguments", [("sweep", "g.yaml", "-o", "o.csv"), ("timeline", "--hidden", "8", "--trace", "t")]
)
def test_a_folder_that_is_gone_is_said(tmp_path, arguments):
    (tmp_path / "gone").mkdir()
    (tmp_path / "g.yaml").write_text("hidden_size: 8\n")
    arguments = [str(tmp_path / word) if word == "g.yaml" else word for word in arguments]
    code = "import os; os.rmdir(os.getcwd()); from sharp.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    outcome = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path / "gone", env=environment, capture_output=True, text=True
    )
    assert (outcome.returncode, outcome.stderr) == (
        BAD_INPUT,
        "sharp: the folder that it runs in: expected one that is there, got one that has been removed\n",
    )


def test_a_schedule_whose_name_is_a_formula_is_no_formula_in_the_table(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("=1+1.py").write_text("from sharp.schedule import Unfolded\nclass X(Unfolded):\n    name = 'x'\n")
    Path("g.yaml").write_text("hidden_size: 8\nschedule: [unfolded, '=1+1.py:X']\n")
    assert command("sweep", "g.yaml", "-o", "o.csv", "--allow-code").code == 0
    rows = [line.split(",")[1] for line in Path("o.csv").read_text().splitlines()]
    assert rows == ["schedule", "unfolded", "'=1+1.py:X"]


def test_a_place_of_no_python_is_named():
    # What a library raises for a folder of its own is no error of standard output.
    code = (
        "import sharp.rivals.tiles as r, os\n"
        "def f(*a, **k): os.mkdir('/proc/x/y')\n"
        "r.simulate = f\nfrom sharp.cli import main\nmain()"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code, "run", "--hidden", "8"], capture_output=True, text=True, check=False
    )
    assert outcome.stderr == (
        "sharp: /proc/x/y: expected a file or folder that can be used, got: No such file or directory\n"
    )


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_terminated_leaves_nothing_half_written(tmp_path, number, expected):
    code = (
        "import sharp.rivals.tiles as r, pathlib, time, sharp.files\n"
        "def f(*a, **k):\n"
        "    with sharp.files.replacing(pathlib.Path('out')) as stream:\n"
        "        print('half', file=stream, flush=True); time.sleep(60)\n"
        "r.simulate = f\nfrom sharp.cli import main\nmain()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", "--hidden", "8"], cwd=tmp_path, stderr=subprocess.PIPE
    ) as process:
        while not any(path.read_text() == "half\n" for path in tmp_path.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        assert process.stderr.read() == b"sharp: terminated\n"
    assert process.returncode == expected
    assert list(tmp_path.iterdir()) == []


def test_a_closing_terminal_does_not_end_what_is_to_outlive_it():
    ignoring = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"  # as nohup does
    code = (
        f"{ignoring}import sharp.rivals.tiles as r, os\nsimulate = r.simulate\n"
        "def f(*a, **k):\n    os.kill(os.getpid(), signal.SIGHUP)\n    return simulate(*a, **k)\n"
        "r.simulate = f\nfrom sharp.cli import main\nmain()"
    )
    arguments = [sys.executable, "-c", code, "run", "--hidden", "8"]
    outcome = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_an_interrupt_that_a_callback_loses_comes_again():
    code = (
        "import time, weakref, sharp.cli.endings as endings\n"
        "class It: pass\n"
        "def lose(_): raise KeyboardInterrupt\n"
        "def run():\n"
        "    it = It(); reference = weakref.ref(it, lose); del it\n"
        "    time.sleep(30)\n"
        "endings.run_to_its_end = run\n"
        "from sharp.cli import main\n"
        "main()"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (outcome.returncode, outcome.stderr) == (INTERRUPTED, "sharp: interrupted\n")


@pytest.mark.parametrize("place", ["sharp.cli.endings", "sharp.cli.progress"])
def test_an_interrupt_while_a_class_is_made_is_one(place):
    # Before 3.12 Python makes a RuntimeError of it, whoever asked for the class: ours, or a library's.
    code = (
        "import builtins\n"
        "real = builtins.__import__\n"
        "class Named:\n    def __set_name__(self, *_): raise KeyboardInterrupt\n"
        "def load(name, *more):\n"
        f"    if name == '{place}':\n"
        "        class It: name = Named()\n"
        "    return real(name, *more)\n"
        "from sharp.cli import main\n"
        "builtins.__import__ = load\n"
        "main()"
    )
    outcome = subprocess.run([sys.executable, "-c", code, "run", "--hidden", "8"], capture_output=True, text=True)
    assert (outcome.returncode, outcome.stderr) == (INTERRUPTED, "sharp: interrupted\n")


def test_ctrl_c_at_any_moment_of_the_start():
    # Not while Python itself starts: from the first line of ours that may take time.
    code = (
        "import builtins, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is inherited as ignored
        "real = builtins.__import__\n"
        "def load(name, *more):\n"
        "    if name == 'sharp.cli.endings': print(end='.', flush=True)\n"
        "    return real(name, *more)\n"
        "from sharp.cli import main\n"
        "builtins.__import__ = load\n"
        "main()"
    )
    seed = int(os.environ.get("SHARP_SEED", "1"))
    chance = random.Random(seed)
    for attempt in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", code, "run", "--network", "eesen"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout.read(1) == "."
            time.sleep(chance.random() * 0.5)
            process.send_signal(signal.SIGINT)
            error = process.stderr.read()
        ended = (process.returncode, error.strip())
        # The last: the command had ended, and Python takes the default back while it ends itself.
        expected = ((INTERRUPTED, "sharp: interrupted"), (0, ""), (-signal.SIGINT, ""))
        assert ended in expected, (seed, attempt, ended)
