"""Random command lines, YAML files and manifests, each run as a process of its own in a folder of its own.

``python tests/fuzz.py --seed 7 --count 2000`` runs them, ``--only 123`` one of them, its folder kept and its sentence
shown. A case depends on the seed and its number alone. What is looked for: a traceback or an unforeseen error, a
crash, more than ten seconds, a sentence that is no short line, a file touched that is not the command's to write.
"""

import argparse
import contextlib
import gc
import hashlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
from fuzz_inputs import command_line, models, write_files

from sharp.cli.group import COMMANDS, cli
from sharp.errors import LONGEST

SECONDS = 10
BYTES = 3 * 2**30


@dataclass
class Found:
    """What is wrong with a case."""

    seed: int
    number: int
    words: list[str]
    faults: list[str] = field(default_factory=list)
    error: str = ""

    def __str__(self):
        line = " ".join(repr(word[:60]) for word in self.words)
        return f"seed {self.seed}, case {self.number}: sharp {line}\n  {'; '.join(self.faults)}\n  {self.error[-600:]}"


def load_everything():
    """Load what commands load, once, before each case is a copy of this process."""
    import pandas  # noqa: F401

    for name in COMMANDS:
        cli.get_command(click.Context(cli), name)
    from sharp.artifact import batch_run, dask_cluster, notebook, verify  # noqa: F401
    from sharp.cli import drawing, tables  # noqa: F401
    from sharp.values import onnx_model  # noqa: F401

    models()
    gc.freeze()  # what no case changes, its process need not copy


def without_what_takes_long():
    """In a case's own process: no notebook, no cluster and no claim, which take seconds and are tested elsewhere."""
    from sharp.artifact import dask_cluster, executors, notebook
    from sharp.cli import claims
    from sharp.errors import NotebookError

    def no(*_, **__):
        raise NotebookError("not run")

    def replace(module, name, other):
        assert hasattr(module, name), name
        setattr(module, name, other)

    replace(notebook, "execute", no)
    replace(executors, "run_point", lambda task: executors.Result(error="not run"))
    replace(dask_cluster, "dask_cluster", no)
    replace(claims, "evaluate_claims", lambda **options: [])


def content_of(folder):
    """Files of a folder with their content's hash, and folders, by name."""
    return {
        str(path.relative_to(folder)): "link" if path.is_symlink()
        else "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


def child(folder, words):
    """Be the command in a folder; never returns."""
    os.chdir(folder)
    with open(f"{folder}.out", "wb") as out, open(f"{folder}.err", "wb") as err, open(os.devnull, "rb") as none:
        for stream, number in ((none, 0), (out, 1), (err, 2)):
            os.dup2(stream.fileno(), number)
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["HOME"] = os.environ["TMPDIR"] = f"{folder}.tmp"
    code = 70
    try:
        without_what_takes_long()
        sys.argv = ["sharp", *words]
        from sharp.cli import main

        main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def wait_for(process):
    """How a process ended, or that it did not."""
    deadline = time.monotonic() + SECONDS * 6  # of a busy machine; the process's own time is what counts
    while True:
        ended, status, used = os.wait4(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return None, SECONDS * 6
        time.sleep(0.002)


def faults_of(code, seconds, error, words, outputs, before, after):
    """What is wrong with how a case ended."""
    if code is None or seconds > SECONDS:
        yield f"it took {seconds:.0f} s"
    elif code not in (0, 1, 2):
        yield f"it ended with {code}"
    if "Traceback" in error or "unforeseen" in error:
        yield "a traceback, or an error that was not foreseen"
    if code == 2 and not error.startswith(("sharp: ", "Usage: ")):
        yield "no sentence"
    for line in error.splitlines():
        if line.startswith("sharp:") and line.rstrip().endswith(":"):
            yield "an empty sentence"
        if code == 2 and (len(line) > LONGEST + 7 or not line.isprintable()):
            yield f"a line of {len(line)} characters, or one that a terminal cannot show"
    made = {Path(word).parts[:1] for word in [*outputs, "paper_figures"] if word}  # no part: the folder itself
    inputs = set(words) - set(outputs)
    for name in sorted({*before, *after}):
        new = name not in before and (Path(name).parts[:1] in made or () in made)
        if before.get(name) != after.get(name) and not (new or (name in outputs and name not in inputs)):
            yield f"touched {name}"


def run_case(seed, number, keep=False):
    """Run a case; what is wrong with it, or None."""
    chance = random.Random(f"{seed}:{number}")
    root = Path(tempfile.mkdtemp(prefix="sharp-fuzz-"))
    folder = root / "case"
    folder.mkdir()
    Path(f"{folder}.tmp").mkdir()
    try:
        words, outputs = command_line(chance)
        write_files(folder, words, chance)
        before = content_of(folder)
        process = os.fork()
        if not process:
            child(folder, words)
        code, seconds = wait_for(process)
        error = Path(f"{folder}.err").read_text(encoding="utf-8", errors="backslashreplace")
        faults = list(faults_of(code, seconds, error, words, outputs, before, content_of(folder)))
        if keep:
            print(folder, words, code, f"{seconds:.2f} s", error, sep="\n")
        return Found(seed, number, words, faults, error) if faults else None
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    load_everything()
    if options.only is not None:
        print(run_case(options.seed, options.only, keep=True) or "all right")
        return
    started, wrong = time.monotonic(), 0
    for number in range(options.first, options.first + options.count):
        if found := run_case(options.seed, number):
            wrong += 1
            print(found, flush=True)
    print(f"seed {options.seed}: {options.count} cases, {wrong} wrong, {time.monotonic() - started:.0f} s")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
