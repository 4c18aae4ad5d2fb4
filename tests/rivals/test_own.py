"""Machines of one's own: the book's example by hand, files and entry points, and what is refused, in one sentence."""

import copy
import json
import pickle
from dataclasses import replace
from importlib.metadata import EntryPoint
from shutil import copy as copy_file

import pytest

import sharp
from sharp import Plan, RNNLayer, SpecificationError, find_machine, square_lstm
from sharp.machines import MACHINES, run_on
from sharp.rivals.own import Own, own_machine
from sharp.shipped import DATA
from sharp.workload.network import Network

EXAMPLE = DATA / "machines" / "dot_product.py"
HEAD = EXAMPLE.read_text()
RUN = "    def run(self, network, plan=None, *, progress=None):\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the example, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    copy_file(EXAMPLE, tmp_path)
    return tmp_path


@pytest.fixture
def install(monkeypatch):
    """Let some entry points be those of installed packages."""

    def install(**values):
        points = [EntryPoint(name=name, value=value, group="sharp.machines") for name, value in values.items()]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if "machines" in group else [])

    return install


def example():
    return find_machine(f"{EXAMPLE}:DotProduct")


# The example ---------------------------------------------------------------------------------------------------------


def test_the_example_by_hand():
    # 8 cells with X = 100: 32 rows of 108 columns, two passes of 64 multipliers each: 64 cycles and 20 more, 5 steps.
    report = example().run(Network(name="small", layers=(RNNLayer(input_size=100, hidden_size=8),), seq_len=5))
    counts = report.counts
    assert counts.total_cycles == 5 * (32 * 2 + 20)
    assert counts.useful == 5 * 32 * 108
    assert counts.column_padding == 5 * 32 * (128 - 108)
    assert counts.dependency_stall == 5 * 20
    assert report.latency_s == counts.total_cycles / 500e6


def test_directions_and_sequences_follow_each_other():
    one, two = RNNLayer(input_size=8, hidden_size=8), RNNLayer(input_size=8, hidden_size=8, bidirectional=True)
    cycles = [
        example().run(Network(name="n", layers=(layer,), seq_len=3, batch_size=batch)).counts.total_cycles
        for layer, batch in ((one, 1), (two, 1), (one, 2), (two, 2))
    ]
    assert cycles == [cycles[0], 2 * cycles[0], 2 * cycles[0], 4 * cycles[0]]


def test_the_example_by_the_command(folder, command):
    outcome = command("run", "--hidden", "512", "--accelerator", "dot_product.py:DotProduct", "--json")
    report = json.loads(outcome.out)
    assert (outcome.code, report["accelerator"], report["num_macs"]) == (0, "dot-product", 64)
    assert report["total_cycles"] == 25 * (2048 * 16 + 20)
    names = "sharp,dot_product.py:DotProduct"
    outcome = command("compare", "--hidden", "512", "--accelerators", names, "--set", "step_latency=0", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["machines"][1]["total_cycles"] == 25 * 2048 * 16


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (("--set", "step_latenc=3"), "parameter: expected one of "),
        (("--set", "step_latenc=3"), "(did you mean 'step_latency'?)"),
        (("--set", "num_macs=0"), "dot_product.py:DotProduct: num_macs: expected a positive integer, got 0"),
        (("--set", "step_latency=[]"), "dot_product.py:DotProduct, line "),
        (("--macs", "64K"), "--macs: expected a machine of tiles with it, such as sharp, got dot-product"),
        (("--schedule", "batch"), "--schedule: expected a machine of tiles with it, such as sharp, got dot-product"),
        (("--energy",), "--energy: expected a machine of tiles with it, such as sharp, got dot-product"),
    ],
)
def test_what_the_example_does_not_have_is_refused(folder, command, option, sentence):
    outcome = command("run", "--hidden", "8", "--accelerator", "dot_product.py:DotProduct", *option)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert sentence in outcome.err


# A kind of one's own -------------------------------------------------------------------------------------------------


