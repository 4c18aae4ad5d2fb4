"""A sweep's file: whole, or a part that goes on where a signal ended it and becomes what one go writes."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sharp import Gating, Plan, SharpError, SpecificationError, find_technology, grid
from sharp.space import chunk, tables
from sharp.space.partial import Partial
from sharp.space.scenario import Scenario
from sharp.space.sweep import single_layers
from sharp.space.tables import identity, write_table

SHARP = [
    *(sys.executable, "-c"),  # in the background Ctrl-C is inherited as ignored
    "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom sharp.cli import main\nmain()",
]
SCHEDULES = ["unfolded", "batch", "interleaved"]
COLUMNS = {"cell": "gru", "linear_before_reset": [True, False], "hidden_size": range(8, 20), "schedule": SCHEDULES}
"""Points of the closed form, of events, and (batch with the reset before the product) of neither."""


@pytest.fixture
def point_by_point(monkeypatch):
    """Rows of events are written one by one."""
    monkeypatch.setattr(chunk, "_PART_S", 0)


@pytest.fixture
def space(accelerator):
    return single_layers(grid(**COLUMNS), accelerator)


def part_of(output, space, *, strict=False):
    return Partial(output, output, identity(space, strict=strict)).path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# A part and the table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", [False, True])
def test_a_part_that_ends_anywhere_becomes_the_table_of_one_go(tmp_path, accelerator, energy):
    space = single_layers(grid(**COLUMNS), accelerator, find_technology("32nm") if energy else None)
    once = tmp_path / "once.csv"
    written = write_table(once, space)
    assert written == (72, 12)
    content, output = once.read_bytes(), tmp_path / "table.csv"
    header = content.index(b"\n") + 1
    chance = random.Random(1)
    for length in (0, 1, header - 1, header, header + 1, *chance.sample(range(len(content)), 12), len(content)):
        part_of(output, space).write_bytes(content[:length])
        assert write_table(output, space, resume=True) == written, length
        assert output.read_bytes() == content, length
        assert names(tmp_path) == ["once.csv", "table.csv"]


@pytest.mark.parametrize("strict", [False, True])
def test_an_interrupted_sweep_leaves_the_rows_that_it_wrote(tmp_path, accelerator, point_by_point, strict):
    space = single_layers(grid(**{**COLUMNS, "linear_before_reset": True}), accelerator)
    once, output, said = tmp_path / "once.csv", tmp_path / "table.csv", []
    write_table(once, space, strict=strict)
    part = part_of(output, space, strict=strict)
    for share in (0.3, 0.6, 0.9):

        def interrupt(done, share=share):
            if done > share:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_table(output, space, strict=strict, resume=True, progress=interrupt, note=said.append)
        assert once.read_bytes().startswith(part.read_bytes())
        assert part.read_bytes().count(b"\n") - 1 == pytest.approx(share * len(space), abs=3)
        assert said.pop() == f"{part}: what was counted so far; the same command with --resume goes on from it"
        assert names(tmp_path) == ["once.csv", part.name]
    write_table(output, space, strict=strict, resume=True, note=said.append)
    assert (output.read_bytes(), said) == (once.read_bytes(), [])
    assert names(tmp_path) == ["once.csv", "table.csv"]


def test_what_is_resumed_is_not_counted_again(tmp_path, accelerator, point_by_point, monkeypatch):
    space = single_layers(grid(hidden_size=range(8, 20), schedule="interleaved"), accelerator)
    counted, run = [], Scenario.run

    def count(scenario):
        counted.append(scenario.layer.hidden_size)
        if len(counted) == 7:
            raise KeyboardInterrupt
        return run(scenario)

    monkeypatch.setattr(Scenario, "run", count)
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "table.csv", space)
    write_table(tmp_path / "table.csv", space, resume=True)
    assert counted == [*range(8, 15), *range(14, 20)]


def test_nothing_is_left_where_nothing_was_written(tmp_path, space, monkeypatch):
    def interrupt(scenario):
        raise KeyboardInterrupt

    monkeypatch.setattr(Scenario, "run", interrupt)
    (tmp_path / "table.csv").write_text("as it was")
    said = []
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "table.csv", space, note=said.append)
    assert (names(tmp_path), said) == (["table.csv"], [])
    assert (tmp_path / "table.csv").read_text() == "as it was"


def test_a_point_that_ends_a_strict_sweep_leaves_no_part(tmp_path, space, point_by_point):
    output = tmp_path / "table.csv"
    output.write_text("as it was")
    with pytest.raises(SharpError, match=r"^points\[37\]: "):
        write_table(output, space, strict=True)
    assert (names(tmp_path), output.read_text()) == (["table.csv"], "as it was")


def test_without_resume_a_part_is_not_used(tmp_path, space):
    output, said = tmp_path / "table.csv", []
    part = part_of(output, space)
    part.write_text("of no use\n")
    assert write_table(output, space, note=said.append).points == len(space)
    assert said == [f"{part}: a part of this sweep, not used (--resume would go on from it)"]
    assert names(tmp_path) == ["table.csv"]


# What is refused -----------------------------------------------------------------------------------------------------


def changed(accelerator):
    """Sweeps that differ from ``grid(**COLUMNS)`` in one thing each."""
    yield "range", single_layers(grid(**{**COLUMNS, "hidden_size": range(8, 21)}), accelerator), False
    yield "order", single_layers(grid(**{**COLUMNS, "schedule": SCHEDULES[::-1]}), accelerator), False
    yield "column", single_layers(grid(**COLUMNS, seq_len=25), accelerator), False
    yield "machine", single_layers(grid(**COLUMNS), accelerator.with_macs("4K")), False
    yield "energy", single_layers(grid(**COLUMNS), accelerator, find_technology("32nm")), False
    yield "strict", single_layers(grid(**COLUMNS), accelerator), True
    rows = {name: [column.value(0)] for name, column in grid(**COLUMNS).columns.items()}
    yield "rows", single_layers(rows, accelerator), False


def test_a_part_of_another_sweep_is_refused_and_left(tmp_path, accelerator, space, monkeypatch):
    output = tmp_path / "table.csv"
    part = part_of(output, space)
    part.write_text("a part\n")
    sweeps = list(changed(accelerator))
    assert len({part, *(part_of(output, other, strict=strict) for _, other, strict in sweeps)}) == len(sweeps) + 1
    for what, other, strict in sweeps:
        with pytest.raises(
            SpecificationError, match="expected a part of this sweep, got that of another grid"
        ) as error:
            write_table(output, other, strict=strict, resume=True)
        assert str(error.value).startswith(f"{part}: "), what
    monkeypatch.setattr(tables, "code_sha256", lambda: "of another version")
    with pytest.raises(SpecificationError, match="or version of sharp"):
        write_table(output, space, resume=True)
    assert (names(tmp_path), part.read_text()) == ([part.name], "a part\n")
    said = []
    write_table(output, space, note=said.append)
    assert said == [f"{part}: a part of another sweep, left as it is"]
    assert names(tmp_path) == ["table.csv", part.name]


def test_a_part_belongs_to_a_users_code_as_it_was(tmp_path, accelerator):
    schedule, cell = tmp_path / "mine.py", tmp_path / "cell.py"
    schedule.write_text("from sharp.schedule import Unfolded\nclass Mine(Unfolded):\n    name = 'mine'\n")
    cell.write_text("from sharp.workload.cells import find_cell\nCELL = find_cell('lstm')\n")
    columns = {"hidden_size": 8, "schedule": ["unfolded", f"{schedule}:Mine"], "cell": f"{cell}:CELL"}
    planned = replace(accelerator, plan=Plan(schedule=f"{schedule}:Mine"))

    def identities():
        spaces = single_layers(grid(**columns), accelerator), single_layers(grid(hidden_size=8), planned)
        return [identity(space, strict=False) for space in spaces]

    before = identities()
    assert identities() == before
    cell.write_text(f"{cell.read_text()}# changed\n")
    of_cell = identities()
    assert [of_cell[0] != before[0], of_cell[1] != before[1]] == [True, False]
    schedule.write_text(f"{schedule.read_text()}# changed\n")
    assert [after != earlier for after, earlier in zip(identities(), of_cell, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"of, another\nkind\n", "expected a part that sharp wrote, got: "),
        (b"\0\0\0\n\xff\xff\n", "expected a part that sharp wrote, got: "),
        (b"reason\n" + 100 * b'""\n', "expected at most 72 rows, got 100"),
    ],
)
def test_a_part_that_somebody_changed_is_refused(tmp_path, space, content, sentence):
    output = tmp_path / "table.csv"
    part_of(output, space).write_bytes(content)
    with pytest.raises(SpecificationError, match=f"{part_of(output, space).name}: {sentence}"):
        write_table(output, space, resume=True)
    assert part_of(output, space).read_bytes() == content


def test_only_a_file_can_be_resumed(tmp_path, space):
    with pytest.raises(SpecificationError, match="--resume: expected a file as output, which can be resumed, got"):
        write_table(Path("/dev/null"), space, resume=True)


# Signals -------------------------------------------------------------------------------------------------------------


def start(folder, *arguments, seed=0, output="table.csv"):
    """The command in a process of its own, in which sets have an order of their own."""
    return subprocess.Popen(
        [*SHARP, "sweep", "grid.yaml", "-o", output, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_sweep_ended_by_signals_goes_on_to_the_same_table(tmp_path, accelerator):
    (tmp_path / "grid.yaml").write_text("hidden_size: {from: 1, to: 500}\nschedule: interleaved\n")
    once, asked = tmp_path / "once.csv", ("--energy", "--clock-gating", "--resume")
    points, costs = (
        grid(hidden_size=range(1, 501), schedule="interleaved"),
        (find_technology("32nm"), Gating(clock=True)),
    )
    write_table(once, single_layers(points, accelerator, *costs))
    size = 0
    signals = (signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)
    for seed, (number, code) in enumerate(signals):
        with start(tmp_path, *asked, seed=seed) as process:
            while sum(part.stat().st_size for part in tmp_path.glob("*.partial")) <= size:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.01)
            process.send_signal(number)
            said = process.stderr.read()
        assert process.returncode == code
        if code > 0:
            assert "the same command with --resume goes on from it" in said
        (part,) = tmp_path.glob("*.partial")
        assert names(tmp_path) == ["grid.yaml", "once.csv", part.name]
        assert once.read_bytes().startswith(part.read_bytes())
        size = part.stat().st_size
    with start(tmp_path, *asked, seed=len(signals)) as process:
        out, _ = process.communicate()
    assert out == "table.csv: 500 points\n"
    assert (tmp_path / "table.csv").read_bytes() == once.read_bytes()
    assert names(tmp_path) == ["grid.yaml", "once.csv", "table.csv"]


def test_a_full_disk_leaves_a_part_too(tmp_path):
    (tmp_path / "grid.yaml").write_text("hidden_size: {from: 1, to: 3000}\n")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (10**5, resource.RLIM_INFINITY))\n"
    full = subprocess.run(
        [*SHARP[:2], limit + SHARP[2], "sweep", "grid.yaml", "-o", "table.csv"],
        **{"cwd": tmp_path, "capture_output": True, "text": True, "check": False},
    )
    assert full.returncode == 2
    assert "table.csv: expected a place that can be written, got: File too large" in full.stderr
    (part,) = tmp_path.glob("*.partial")
    assert f"{part}: what was counted so far" in full.stderr
    assert part.stat().st_size == 10**5
    with start(tmp_path, "--resume") as process:
        assert process.communicate() == ("table.csv: 3,000 points\n", "")
    with start(tmp_path, output="once.csv") as process:
        process.communicate()
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "once.csv").read_bytes()


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ("{hidden_size: 1000000, schedule: interleaved, batch_size: 4096, seq_len: 1000}", ()),  # hours for one point
        ("{hidden_size: {from: 1, to: 99999999}, schedule: interleaved, batch_size: 4}", ()),
        ("{hidden_size: {from: 1, to: 99999999}}", ()),
        ("{hidden_size: 8, macs: {from: 1024, to: 99999744, step: 256}}", ("--energy",)),  # a machine a point
    ],
)
def test_ctrl_c_ends_a_sweep_anywhere(tmp_path, columns, options):
    (tmp_path / "grid.yaml").write_text(columns)
    process = start(tmp_path, *options)
    while sum(psutil.Process(process.pid).cpu_times()[:2]) < 1.5:
        assert process.poll() is None
        time.sleep(0.01)
    before = sum(psutil.Process(process.pid).cpu_times()[:2])
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()  # to its end
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    assert process.returncode == 130
    assert said.endswith("sharp: interrupted\n")
    assert usage.ru_utime + usage.ru_stime - before < 2  # of the processor's time: this machine may be busy


# Memory --------------------------------------------------------------------------------------------------------------

SHAPES = """
{"hidden_size": range(1, 10**8)}
{"hidden_size": range(1, 10**8), "macs": ["1K", "64K"], "schedule": ["unfolded", "interleaved"]}
{"hidden_size": 8, "input_size": range(1, 10**8), "seq_len": range(1, 10**8)}
{"macs": range(256, 256 * 10**8, 256), "hidden_size": range(1, 10)}
"""


def test_memory_is_that_of_a_few_chunks_whatever_the_shape_of_the_grid():
    code = f"""
import resource, sys, time, sharp
machine, technology = sharp.find_accelerator("sharp"), sharp.find_technology("32nm")
next(sharp.sweep_chunks({{"hidden_size": 8}}, machine, technology=technology))  # all is loaded
for shape in {SHAPES.strip().splitlines()!r}:
    for asked in (None, technology):
        before = time.process_time()
        chunks = sharp.sweep_chunks(sharp.grid(**eval(shape)), machine, technology=asked, threads=1)
        assert len(next(chunks)) > 0
        chunks.close()
        print(time.process_time() - before)
if sys.platform == "linux":  # what getrusage says is at least what the process that started this one had
    print(1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    *seconds, peak = map(float, output)
    assert peak < 256 * 2**20  # of which 75 without any sweep
    assert max(seconds) < 1
