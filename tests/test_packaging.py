"""What a newcomer installs: one set of requirements in three files, one version, a wheel that works elsewhere."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

import sharp

ROOT = Path(__file__).parents[1]
UNOPTIMISED = "-O0 -g0 -UCYTHON_INLINE -DCYTHON_INLINE=inline"
"""Flags that compile the cores in a tenth of the time: a wheel is tried here, not its speed."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    lines = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    pairs = (re.fullmatch(r"([\w.-]+)(.*)", line).groups() for line in lines)
    return {name.lower(): bounds.replace(" ", "") for name, bounds in pairs}


def test_environment_yml_is_pyproject():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    lines = []
    for entry in content["dependencies"]:
        lines += entry["pip"] if isinstance(entry, dict) else [entry]
    found = {line.split()[0].lower(): "".join(line.split()[1:]) for line in lines}
    for tool in ("pip", "c-compiler", "make"):
        assert found.pop(tool) == ""
    assert found.pop("python") == PROJECT["requires-python"]
    assert found == requirements("figures", "book", "test")


def test_the_lock_has_every_requirement_by_hash_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", text, flags=re.MULTILINE))
    wanted = requirements(*PROJECT["optional-dependencies"])
    assert {re.sub(r"[._]", "-", name) for name in wanted} <= {re.sub(r"[._]", "-", name.lower()) for name in locked}
    assert "://" not in text
    blocks = re.split(r"\n(?=[\w.-]+==)", text)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def imports(path):
    """Top-level modules that a file imports, anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from (name.value for name in node.args if isinstance(name, ast.Constant))


def test_the_newest_dependencies_are_those_of_every_extra_that_tests_use():
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if ".venv-newest/bin/pip install" in line)
    installed = set(re.search(r"\.\[([\w,]+)\]", line)[1].split(","))
    files = [path for folder in ("sharp", "tests") for path in (ROOT / folder).rglob("*.py")]
    modules = {module for path in files if "browser" not in path.parts for module in imports(path)}
    packages = importlib.metadata.packages_distributions()
    used = {name.lower().replace("_", "-") for module in modules for name in packages.get(module, ())}
    core, optional = set(requirements()), PROJECT["optional-dependencies"]
    needed = {extra for extra in optional if used & set(requirements(extra)) - core}
    assert {"figures", "batch", "test"} <= needed
    assert needed <= installed


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert sharp.__version__ == PROJECT["version"] == str(citation["version"])
    assert f"## {sharp.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_workflows_call_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    called = set()
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                called |= set(re.findall(r"make (?:-\w+ )?([a-z-]+)", step.get("run", "")))
    assert called == {"lint", "arch", "test-sanitize", "test-newest", "figures", "verify", "batch", "book"}
    assert called <= targets
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.slow
def test_a_wheel_works_in_a_clean_environment_outside_the_tree(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source, compiler = tmp_path / "source", tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\nexec {os.environ.get("CC", "cc")} "$@" {UNOPTIMISED}\n')
    compiler.chmod(0o755)
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    wheel = [*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", tmp_path, source]
    subprocess.run(wheel, check=True, env={**os.environ, "CC": str(compiler)})
    (wheel,) = tmp_path.glob("*.whl")

    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    lock = re.findall(
        r"^([\w.-]+==[^\s;\\]+)(?: ; ([^\\]+))?", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE
    )
    constraints = "\n".join(f"{pin} ; {marker.strip()}" if marker else pin for pin, marker in lock)
    (tmp_path / "constraints.txt").write_text(constraints)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", tmp_path / "constraints.txt", wheel], check=True)

    command = tmp_path / "clean" / "bin" / "sharp"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    outcome = subprocess.run(
        [command, "run", "--network", "eesen", "--macs", "64K", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    golden = json.loads((ROOT / "tests" / "golden" / "totals.json").read_text())
    assert json.loads(outcome.stdout)["total_cycles"] == golden["eesen/64K/unfolded"]
    where = subprocess.run(
        [python, "-c", "import sharp; print(sharp.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(tmp_path / "clean"))