def test_a_file_of_ones_own_kind(folder, command):
    (folder / "slow.yaml").write_text("kind: 'dot_product.py:DotProduct'\nnum_macs: 16\n")
    run = ("run", "--hidden", "8", "--accelerator", "slow.yaml", "--json")
    outcome = command(*run)
    assert outcome.code == 2
    assert "slow.yaml: kind: expected --allow-code (allow_code=True)" in outcome.err
    report = json.loads(command(*run, "--allow-code").out)
    assert (report["accelerator"], report["num_macs"]) == ("slow", 16)
    assert report["total_cycles"] == 25 * (32 + 20)
    checked = command("check", "slow.yaml")
    assert checked.out.endswith("all right, but for dot_product.py:DotProduct, whose code is not run\n")
    (folder / "slow.yaml").write_text("kind: 'dot_product.py:DotProduct'\nnum_mac: 16\n")
    assert "expected num_macs, clock_hz, step_latency, got 'num_mac'" in command(*run, "--allow-code").err


def test_an_installed_machine_is_a_name_and_a_kind(folder, install, monkeypatch, command):
    monkeypatch.syspath_prepend(str(folder))
    install(dot="dot_product:DotProduct")
    assert json.loads(command("run", "--hidden", "8", "--accelerator", "dot", "--json").out)["num_macs"] == 64
    (folder / "mine.yaml").write_text(
        "kind: dot\nname: mine\nnum_macs: {value: 8, unit: multipliers, source: s, status: given}\n"
    )
    assert find_machine("mine.yaml").num_macs == 8
    assert command("check", "mine.yaml").out == "mine.yaml: accelerator mine, 8 MACs: all right\n"
    (folder / "mine.yaml").write_text("kind: dott\n")
    with pytest.raises(
        SpecificationError, match=r"^mine.yaml: kind: expected tiles, .*, dot, got 'dott' \(did you mean 'dot'"
    ):
        find_machine("mine.yaml")
    with pytest.raises(SpecificationError, match=r"titan-xp.*, dot or a YAML file, got 'dit'"):
        find_machine("dit")


@pytest.mark.parametrize("value", ["dot_product:step", "nowhere:X", "json:dumps", "dot_product:HEAD"])
def test_an_entry_point_that_is_no_machine(folder, install, monkeypatch, value):
    monkeypatch.syspath_prepend(str(folder))
    install(dot=value)
    (folder / "mine.yaml").write_text("kind: dot\n")
    for name in ("dot", "mine.yaml"):
        with pytest.raises(SpecificationError) as error:
            find_machine(name)
        assert "expected " in str(error.value)
        assert "\n" not in str(error.value)


# What is refused -----------------------------------------------------------------------------------------------------

