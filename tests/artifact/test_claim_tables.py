"""Claims as tables: every claim's link leads to a place, on a page of the book, where our number stands as text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sharp import SpecificationError
from sharp.artifact.claim_tables import ALL, claims_of, claims_table, clickable_claims
from sharp.claims.claims import Claim, Outcome, evaluate_claims, load_claims
from sharp.provenance import Provenance, PublishedNumber

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted({claim.notebook for claim in load_claims()})


class Rows(HTMLParser):
    """The rows of a table's body as texts, and the places and links of their first cells."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.places, self.links = [], {}, {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "a":
            self.places[attributes["id"]] = len(self.rows) - 1
            self.links[attributes["id"]] = attributes["href"]

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def everything():
    return Rows(clickable_claims(evaluate_claims(samples=2)).to_html())


@pytest.fixture(scope="module")
def pages():
    return {notebook: Rows(claims_of(notebook).to_html()) for notebook in NOTEBOOKS}


def test_a_claims_link_leads_to_its_place_where_both_numbers_stand(everything, pages):
    assert len(everything.links) == len(load_claims())
    for place, link in everything.links.items():
        notebook, target = re.fullmatch(r"(\w+)\.html#(.+)", link).groups()
        there, here = pages[notebook].rows[pages[notebook].places[target]], everything.rows[everything.places[place]]
        assert (target, place) in {(f"claim-{claim.id}", f"verdict-{claim.id}") for claim in load_claims()}
        assert here[0].startswith(there[0])
        assert there[1:3] == here[1:3]
        assert pages[notebook].links[target] == f"{ALL}.html#{place}"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_notebook_shows_its_claims_and_is_a_page(notebook):
    source = (ROOT / "book" / "notebooks" / f"{notebook}.md").read_text()
    assert re.search(rf'^claims_of\("{notebook}"(, .*)?\)\n```', source, flags=re.MULTILINE)
    assert "(tab_claims.ipynb)" in source
    assert f"_executed/{notebook}\n" in (ROOT / "book" / "_toc.yml").read_text()


def test_no_other_notebook_shows_claims():
    asking = {path.stem for path in ROOT.glob("book/notebooks/*.md") if "claims_of(" in path.read_text()}
    assert asking == set(NOTEBOOKS)


def test_a_notebook_without_claims_is_refused():
    with pytest.raises(SpecificationError, match=r"notebook: expected .*got 'fig_enrgy' \(did you mean 'fig_energy'"):
        claims_of("fig_enrgy")


def outcome(name, reason, ours=1.5):
    number = PublishedNumber(value=1, provenance=Provenance(source="a <b> test", status="published", unit="1"))
    asked = {"measure": "speedup", "kind": "number", "notebook": "fig_it", "reason": reason}
    return Outcome(claim=Claim(id=name, published=number, **asked), ours=ours, low=1, high=2)


def test_a_reason_is_said_once_where_claims_in_a_row_have_it():
    made = [outcome("a", "x < y"), outcome("b", "x < y"), outcome("c", ""), outcome("d", ""), outcome("e", "x < y")]
    rows = Rows(clickable_claims(made).to_html()).rows[1:]
    assert [row[-1] for row in rows] == ["x < y", "as above", "", "", "x < y"]
    assert list(claims_table(made)["reason"]) == ["x < y", "x < y", "", "", "x < y"]


def test_a_source_that_the_row_above_has_too_is_marked():
    html = clickable_claims([outcome("a", ""), outcome("b", "")]).to_html()
    assert re.findall(r"<span( class=\"again\")?>", html) == ["", ' class="again"']


def test_numbers_have_three_digits():
    row = Rows(clickable_claims([outcome("a", "", ours=1234.5678)]).to_html()).rows[1]
    assert row[:6] == ["a is 1(a <b> test)", "1", "1.23e+03", "1", "2", "+123356.8%"]
