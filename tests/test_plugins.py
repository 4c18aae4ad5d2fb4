"""A user's schedule by file and by entry point: found, used, or refused in one sentence."""

from importlib.metadata import EntryPoint

import pytest

from sharp import SCHEDULES, Plan, SpecificationError, simulate, square_lstm
from sharp.cycles.schedule import find_schedule, loaded

MINE = '''
from sharp import Run, Schedule


class Mine(Schedule):
    """As `intergate`: all gates of a block of cells in one segment."""

    name = "mine"

    def round(self, task):
        (phase,) = task.phases
        for first, cells, repeats in task.blocks(task.layer.hidden_size, task.fused_block(phase)):
            yield Run(segments=(task.segment(phase.gates, "xh", first, cells, updated_cells=cells),), repeats=repeats)


class Other(Schedule):
    name = "other"


class Nameless(Schedule):
    pass


class Alien:
    name = "alien"
'''


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def install(monkeypatch):
    """Let some entry points be those of installed packages."""

    def install(**values):
        points = [EntryPoint(name=name, value=value, group="sharp.schedules") for name, value in values.items()]

        def entry_points(group):
            assert group == "sharp.schedules"
            return points

        monkeypatch.setattr("importlib.metadata.entry_points", entry_points)

    return install


def test_a_schedule_of_a_file_counts_as_the_one_that_it_copies(accelerator, write):
    write(MINE)
    for size in (8, 340, 2048):
        mine = simulate(square_lstm(size), accelerator, Plan(schedule="mine.py:Mine"))
        ours = simulate(square_lstm(size), accelerator, Plan(schedule="intergate"))
        assert mine.counts == ours.counts
        assert [layer.tile_rows for layer in mine.layers] == [layer.tile_rows for layer in ours.layers]
        assert mine.as_dict()["schedule"] == "mine"


def test_a_schedule_of_the_command_line(command, write):
    path = write(MINE)
    layer = ("run", "--hidden", "100", "--macs", "4K")
    outcome = command(*layer, "--schedule", "mine.py:Mine")
    assert outcome.code == 0
    assert "MACs at 500 MHz, mine, with padding reconfiguration" in outcome.out
    ours = command(*layer, "--schedule", "intergate", "--json").out
    assert command(*layer, "--schedule", f"{path}:Mine", "--json").out == ours.replace("intergate", "mine")


def test_a_file_is_read_anew_each_time(write):
    write(MINE)
    assert find_schedule("mine.py:Mine").name == "mine"
    write(MINE.replace('"mine"', '"changed"'))
    assert find_schedule("mine.py:Mine").name == "changed"


def test_a_schedule_of_an_installed_package(accelerator, install):
    install(theirs="sharp.cycles.schedule:Unfolded", broken="sharp.cycles.schedule:Missing")
    assert type(find_schedule("theirs")) is type(SCHEDULES["unfolded"])
    theirs, ours = (simulate(square_lstm(200), accelerator, Plan(schedule=name)) for name in ("theirs", "unfolded"))
    assert theirs.counts == ours.counts
    with pytest.raises(SpecificationError, match=r"theirs, broken or FILE.py:NAME, got 'their' \(did"):
        find_schedule("their")
    with pytest.raises(SpecificationError, match=r"broken = sharp.cycles.schedule:Missing, line \d+: expected code"):
        find_schedule("broken")


def test_ours_are_not_replaced_by_an_installed_package(install):
    install(unfolded="sharp.cycles.schedule:Batch")
    assert find_schedule("unfolded") is SCHEDULES["unfolded"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.py:Mine", "schedule: none.py: expected a Python file that is there, such as mine.py:MySchedule"),
        ("mine.txt:Mine", "schedule: mine.txt: expected a Python file that is there, such as mine.py:MySchedule"),
        (".:Mine", "schedule: .: expected a Python file that is there, such as mine.py:MySchedule"),
        ("mine.py:Min", "schedule: mine.py: expected a name of this file, got 'Min' (did you mean 'Mine'?)"),
        ("mine.py:", "schedule: mine.py: expected a name of this file, got ''"),
        (
            "mine.py:Alien",
            "schedule: mine.py:Alien: expected a class derived from sharp.Schedule with a name, got <class '",
        ),
        (
            "mine.py:Nameless",
            "schedule: mine.py:Nameless: expected a class derived from sharp.Schedule with a name, got <class '",
        ),
        (
            "mine.py:__doc__",
            "schedule: mine.py:__doc__: expected a class derived from sharp.Schedule with a name, got None",
        ),
        ("mine.py", "sequential, batch, intergate, unfolded, interleaved or FILE.py:NAME, got 'mine.py'"),
        ("unfolde", "or FILE.py:NAME, got 'unfolde' (did you mean 'unfolded'?)"),
        ("", "schedule: expected a printable text, got ''"),
    ],
)
def test_what_cannot_be_found_is_refused(write, install, name, message):
    write(MINE)
    write(MINE, "mine.txt")
    install()
    with pytest.raises(SpecificationError) as error:
        loaded(Plan(schedule=name))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sharp\n\nx = 1 / 0\n", "line 3: expected code that runs, got ZeroDivisionError: division by zero"),
        ("x = 1\ny = = 2\n", "line 2: expected code that runs, got SyntaxError: invalid syntax"),
        ("import not_there\n", "line 1: expected code that runs, got ModuleNotFoundError: No module named 'not_there'"),
        (
            MINE.replace("def round", "def __init__(self):\n        raise OSError\n\n    def round"),
            "mine.py:Mine, line 11: expected code that runs, got OSError",
        ),
    ],
)
def test_code_that_raises_is_refused_with_its_line(command, write, text, message):
    write(text)
    with pytest.raises(SpecificationError) as error:
        loaded(Plan(schedule="mine.py:Mine"))
    assert str(error.value).startswith("schedule: mine.py")
    assert message in str(error.value)
    outcome = command("run", "--hidden", "8", "--schedule", "mine.py:Mine")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("schedule", [3, None, 1.5, b"unfolded"])
def test_a_plan_needs_a_schedule_or_a_name(schedule):
    with pytest.raises(SpecificationError, match="schedule: expected a printable text, got"):
        Plan(schedule=schedule)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import sys\nsys.exit(0)", "mine.py, line 2: expected code that runs, got SystemExit: 0"),
        (
            MINE.replace('name = "mine"', 'name = "unfolded"'),
            "schedule.name: expected another name than those of our own",
        ),
        (
            MINE.replace('name = "mine"', 'name = "mine"; interleaves = "no"'),
            "interleaves: expected true or false, got 'no'",
        ),
    ],
)
def test_what_would_end_or_mislead_is_refused(tmp_path, code, sentence):
    file = tmp_path / "mine.py"
    file.write_text(code)
    with pytest.raises(SpecificationError) as refusal:
        loaded(Plan(schedule=f"{file}:Mine"))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "while True: yield Run(segments=(task.segment('i', 'x', 0, 1),), repeats=1)",
            "a round of at most 131072 runs",
        ),
        ("raise SystemExit", "expected the runs of a round, got: SystemExit"),
    ],
)
def test_a_round_that_would_never_end_is_refused(tmp_path, accelerator, line, sentence):
    file = tmp_path / "mine.py"
    file.write_text(f"{MINE.split('        (phase,)')[0]}        {line}\n")
    with pytest.raises(SpecificationError) as refusal:
        simulate(square_lstm(64), accelerator, Plan(schedule=f"{file}:Mine"))
    assert sentence in str(refusal.value)
