"""Imports go down only, in Python and in Cython; kernels import nothing of sharp; the drawing of it is the code's."""

import ast
import re
import subprocess
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sharp"


def test_import_linter_keeps_the_floors():
    linter = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


@pytest.fixture(scope="module")
def drawing():
    """The script that draws the wings, as a module."""
    spec = spec_from_file_location("draw_wings", ROOT / "book" / "draw_wings.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_drawing_has_every_import_and_none_leads_up(drawing):
    floor_of = drawing.read_floors()
    floors = list(dict.fromkeys(floor_of.values()))
    modules, imports = drawing.read_imports(floor_of)
    written = [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(PACKAGE / "data")]
    assert sum(modules.values()) == len(written)
    assert all(floors.index(upper) < floors.index(lower) for upper, lower in imports)
    (axes,) = drawing.draw(floors, modules, imports).axes
    arrows = [text for text in axes.texts if text.get_text() == ""]
    drawn = Counter(text.get_text() for text in axes.texts)
    assert len(arrows) == len([pair for pair in imports if pair[1] != "ground"])
    assert set(floors) <= set(drawn)
    assert drawn[str(imports["cycles", "workload"])] >= 1


def test_the_page_on_the_architecture_says_what_each_wing_is_for(drawing):
    page = (ROOT / "book" / "architecture.md").read_text()
    rows = re.findall(r"^\| `?(\w+)`? \| .+ \| .+ \|$", page, flags=re.MULTILINE)
    assert rows[1:] == list(dict.fromkeys(drawing.read_floors().values()))


def test_kernels_import_nothing_of_sharp():
    # import-linter does not read .pyx, so they are read here.
    files = [path for suffix in ("pyx", "pxi", "pxd", "py") for path in PACKAGE.glob(f"kernels/*.{suffix}")]
    assert len(files) >= 5
    for path in files:
        imports = re.findall(r"^\s*(?:from|import|cimport)\s+([\w.]+)", path.read_text(), flags=re.MULTILINE)
        assert not [name for name in imports if re.match(r"sharp\.(?!kernels\.)|\.", name)], path


HARDWARE = {"num_macs", "rows_per_update_lane", "lanes_per_unit", "capacity_bytes", "weight_bytes", "partial_sum_bytes"}
"""Numbers of a machine whose quotients are facts: columns, lanes, units, words."""


def test_facts_of_the_hardware_are_worked_out_in_the_machine_alone():
    # The kernels state them again, the closed form in C, the specification on purpose; rivals, examples are others.
    found = {
        path.relative_to(PACKAGE).as_posix(): ast.unparse(node)
        for path in PACKAGE.rglob("*.py")
        if not {"machine", "kernels", "rivals", "data"} & set(path.relative_to(PACKAGE).parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv)
        if HARDWARE & {getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(node)}
    }
    assert found == {"units.py": "num_macs // KIB"}  # a label


def test_compiler_directives_stay_in_the_build_file():
    for path in (*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxi")):
        assert not re.search(r"#\s*cython:|@cython\.", path.read_text()), path


def imports(tree):
    """Names imported anywhere in a module, but for annotations only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        yield from imports(node)


MACHINES = {"Accelerator", "Tiles", "BrainWave", "Gpu", "Published", "Machine"}
REPORTS = {"MachineReport", "Report", "LayerReport"}
IN_ONE_PLACE = {"rivals/machines.py", "rivals/own.py", "machine/accelerator.py"}
"""The registry, what checks others' machines, and what two equal accelerators are."""


def test_machines_are_told_apart_in_one_place():
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass")
        if (MACHINES | REPORTS) & {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
    }
    assert found == IN_ONE_PLACE


def test_only_plotting_imports_matplotlib():
    found = {
        path.stem
        for path in PACKAGE.rglob("*.py")
        for name in imports(ast.parse(path.read_text()))
        if name.split(".")[0] in ("matplotlib", "seaborn")
    }
    assert found == {
        *(
            "plotting",
            "bound_plotting",
            "claim_plotting",
            "design_plotting",
            "energy_plotting",
            "network_plotting",
            "precision_plotting",
            "rival_plotting",
        )
    }


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py*")), ids=lambda path: path.name)
def test_files_stay_short(path):
    if path.suffix in (".py", ".pyx", ".pyi"):
        # The specification is one text, read from top to bottom.
        limit = 500 if path.name == "reference.py" else 300 if path.suffix == ".pyx" else 400
        assert len(path.read_text().splitlines()) <= limit


UNSEEDED = re.compile(r"\brandom\.[a-z]+\(|Random\(\)|default_rng\(\)|\bsecrets\.|\buuid\d?\.")


def test_what_tests_draw_can_be_drawn_again():
    # A generator has a seed, which stands in the test or is said where it fails; Hypothesis draws the same each time.
    tests = sorted((ROOT / "tests").rglob("*.py"))
    found = [
        f"{path.name}: {line}" for path in tests for line in path.read_text().splitlines() if UNSEEDED.search(line)
    ]
    assert found == []
    assert settings().derandomize