CLASSES = {
    "class Mine: pass": "expected a class derived from sharp.Machine, got <class",
    "Mine = 3": "expected a class derived from sharp.Machine, got 3",
    "class Other: pass": "expected a name of this file, got 'Mine'",
    "class Mine(Machine): pass": "expected code that runs, got TypeError: Can't instantiate abstract class Mine",
    "class Mine(Machine):\n    def run(self, network): pass": "expected an attribute name, got none",
    "class Mine(DotProduct):\n    def __init__(self, needed): pass": "expected code that runs, got TypeError",
    "class Mine(DotProduct):\n    def __init__(self): raise SystemExit": "expected code that runs, got SystemExit",
    "x = = 3": "line 1: expected code that runs, got SyntaxError",
    "import nowhere": "expected code that runs, got ModuleNotFoundError",
}
ATTRIBUTES = {
    "name = ''": "name: expected a printable text, got ''",
    "num_macs = 1.5": "num_macs: expected a positive integer, got 1.5",
    "num_macs = '64'": "num_macs: expected a positive integer, got '64'",
    "clock_hz = 0": "clock_hz: expected a positive number, got 0",
    "clock_hz = float('nan')": "clock_hz: expected a positive number, got nan",
    "weight_bytes = -2": "weight_bytes: expected a positive number, got -2",
    "settings = 3": "settings: expected a mapping, got 3",
    "settings = {'a': 3}": "settings: expected a printable text, got 3",
    "plan = {}": "plan: expected a sharp.Plan or None, got {}",
    "knows_energy = 1": "knows_energy: expected True or False, got 1",
    "name = property(lambda self: self.nome)": "expected an attribute name, got none",
    "name = property(lambda self: 1 / 0)": "expected code that runs, got ZeroDivisionError",
}
EMPTY = "class Mine(DotProduct):\n    def __init__(self): pass\n    "
CLASSES |= {f"{EMPTY}{line}": sentence for line, sentence in ATTRIBUTES.items()}
GIVEN = "return MachineReport(network=network, accelerator=self, given_latency_s="
RUNS = {
    "return None": "run: expected a sharp.MachineReport, got None",
    "return network.nothing": "got AttributeError: 'Network' object has no attribute 'nothing'",
    "1 / 0": "expected code that runs, got ZeroDivisionError",
    "raise SystemExit": "expected code that runs, got SystemExit",
    "raise SpecificationError('cell: expected lstm')": "machine: mine.py:Mine: cell: expected lstm",
    f"{GIVEN}float('nan'))": "given_latency_s: expected a positive number, got nan",
    f"{GIVEN}-1)": "given_latency_s: expected a positive number, got -1",
    f"{GIVEN}None)": "layers: expected those of the network, or a latency in their place, got 0",
    "return replace(report, given_latency_s=1.0)": "layers: expected those of the network, or a latency in their place",
    "return replace(report, layers=report.layers * 2)": "layers: expected the 1 of lstm-8x8-t25 in order, got 2",
    "return replace(report, notes=(3,))": "notes: expected a printable text, got 3",
    "return replace(report, notes='text')": "notes: expected a list of sentences, got 'text'",
    "return replace(report, layers=3)": "layers: expected a list of sharp.LayerRun, got 3",
    "return replace(report, layers=[3])": "layers: expected a LayerRun, got 3",
    "return replace(report, layers=[LayerRun(layer=3, counts=3)])": "layer: expected a RNNLayer, got 3",
    "return replace(report, layers=[replace(report.layers[0], counts=3)])": "counts: expected a CycleCounts, got 3",
    "return replace(report, network=3)": "network: expected a Network, got 3",
    "return replace(report, accelerator=None)": "accelerator: expected a machine, which has name, got None",
    "return replace(report, accelerator=replace(self, clock_hz=1e3))": "whose clock_hz is 500000000.0, got 1000.0",
    f"{GIVEN}1.0, given_macs=0)": "given_macs: expected a positive integer, got 0",
    "return replace(report, network=replace(network, seq_len=3))": "run: expected a report of lstm-8x8-t25, got 'lstm",
    "return replace(report, accelerator=DotProduct(name='x'))": "this machine, whose name is dot-product, got 'x'",
    "return super().run(network, Plan())": "plan: expected none, as dot-product has no schedule to choose",
}
COUNTS = {
    "total_cycles": ("float('nan')", "counts.total_cycles: expected an integer of at least 1, got nan"),
    "useful": ("1", "counts.total_cycles: expected 1100.02, the sum of its split on 64 multipliers, got 1300"),
    "dependency_stall": ("-3", "counts.dependency_stall: expected an integer of at least 0, got -3"),
    "column_padding": ("None", "counts.column_padding: expected an integer of at least 0, got None"),
    "row_padding": ("True", "counts.row_padding: expected an integer of at least 0, got True"),
    "num_macs": ("2 * 64", "counts.total_cycles: expected "),
}
for _name, (_value, _sentence) in COUNTS.items():
    RUNS[f"return self.with_counts(report, {_name}={_value})"] = _sentence
WITH_COUNTS = """
    def with_counts(self, report, **counts):
        return replace(report, layers=[replace(e, counts=replace(e.counts, **counts)) for e in report.layers])
"""


@pytest.mark.parametrize("code", CLASSES)
def test_a_class_that_is_no_machine_gets_one_sentence(folder, command, code):
    (folder / "mine.py").write_text(f"{HEAD}\n\n{code}\n" if code.startswith("class") else code)
    outcome = command("run", "--hidden", "8", "--accelerator", "mine.py:Mine")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("sharp: machine: mine.py")
    assert CLASSES[code] in outcome.err


