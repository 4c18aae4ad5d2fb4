"""What is loaded when: the table of decision 9, and every public name from where it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sharp

PAGE = Path(__file__).parents[1] / "book" / "decisions" / "0009-loaded-when-asked-for.md"
ROWS = re.findall(r"^\| `(.+)` \| [\d.]+ \| (.*?) ?\|$", PAGE.read_text(), flags=re.MULTILINE)
HEAVY = {"click", "matplotlib", "numpy", "pandas", "rich", "scipy", "seaborn", "yaml"}


def modules_after(code):
    """Names of all modules that a fresh Python has loaded after some code."""
    script = f"{code}\nimport sys\nprint(' '.join(sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize(("code", "libraries"), ROWS, ids=[code for code, _ in ROWS])
def test_a_step_loads_the_libraries_that_the_table_has(code, libraries):
    assert modules_after(code) & HEAVY == set(filter(None, libraries.split(", ")))


def test_the_table_is_read():
    assert len(ROWS) == 7


def test_sharp_alone_loads_nothing_of_its_own():
    assert {name for name in modules_after("import sharp") if name.startswith("sharp")} == {"sharp"}


def test_every_public_name_is_where_it_is_said_to_be():
    assert sorted(sharp.__all__) == sorted(name for name in dir(sharp) if name in sharp.__all__)
    for name in sharp.__all__:
        assert getattr(sharp, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        sharp.simulat  # noqa: B018
