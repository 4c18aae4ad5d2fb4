"""Whatever is killed at whatever moment: nothing that it started lives on, no point is lost, none runs twice.

`make test-kills KILLS=500 SEED=7` kills that often; a run is repeated by its seed, as far as a busy machine repeats.
"""

import contextlib
import math
import os
import random
import sys
import time

import psutil
import pytest
from cheap_batch import (
    NOTEBOOK,
    assert_no_process_of,
    batch,
    contents,
    finished,
    lines,
    processes_of,
    start,
    start_batch,
    write_grid,
)

from sharp.artifact.batch import load_batch

KILLS = int(os.environ.get("SHARP_KILLS", "4"))
SEED = os.environ.get("SHARP_SEED") or str(time.time_ns() % 1_000_000)
IN_A_TEST = 10
START_S = 0.3
"""A kernel's first moments, in which half of the kills come."""
GRID = {"size": {"each": [1, 2, 3]}, "sizes": {"each": [[1, 2], [3]]}, "label": "a: <b>"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    (folder / "tab_cheap.md").write_text(NOTEBOOK)
    return folder


@pytest.fixture(scope="module")
def reference(place):
    output = place / "reference"
    assert batch(write_grid(place, GRID), output, place / "reference.runs", "--jobs", "2")[0] == 0
    return contents(output)


def kernels(process):
    """The supervisors of kernels that a process has started."""
    with contextlib.suppress(psutil.Error):
        return [child for child in psutil.Process(process.pid).children(recursive=True) if is_supervisor(child)]
    return []


def is_supervisor(process):
    with contextlib.suppress(psutil.Error):
        return any(part.endswith("supervisor.py") for part in process.cmdline())
    return False


def wait_for_moment(process, chance):
    """Half of the time within the first moments of some kernel, else at any time."""
    if chance.random() < 0.5:
        seen, wanted = set(), chance.randint(1, 3)
        while len(seen) < wanted and process.poll() is None:
            seen |= {child.pid for child in kernels(process)}
        time.sleep(chance.uniform(0, START_S))
    else:
        time.sleep(chance.uniform(0, 4))


def kill(process, runs, chance):
    """Kill a process, in one case of four one that it has started before; the number of kills."""
    wait_for_moment(process, chance)
    children = sorted(processes_of(runs), key=lambda child: child.create_time())
    killed = 1
    if chance.random() < 0.25 and children:
        with contextlib.suppress(psutil.Error):
            chance.choice(children).kill()
            killed = 2
        time.sleep(chance.uniform(0, 1))
    process.kill()
    process.communicate()
    return killed


@pytest.mark.parametrize("number", range(math.ceil(KILLS / IN_A_TEST)))
def test_nothing_outlives_a_kill_and_no_point_is_lost_or_doubled(place, reference, tmp_path, number):
    sys.stdout.write(f"make test-kills KILLS={KILLS} SEED={SEED}, part {number}\n")
    chance = random.Random(f"{SEED} {number}")
    (tmp_path / "tab_cheap.md").write_text(NOTEBOOK)
    grid, runs, output = write_grid(tmp_path, GRID), tmp_path / "runs", tmp_path / "out 0"
    points = {point.name: "{size} {sizes}".format(**point.parameters) for point in load_batch(grid).points}
    wanted, done, rounds = min(IN_A_TEST, KILLS - number * IN_A_TEST), 0, 0
    while done < wanted:
        if chance.random() < 0.25:
            done += kill(start(runs, "figure", "tab_cheap.md", "-o", "figure"), runs, chance)
            assert_no_process_of(runs)
            continue
        kept, before = finished(output), len(lines(runs))
        done += kill(start_batch(grid, output, runs, "--jobs", "2"), runs, chance)
        assert_no_process_of(runs)
        assert kept.items() <= finished(output).items()
        assert not {points[name] for name in kept} & set(lines(runs)[before:])
        if len(finished(output)) == len(points):
            check_whole(grid, output, runs, reference)
            rounds += 1
            output = tmp_path / f"out {rounds}"
    check_whole(grid, output, runs, reference)


def check_whole(grid, output, runs, reference):
    """Started again, the batch ends as it does at one go, and runs only what was not finished."""
    kept, before = finished(output), len(lines(runs))
    assert batch(grid, output, runs, "--jobs", "2")[0] == 0
    assert kept.items() <= finished(output).items()
    assert len(lines(runs)) - before == len(finished(output)) - len(kept)
    assert contents(output) == reference
