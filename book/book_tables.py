"""Sphinx extension: every table of the book has a caption, and headers that say of which column or row they are.

Tables written in Markdown and those that a notebook's cell shows come out differently; here they become alike.
A table without a caption gets one for readers who do not see the page: the sentence that introduces it, or its heading.
"""

import re
from html import escape
from typing import Any

from bs4 import BeautifulSoup, Tag

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
INTRODUCTION = re.compile(
    r"<h[1-6]\b[^>]*>(?P<heading>.*?)(?:<a class=\"headerlink|</h)|<p\b[^>]*>(?P<sentence>.*?)</p>", re.DOTALL
)
LAYOUT = "indextable"
"""Class of tables that are no tables: the columns of the general index."""
STACKED = "stacked"
"""Class of tables whose rows are shown one below the other on a phone (book.css)."""
ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
SCOPES = {"columnheader": "col", "rowheader": "row"}


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", mend_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mend_page(app: Any, page: str, template: str, context: dict[str, Any], document: Any) -> None:
    """Mend the tables of a page that Sphinx is about to write."""
    if "<table" in context.get("body", ""):
        context["body"] = mend(context["body"])


def mend(body: str) -> str:
    """A page's HTML with its tables mended."""
    names: list[str] = []

    def mended(match: re.Match[str]) -> str:
        table = BeautifulSoup(match[0], "html.parser").table
        if LAYOUT in table.get("class", []):
            return match[0]
        caption(table, introduction(body[: match.start()]), names)
        headers(table)
        return str(table)

    return TABLE.sub(mended, body)


def introduction(before: str) -> str:
    """The last sentence above a table where it ends with a colon, else the heading above it."""
    found = list(INTRODUCTION.finditer(before))
    if found and found[-1]["sentence"] and found[-1]["sentence"].rstrip().endswith(":"):
        sentences = text(found[-1]["sentence"]).splitlines()
        return sentences[-1].rstrip(":")
    return next((text(match["heading"]) for match in reversed(found) if match["heading"]), "Table")


def text(html: str) -> str:
    """What HTML says, without its marks."""
    return BeautifulSoup(html, "html.parser").get_text().strip()


def caption(table: Tag, name: str, names: list[str]) -> None:
    """See that a table has a caption, and one of its own on the page."""
    if table.caption is None:
        again = names.count(name)
        shown = f"{name} ({again + 1})" if again else name
        table.insert(0, BeautifulSoup(f'<caption class="sr-only">{escape(shown)}</caption>', "html.parser"))
    names.append(name)


def headers(table: Tag) -> None:
    """Say of every header whether it is a column's or a row's; the first cell of a row is its header."""
    labels = [cell.get_text().strip() for cell in table.select("thead tr:last-child > *")]
    stacked = STACKED in table.get("class", [])
    for row in table.select("tbody tr"):
        cells = row.find_all(["td", "th"], recursive=False)
        if cells:
            cells[0].name, cells[0]["scope"] = "th", "row"
        for cell, label in zip(cells, labels, strict=False):
            if stacked:
                cell["data-label"] = label
    for cell in table.select("thead th"):
        cell["scope"] = "col"
    if stacked:  # as blocks, which they are on a phone, these would lose the roles that they have of themselves
        for tag in table.find_all(["thead", "tbody", "tr", "td", "th"]):
            tag["role"] = ROLES.get(tag.name) or next(role for role, scope in SCOPES.items() if scope == tag["scope"])
        table["role"] = "table"
