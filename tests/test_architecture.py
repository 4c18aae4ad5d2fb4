"""Imports go down only, in Python and in Cython; every module has its place and its test."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sharp"


def test_import_linter_keeps_the_floors():
    linter = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


def test_kernels_import_nothing_of_sharp():
    # import-linter does not read .pyx, so they are read here.
    files = [*PACKAGE.glob("kernels/*.pyx"), *PACKAGE.glob("kernels/*.py"), *PACKAGE.glob("kernels/*.pxd")]
    assert len(files) >= 3
    for path in files:
        imports = re.findall(r"^\s*(?:from|import|cimport)\s+([\w.]+)", path.read_text(), flags=re.MULTILINE)
        assert not [name for name in imports if name.split(".")[0] in ("sharp", "")], path


def test_compiler_directives_stay_in_the_build_file():
    for path in PACKAGE.rglob("*.pyx"):
        assert "cython:" not in path.read_text().splitlines()[0], path


def test_every_module_stands_on_a_floor():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    placed = {name for layer in contract["layers"] for name in re.split(r"\s*[|:]\s*", layer)}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert placed == modules | {"kernels"}


def test_only_plotting_imports_matplotlib():
    for path in PACKAGE.rglob("*.py"):
        runtime = path.read_text().split("if TYPE_CHECKING:")[0]
        if path.stem != "plotting":
            assert not re.search(r"^\s*(?:from|import) (?:matplotlib|seaborn)", runtime, flags=re.MULTILINE), path


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py*")), ids=lambda path: path.name)
def test_files_stay_short(path):
    if path.suffix in (".py", ".pyx", ".pyi"):
        assert len(path.read_text().splitlines()) <= (300 if path.suffix == ".pyx" else 400)
