"""Ten single faults in the generator: each is found by the comparison with the model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.rtl,
    pytest.mark.skipif("SHARP_RTL" not in os.environ, reason="takes many minutes: make test-rtl-slow"),
]

ROOT = Path(__file__).parents[2]
FAULTS = {
    "a weight bank is read one tile late": (
        "machine.py",
        "read.addr.eq(issue.segment.weights + control.tile)",
        "read.addr.eq(issue.segment.weights + control.tile + 1)",
    ),
    "h is not waited for": (
        "control.py",
        "ready.eq(~segment.waits | (step_out + 1 >= step))",
        "ready.eq(1)",
    ),
    "a tap is one level off": (
        "tree.py",
        "doublings = sizes.levels - level\n",
        "doublings = sizes.levels - 1 - level\n",
    ),
    "a tap does not wait for the layer's deepest tile": (
        "tree.py",
        "levels >= sizes.levels - doublings + more",
        "levels >= sizes.levels - doublings + more + 1",
    ),
    "the accumulators do not start anew": ("machine.py", '"first": arriving.first & segment.starts', '"first": 0'),
    "the intermediate buffer is not read": ("machine.py", "Mux(arriving.first, kept.data, read.data)", "read.data"),
    "h of the step before is read where that of this one is": (
        "operands.py",
        "self.place(issue.step - 1, h_place)",
        "self.place(issue.step, h_place)",
    ),
    "the gates i and f change places": ("units/update.py", "i, f, g, o = ", "f, i, g, o = "),
    "a sum is rounded down": ("../arithmetic/rounding.py", 'named(m, "up", up)', '(named(m, "up", up) & 0)'),
    "the activation unit is a cycle short": (
        "control.py",
        'self.sizes.activation, "activation"',
        'self.sizes.activation - 1, "activation"',
    ),
}
RUN = """
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
path, old, new, folder = sys.argv[1:]
read = SourceFileLoader.get_data
def faulty(self, name):
    data = read(self, name)
    if name.endswith(".pyc"):
        raise OSError
    if path and Path(name).resolve() == Path(path).resolve():
        assert old.encode() in data
        data = data.replace(old.encode(), new.encode())
    return data
SourceFileLoader.get_data = faulty
sys.dont_write_bytecode = True
from rtl_cases import random_case, tiny
from sharp.rtl.cosimulate import cosimulate
results = [cosimulate(*random_case(tiny(), seed, batch=2), folder=Path(folder)) for seed in range(12)]
print(sum(not result.is_equal for result in results))
"""


def differing(folder, path="", old="", new=""):
    """Of twelve random layers, how many differ on a machine that is generated with a fault."""
    where = [str(ROOT), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, path and str(ROOT / "sharp/rtl/generator" / path), old, new, folder],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*where, os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_without_a_fault_nothing_differs(tmp_path):
    assert differing(tmp_path) == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(tmp_path, fault):
    assert differing(tmp_path, *FAULTS[fault]) > 0


def test_there_are_ten():
    assert len(FAULTS) == 10
