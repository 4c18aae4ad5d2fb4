"""The printed book (`make pdf`): every chapter and figure is in it, and the contents say where."""

import re
from functools import cache
from html.parser import HTMLParser

import pytest
from built_book import BOOK, PDF

from sharp import __version__

pytestmark = pytest.mark.browser
pypdf = pytest.importorskip("pypdf")
FEWEST_PAGES = 30
LINES_OF_A_FIGURE = 600
SAMPLE = ("machine", "energy", "_executed/tab_claims", "reproduce")
"""Chapters whose first page is read: reading all takes half a minute."""


class Titles(HTMLParser):
    """The first heading of a page."""

    title = ""
    inside = 0

    def handle_starttag(self, tag, attrs):
        self.inside += tag == "h1" and not self.title
        self.inside *= not (tag == "a" and ("class", "headerlink") in attrs)

    def handle_endtag(self, tag):
        self.inside *= tag != "h1"

    def handle_data(self, data):
        self.title += data if self.inside else ""


@cache
def chapters() -> dict[str, str]:
    """Titles of the pages that the sidebar lists, by their names."""
    pages = re.findall(r'class="reference internal" href="([^"#:]+)\.html"', (BOOK / "intro.html").read_text())
    return {name: title_of(f"{name}.html") for name in pages}


def chapter_titles() -> list[str]:
    return list(chapters().values())


def title_of(name: str) -> str:
    parser = Titles()
    article = (BOOK / name).read_text().split('<article class="bd-article">')[1]
    parser.feed(article)
    return parser.title.strip()


def squeezed(text: str) -> str:
    """Without white space, ligatures and kinds of quotes, which a PDF sets as it likes."""
    return re.sub(r"[\s\u2018\u2019'\"“”]+", "", text.replace("\ufb01", "fi").replace("\ufb02", "fl"))


@pytest.fixture(scope="module")
def pdf():
    if not PDF.exists():
        pytest.fail(f"{PDF}: expected the printed book, got nothing: run `make pdf`", pytrace=False)
    return pypdf.PdfReader(PDF)


@pytest.fixture(scope="module")
def starts(pdf) -> dict[str, int]:
    """Index of the page on which each place of the book is, by its name."""
    places = pdf.named_destinations.items()
    return {name.lstrip("/"): pdf.get_destination_page_number(place) for name, place in places}


def headings(outline: list) -> list[str]:
    """Titles of the PDF's outline, of all levels."""
    return [title for each in outline for title in (headings(each) if isinstance(each, list) else [each.title])]


def test_is_as_long_as_a_book(pdf):
    assert len(pdf.pages) > FEWEST_PAGES


def test_cover_has_title_and_version(pdf):
    cover = pdf.pages[0].extract_text()
    assert "SHARP, reproduced" in cover
    assert __version__ in cover


def test_has_every_chapter(pdf):
    printed = {squeezed(title) for title in headings(pdf.outline)}
    titles = chapter_titles()
    assert len(titles) > 40
    assert [title for title in titles if squeezed(title) not in printed] == []


def test_contents_name_the_pages_of_the_chapters(pdf, starts):
    """Each line of the contents has the number of the page that its chapter's title is on."""
    first = min(page for name, page in starts.items() if name.startswith("document-"))
    text = "\n".join(page.extract_text() for page in pdf.pages[1:first])
    listed = {squeezed(title): int(number) for title, number in re.findall(r"^(.*?)\s*(\d+)$", text, re.M)}
    wrong = []
    for name, title in chapters().items():
        page = starts[f"document-{name}"]
        on_page = squeezed(title) in squeezed(pdf.pages[page].extract_text()) if name in SAMPLE else True
        if listed.get(squeezed(title)) != page + 1 or not on_page:
            wrong.append((title, listed.get(squeezed(title)), page + 1))
    assert wrong == []


def test_links_stay_in_the_book_or_lead_to_the_web(pdf):
    notes = [note.get_object() for page in pdf.pages for note in page.get("/Annots") or []]
    actions = [note["/A"].get_object() for note in notes if "/A" in note]
    addresses = [str(action["/URI"]) for action in actions if "/URI" in action]
    assert len(notes) > 150
    assert [address for address in addresses if not re.match(r"https?:|mailto:", address)] == []


def test_draws_every_figure(pdf, starts):
    """Figures are drawn with lines: more than a thousand in each figure's chapter, a few hundred in a table's."""
    ordered = sorted({starts[f"document-{name}"] for name in chapters()})

    def lines(name: str) -> int:
        start = starts[f"document-{name}"]
        end = next((page for page in ordered if page > start), len(pdf.pages))
        return sum(pdf.pages[page].get_contents().get_data().count(b" l\n") for page in range(start, end))

    figures = {name: lines(name) for name in chapters() if name.startswith("_executed/fig_")}
    tables = {name: lines(name) for name in chapters() if name.startswith("_executed/tab_")}
    assert len(figures) > 10
    assert min(figures.values()) > LINES_OF_A_FIGURE > max(tables.values()), (figures, tables)
