"""The pages: one sentence a line; what they show of Python and of the command runs, and prints what they say."""

import os
import re
import subprocess
import sys
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest
from pages import PAGES, ROOT, blocks, paragraphs, read

import sharp

# What stands for something and is no sentence of its own: code, roles, formulas, links.
ATOM = re.compile(r"(?:\{[\w:]+\})?(`+).*?\1|\$[^$]+\$|!?\[[^\]]*\]\([^)]*\)")
ABBREVIATION = re.compile(r"\b(?:Fig|Figs|Sec|Eq|No|no|p|vs|cf|al|e\.g|i\.e)\.$")
BOUNDARY = re.compile(r"[.!?][\"')*]*\s+(?=[\"'(*]*[A-Z0-9\[{$`])")

MADE = re.compile(r"book/_(build|executed)/|.*[/_]mine\b|sharp/data/rivals/measured")
"""Paths that the reader or a build makes."""

IN_FILE = re.compile(r"`(\w+)` (?:in|of) `([\w/]+\.(?:py|pxi|pyx))`")
FILE_WITH = re.compile(r"`([\w/]+\.(?:py|pxi|pyx))` \(`(\w+)`\)")
WINGS = {path.parent.name for path in ROOT.glob("sharp/*/__init__.py")}
TERM = re.compile(r"\{term\}`(?P<word>[^`<]+?)(?: <(?P<entry>[^>`]+)>)?`")

RUN = re.compile(r"(?:\.venv/bin/)?sharp (?!batch|claims|figure|verify)|cd |cp ")
"""Commands that a test runs: those of ``sharp`` that take no minutes, and what they need."""


def sentences(text):
    """A paragraph's sentences, white space inside each made one blank."""
    text = " ".join(text.split())
    veiled = ATOM.sub(lambda match: match[0][0] + "x" * (len(match[0]) - 2) + match[0][-1], text)
    starts = [0] + [
        match.end() for match in BOUNDARY.finditer(veiled) if not ABBREVIATION.search(veiled[: match.start() + 1])
    ]
    return [text[start:end].rstrip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_line_is_a_sentence(path):
    for line, text in paragraphs(read(path)):
        assert text.splitlines() == sentences(text), f"line {line + 1}: expected one sentence a line"


def test_sentences_are_told_apart():
    text = (
        "See Fig. 8 of [a page. Or two](x.md). `a. B` costs\n$K. N$ (most of it). *Why?* 23 agree, e.g. LSTM. h waits."
    )
    assert sentences(text) == [
        "See Fig. 8 of [a page. Or two](x.md).",
        "`a. B` costs $K. N$ (most of it).",
        "*Why?*",
        "23 agree, e.g. LSTM. h waits.",
    ]


def terms():
    """Entries of the glossary, in lower case."""
    (text,) = (block.text for block in blocks(ROOT / "book" / "glossary.md") if block.language == "{glossary}")
    return {line.lower() for line in text.splitlines() if re.match(r"\w", line)}


def veil(match):
    """Blanks in place of what is no plain text."""
    return " " * len(match[0])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_term_is_linked_once_where_its_word_first_appears(path):
    text = "\n".join(text for _, text in paragraphs(read(path)))
    plain = re.sub(r"\*+[^*\n]+\*+", veil, ATOM.sub(veil, text))
    linked = list(TERM.finditer(text))
    entries = [match["entry"] or match["word"] for match in linked]
    assert len(set(entries)) == len(entries)
    assert {entry.lower() for entry in entries} <= terms()
    for match in linked:
        earlier = re.search(rf"(?<![\w-]){match['word']}(?![\w-])", plain[: match.start()])
        assert not earlier, f"{match['word']} appears before its link"


def test_every_entry_of_the_glossary_is_linked_from_a_page():
    linked = {entry.lower() for path in PAGES for pair in TERM.findall(path.read_text()) for entry in pair if entry}
    assert terms() <= linked


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_a_page_names_is_there(path):
    text = path.read_text()
    for name in re.findall(r"`((?:sharp|tests|book|benchmarks)/[\w./-]+\w)`", text):
        assert (ROOT / name).exists() or MADE.match(name), name
    for name, file in [*IN_FILE.findall(text), *((name, file) for file, name in FILE_WITH.findall(text))]:
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text()), f"{name} in {file}"
    inside = [f"sharp.{name}" for name in re.findall(r"`([a-z]+\.[a-z_]+)`", text) if name.split(".")[0] in WINGS]
    for name in [*inside, *re.findall(r"`(sharp(?:\.\w+)+)", text)]:
        if Path(name).suffix not in (".yaml", ".svg"):
            assert resolved(name) is not None


def test_the_page_of_the_interface_has_every_name_of_sharp():
    listed = re.findall(r"^\.\. auto\w+:: (\w+)$", (ROOT / "book" / "api.md").read_text(), flags=re.MULTILINE)
    assert {name for name in sharp.__all__ if not name.startswith("_")} <= set(listed)


def test_the_page_of_ones_own_cell_has_every_field():
    fields = {*sharp.Phase.__dataclass_fields__, *sharp.Elementwise._fields}
    assert fields <= set(re.findall(r"`(\w+)`", (ROOT / "book" / "own_cell.md").read_text()))


def resolved(name):
    """A module, or something in one, by its dotted name."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[count:], found)
    return None


def blocks_in(path, *languages):
    """Blocks of a page in some languages."""
    return [block for block in blocks(path) if block.language in languages]


def with_blocks(*languages):
    """Pages that have one."""
    return [path for path in PAGES if blocks_in(path, *languages)]


@pytest.fixture
def folder(request, tmp_path):
    """A folder with the repository's own files and those that a page shows: blocks that begin with a file's name."""
    for name in ("sharp", "book"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for block in blocks(request.getfixturevalue("path")):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
    return tmp_path


@pytest.mark.parametrize("path", with_blocks("python"), ids=lambda path: path.name)
def test_the_python_of_a_page_runs(path, folder, monkeypatch):
    monkeypatch.chdir(folder)
    code = "\n".join(block.text for block in blocks_in(path, "python") if not block.file)
    exec(compile(code, path.name, "exec"), {})


@pytest.mark.parametrize("path", with_blocks("bash", "console"), ids=lambda path: path.name)
def test_the_commands_of_a_page_run(path, folder):
    environment = os.environ | {"PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for block in blocks_in(path, "bash", "console"):
        commands, shown = parted(block)
        script = "\n".join(["set -e", *(command for command in commands if RUN.match(command))])
        outcome = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stderr
        if shown and all(RUN.match(command) for command in commands):
            pattern = "\n".join(".*" if line == "..." else re.escape(line) for line in shown)
            printed = "\n".join(line.rstrip() for line in outcome.stdout.splitlines())
            assert re.fullmatch(pattern, printed, flags=re.DOTALL), outcome.stdout


def parted(block):
    """The commands of a block, and what they print: a console has its prompt before each command."""
    lines = block.text.splitlines()
    if block.language == "bash":
        return lines, []
    return [line[2:] for line in lines if line.startswith("$ ")], [line for line in lines if not line.startswith("$ ")]


def test_what_pages_show_is_found():
    assert {"README.md", "own.md", "own_schedule.md"} <= {path.name for path in with_blocks("bash", "console")}
    assert {"api.md", "own.md", "energy.md"} <= {path.name for path in with_blocks("python")}
