"""Random command lines, YAML files and manifests (`fuzz`): no traceback, crash, hang, or file that is not ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SEED = os.environ.get("SHARP_SEED", "1")
"""Another seed has other cases; `make test-slow` takes a new one each time, and says which."""
PARTS = 8
CASES = max(1, round(float(os.environ.get("SHARP_FUZZ", "200")) / PARTS))
"""Two hundred where nothing is said; two thousand in CI, twenty thousand in `make test-slow`."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_input_ends_in_a_result_or_a_sentence(part):
    fuzz = [sys.executable, str(Path(__file__).with_name("fuzz.py"))]
    numbers = ["--seed", SEED, "--first", str(part * CASES), "--count", str(CASES)]
    outcome = subprocess.run([*fuzz, *numbers], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_fault_is_found(tmp_path):
    """The fuzzer sees a fault of each kind that it looks for."""
    import fuzz

    before = {"mine.txt": "1", "n.yaml": "2"}
    words, outputs = ["run", "--network", "n.yaml", "--trace", "out.json"], ["out.json"]

    def faults(code=2, seconds=0.1, error="sharp: a sentence\n", after=before):
        return list(fuzz.faults_of(code, seconds, error, words, outputs, before, after))

    assert faults() == faults(code=0, error="", after={**before, "out.json": "3"}) == []
    assert "took" in faults(seconds=11)[0]
    assert "took" in faults(code=None, seconds=60)[0]
    assert faults(code=-11) == ["it ended with -11"]
    assert "traceback" in faults(error="sharp: unforeseen KeyError: 3")[0]
    assert "traceback" in faults(code=1, error="Traceback (most recent call last):\n")[0]
    assert faults(error="") == ["no sentence"]
    assert faults(code=1, error="sharp: point-1: \n") == ["an empty sentence"]
    assert "a line of 1007 characters" in faults(error="sharp: " + "x" * 1000)[0]
    assert "cannot show" in faults(error="sharp: \x1b[31m")[0]
    assert faults(after={"mine.txt": "1"}) == ["touched n.yaml"]
    assert faults(after={**before, "mine.txt": "4"}) == ["touched mine.txt"]
    assert faults(after={**before, ".out.tmp": "4"}) == ["touched .out.tmp"]


def test_cases_can_be_repeated():
    import random

    import fuzz_inputs

    lines = {fuzz_inputs.command_line(random.Random(f"1:{number}"))[0][0] for number in range(200)}
    assert set(fuzz_inputs.COMMANDS) <= lines
    assert fuzz_inputs.command_line(random.Random("1:5")) == fuzz_inputs.command_line(random.Random("1:5"))