@pytest.mark.parametrize("code", RUNS)
def test_a_run_that_makes_no_sense_gets_one_sentence_and_a_row(folder, command, code):
    more = "from dataclasses import replace\nfrom sharp import SpecificationError\n\n\nclass Mine(DotProduct):"
    run = f"{RUN}        report = super().run(network)\n        {code}\n"
    (folder / "mine.py").write_text(f"{HEAD}\n\n{more}\n{WITH_COUNTS}\n{run}")
    outcome = command("run", "--hidden", "8", "--accelerator", "mine.py:Mine")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("sharp: machine: mine.py:Mine")
    assert RUNS[code] in outcome.err
    outcome = command("compare", "--hidden", "8", "--accelerators", "sharp,mine.py:Mine", "--json")
    row = json.loads(outcome.out)["machines"][1]
    assert (outcome.code, row["latency_s"], row["speedup"]) == (0, None, None)
    assert RUNS[code] in row["notes"][0]


def test_in_python_the_machine_itself_runs(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    from dot_product import DotProduct

    mine = DotProduct(num_macs=128)
    assert run_on(mine, square_lstm(8)) == mine.run(square_lstm(8))
    assert own_machine("here", mine).run(square_lstm(8)) == mine.run(square_lstm(8))
    with pytest.raises(SpecificationError, match=r"^plan: expected none"):
        run_on(mine, square_lstm(8), Plan())


def test_a_machine_of_tiles_of_ones_own(folder, command):
    (folder / "mine.py").write_text(
        "import sharp\nfrom sharp.rivals.tiles import Tiles\nMINE = Tiles.of(sharp.find_accelerator('sharp'))\n"
    )
    for arguments in (("--macs", "4K"), ("--schedule", "batch"), ("--energy",)):
        mine, ours = (
            command("run", "--hidden", "64", "--accelerator", name, *arguments, "--json")
            for name in ("mine.py:MINE", "sharp")
        )
        assert mine == ours
    assert command("explore", "--hidden", "64", "--accelerator", "mine.py:MINE").code == 0


def test_the_kinds():
    assert set(MACHINES) >= {"tiles", "vector", "npu", "published", "gpu"}
    assert sharp.Machine is sharp.machines.Machine


# Copies --------------------------------------------------------------------------------------------------------------

NAMES = ("sharp", "epur-own", "brainwave", "titan-xp", "plasticine")


@pytest.mark.parametrize("name", NAMES)
def test_machines_and_their_reports_equal_their_copies(name):
    network = sharp.find_network("deepbench-lstm-h512-t25")
    machine = find_machine(name)
    report = run_on(machine, network)
    for made in (machine, report):
        for other in (copy.deepcopy(made), copy.copy(made), pickle.loads(pickle.dumps(made))):
            assert other == made
            assert other is not made
    assert pickle.loads(pickle.dumps(report)).as_dict() == report.as_dict()
    assert len({machine, copy.deepcopy(machine)}) == 1
    assert replace(machine, name="other") != machine


def test_a_machine_of_ones_own_equals_its_copies(folder, monkeypatch):
    machine = find_machine("dot_product.py:DotProduct")
    assert isinstance(machine, Own)
    assert copy.deepcopy(machine) == machine == pickle.loads(pickle.dumps(machine))
    assert machine.with_settings({"num_macs": 8}) != machine


def test_what_a_run_costs_equals_its_copies():
    report = find_machine("sharp").run(square_lstm(64))
    costs = sharp.evaluate_energy(report, sharp.find_technology("32nm"))
    assert pickle.loads(pickle.dumps(costs)) == costs == copy.deepcopy(costs)
    assert pickle.loads(pickle.dumps(costs)).as_dict() == costs.as_dict()


def test_a_machine_of_tiles_is_the_accelerator_that_it_is():
    tiles, plain = find_machine("sharp"), sharp.find_accelerator("sharp")
    assert tiles == plain
    assert plain == tiles
    assert hash(tiles) == hash(plain)
    assert tiles.with_macs("4K") == plain.with_macs("4K") != plain
    assert (
        tiles.with_macs("4K").run(square_lstm(64)).counts
        == sharp.simulate(square_lstm(64), plain.with_macs("4K")).counts
    )
    assert tiles != "sharp"
