"""The pages of the repository as text: their paragraphs and their blocks of code."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from myst_parser.config.main import MdParserConfig
from myst_parser.mdit_to_docutils.base import DocutilsRenderer
from myst_parser.parsers.mdit import create_md_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("book/*.md"), *ROOT.glob("book/*/*.md"), ROOT / "paper_figures/README.md"]
)
EXTENSIONS = {"amsmath", "colon_fence", "deflist", "dollarmath", "linkify"}
MARKDOWN = create_md_parser(MdParserConfig(enable_extensions=EXTENSIONS), DocutilsRenderer)


class Block(NamedTuple):
    """A block of code."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """Name of the file that it is, which a comment on its first line gives: ``# my.yaml``."""
        named = re.match(r"# ([\w./-]+\.(?:yaml|py|toml))\n", self.text)
        return named[1] if named else None


def read(path):
    """Lines of a page."""
    return path.read_text().splitlines()


def _nested(token):
    """Offset and lines of a directive's own Markdown, after its options."""
    if token.type not in ("fence", "colon_fence") or not re.match(r"\{(figure|div|note|admonition)\}", token.info):
        return None
    body = token.content.splitlines()
    options = next((n for n, line in enumerate(body) if line and not line.startswith(":")), len(body))
    return token.map[0] + 1 + options, body[options:]


def paragraphs(lines, offset=0):
    """First line and text of every paragraph, also in lists and directives, not in tables, headings, code."""
    for before, token in pairwise(MARKDOWN.parse("\n".join(lines))):
        if before.type == "paragraph_open" and not any(child.type == "hardbreak" for child in token.children):
            yield offset + token.map[0], token.content
        if nested := _nested(token):
            yield from paragraphs(nested[1], offset + nested[0])


@cache
def blocks(path):
    """Every block of code of a page, also in directives."""
    return tuple(_blocks(read(path)))


def _blocks(lines):
    for token in MARKDOWN.parse("\n".join(lines)):
        if token.type == "fence":
            yield Block(token.info, token.content)
        if nested := _nested(token):
            yield from _blocks(nested[1])
