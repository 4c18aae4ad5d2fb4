"""The Makefile on a copy of the tree with few notebooks: help, incremental figures, refused variables, the book.

All figures and the whole book are built by the tests in a browser (tests/browser).
"""

import os
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VENV = Path(sys.prefix)
FIGURES = ["fig_deepbench", "tab_hardware", "tab_networks"]
# What the notebooks that are kept link to the glossary, whose page is not.
TERMS = (
    ":::{glossary}\n"
    + "\n".join(f"{term}\n  A word.\n" for term in ("E-PUR", "MACs", "budget", "tile", "tile height", "utilization"))
    + ":::\n"
)
TOC = """format: jb-book
root: intro
chapters:
  - file: _executed/fig_deepbench
  - file: _executed/tab_hardware
  - file: _executed/tab_networks
  - file: references
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what git tracks, with this environment standing in for the tree's own."""
    folder = tmp_path_factory.mktemp("tree")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for notebook in (folder / "book" / "notebooks").glob("*.md"):
        if notebook.stem not in FIGURES:
            notebook.unlink()
    (folder / "book" / "_toc.yml").write_text(TOC)
    (folder / "book" / "intro.md").write_text(f"# A small book\n\n[Hardware](_executed/tab_hardware.ipynb)\n\n{TERMS}")
    (folder / "venv").mkdir()
    for entry in VENV.iterdir():
        if entry.name not in (".packages", ".built"):
            (folder / "venv" / entry.name).symlink_to(entry)
    for stamp in (".packages", ".built"):
        (folder / "venv" / stamp).touch()
    return folder


def make(tree, *arguments, check=True):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", f"VENV={tree / 'venv'}", *arguments]
    outcome = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert not check or outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome


def run_by(outcome):
    """Figures that a make run, or would run."""
    return sorted(re.findall(r"sharp figure book/notebooks/(\w+)\.md", outcome.stdout))


def test_help_lists_every_target(tree):
    text = make(tree).stdout
    targets = "figures book test lint arch bench clean lock verify record batch pdf test-browser test-pythons"
    for target in (*targets.split(), "test-kills", "test-newest", "test-torch"):
        assert re.search(rf"^{target}\s+\w", text, flags=re.MULTILINE), target


def test_unknown_figures_and_missing_parameter_files_are_refused(tree):
    unknown = make(tree, "figures", "ONLY=fig_none", check=False)
    assert unknown.returncode == 2
    assert "ONLY: expected some of fig_deepbench tab_hardware" in unknown.stderr
    assert "got fig_none" in unknown.stderr
    missing = make(tree, "figures", "PARAMS=none.yaml", check=False)
    assert missing.returncode == 2
    assert "PARAMS: expected a YAML file, got none.yaml" in missing.stderr


def test_one_figure_is_verified_alone(tree):
    shown = make(tree, "-n", "verify", "ONLY=tab_hardware")
    assert run_by(shown) == ["tab_hardware"]
    assert "sharp verify paper_figures --only tab_hardware\n" in shown.stdout


def test_clean_removes_what_the_targets_made(tree):
    shown = make(tree, "-n", "clean").stdout
    assert "paper_figures/manifest.json" in shown
    assert not re.search(r"paper_figures(/\*|/README|/record|\s)", shown)


def test_figures_and_book_from_nothing_then_only_what_changed(tree):
    assert run_by(make(tree, "-j2", "figures")) == FIGURES
    assert run_by(make(tree, "figures")) == []

    (tree / "book" / "notebooks" / "tab_hardware.md").touch()
    assert run_by(make(tree, "figures")) == ["tab_hardware"]

    (tree / "other.yaml").write_text("accelerator: sharp\n")
    assert run_by(make(tree, "figures", "ONLY=tab_hardware", "PARAMS=other.yaml")) == ["tab_hardware"]
    assert run_by(make(tree, "figures")) == ["tab_hardware"]  # back to the defaults
    assert run_by(make(tree, "figures")) == []

    (tree / "other.yaml").write_text("acelerator: sharp\n")
    wrong = make(tree, "figures", "ONLY=tab_hardware", "PARAMS=other.yaml", check=False)
    assert "expected no parameter 'acelerator' (did you mean 'accelerator'?)" in wrong.stderr
    assert "Traceback" not in wrong.stderr

    (tree / "paper_figures" / "tab_hardware.tex").unlink()
    assert run_by(make(tree, "figures")) == ["tab_hardware"]

    make(tree, "book")
    time.sleep(0.1)  # file times are not finer everywhere
    (tree / "book" / "intro.md").touch()
    assert "sphinx" in make(tree, "book").stdout
    assert "sphinx" not in make(tree, "book").stdout
    check_book(tree / "book" / "_build" / "html")


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.loaded, self.linked, self.ids = [], [], set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        if tag in ("script", "img", "iframe", "source", "video") and attributes.get("src"):
            self.loaded.append(attributes["src"])
        if tag == "link" and attributes.get("rel") != "canonical":
            self.loaded.append(attributes["href"])
        if tag == "a" and attributes.get("href"):
            self.linked.append(attributes["href"])
        if tag == "img":
            assert attributes.get("alt"), attributes


def parse(path):
    links = _Links()
    links.feed(path.read_text(encoding="utf-8"))
    return links


def check_book(html):
    pages = sorted(path for path in html.rglob("*.html") if "_static" not in path.parts)
    assert len(pages) > len(FIGURES)
    for page in pages:
        links = parse(page)
        for address in links.loaded:
            assert not re.match(r"(https?:)?//", address), f"{page.name} loads {address}"
            assert (page.parent / address.split("?")[0].split("#")[0]).exists(), f"{page.name} loads {address}"
        for address in links.linked:
            target, _, anchor = address.partition("#")
            if re.match(r"\w+:", address):
                continue
            path = page.parent / target.split("?")[0] if target else page
            assert path.exists(), f"{page.name} links {address}"
            if anchor and path.suffix == ".html":
                assert anchor in parse(path).ids, f"{page.name} links {address}"
    for name in FIGURES:
        assert (html / "_executed" / f"{name}.html").exists()
