"""The pages as text: one sentence a line."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from myst_parser.config.main import MdParserConfig
from myst_parser.mdit_to_docutils.base import DocutilsRenderer
from myst_parser.parsers.mdit import create_md_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("book/*.md"), *ROOT.glob("book/*/*.md"), ROOT / "paper_figures/README.md"]
)
EXTENSIONS = {"amsmath", "colon_fence", "deflist", "dollarmath", "linkify"}
MARKDOWN = create_md_parser(MdParserConfig(enable_extensions=EXTENSIONS), DocutilsRenderer)
# What stands for something and is no sentence of its own: code, roles, formulas, links.
ATOM = re.compile(r"(?:\{[\w:]+\})?(`+).*?\1|\$[^$]+\$|!?\[[^\]]*\]\([^)]*\)")
ABBREVIATION = re.compile(r"\b(?:Fig|Figs|Sec|Eq|No|no|p|vs|cf|al|e\.g|i\.e)\.$")
BOUNDARY = re.compile(r"[.!?][\"')*]*\s+(?=[\"'(*]*[A-Z0-9\[{$`])")


def sentences(text):
    """A paragraph's sentences, white space inside each made one blank."""
    text = " ".join(text.split())
    veiled = ATOM.sub(lambda match: match[0][0] + "x" * (len(match[0]) - 2) + match[0][-1], text)
    starts = [0] + [
        match.end() for match in BOUNDARY.finditer(veiled) if not ABBREVIATION.search(veiled[: match.start() + 1])
    ]
    return [text[start:end].rstrip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def paragraphs(lines, offset=0):
    """First line and text of every paragraph: also in lists and directives, not in tables, headings, code."""
    tokens = MARKDOWN.parse("\n".join(lines))
    for before, token in pairwise(tokens):
        if before.type == "paragraph_open" and not any(child.type == "hardbreak" for child in token.children):
            yield offset + token.map[0], token.content
        if token.type in ("fence", "colon_fence") and re.match(r"\{(figure|div|note|admonition)\}", token.info):
            body = token.content.splitlines()
            options = next((n for n, line in enumerate(body) if line and not line.startswith(":")), len(body))
            yield from paragraphs(body[options:], offset + token.map[0] + 1 + options)


def read(path):
    return path.read_text().splitlines()


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
