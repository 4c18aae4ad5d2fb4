"""The book's tables: each gets a caption of its own, and headers that say of which column or row they are."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

bs4 = pytest.importorskip("bs4")

TWO_TABLES = """<h2>What we get<a class="headerlink" href="#w">#</a></h2>
<p>Some text, and a table.</p>
<table class="table"><thead><tr><th class="head"><p>at</p></th><th class="head"><p>1K</p></th></tr></thead>
<tbody><tr><td><p>power &lt; 1</p></td><td><p>2</p></td></tr></tbody></table>
<p>First a sentence.
Means over <em>four</em> networks:</p>
<table><thead><tr><th>at</th><th>1K</th></tr></thead><tbody><tr><th>power</th><td>2</td></tr></tbody></table>
<p>\\(a &lt; b\\)</p>"""


@pytest.fixture(scope="module")
def tables():
    spec = spec_from_file_location("book_tables", Path(__file__).parents[1] / "book" / "book_tables.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mended(tables, body):
    return bs4.BeautifulSoup(tables.mend(body), "html.parser").find_all("table")


def test_captions_are_the_sentence_that_introduces_or_the_heading(tables):
    assert [table.caption.get_text() for table in mended(tables, TWO_TABLES)] == [
        "What we get",
        "Means over four networks",
    ]


def test_a_second_table_under_one_heading_has_another_name(tables):
    captions = [table.caption.get_text() for table in mended(tables, "<h1>It</h1>" + 3 * "<table></table>")]
    assert captions == ["It", "It (2)", "It (3)"]


def test_a_caption_that_is_there_stays(tables):
    (table,) = mended(tables, "<h1>It</h1><table><caption>Mine</caption></table>")
    assert [caption.get_text() for caption in table.find_all("caption")] == ["Mine"]


@pytest.mark.parametrize("number", [0, 1])
def test_headers_say_of_what(tables, number):
    table = mended(tables, TWO_TABLES)[number]
    assert [cell["scope"] for cell in table.find_all("th")] == ["col", "col", "row"]
    assert table.tbody.th.get_text().startswith("power")
    assert table.tbody.td.get_text() == "2"


def test_all_else_is_as_it_was(tables):
    outside = tables.TABLE.sub("", TWO_TABLES)
    assert tables.TABLE.sub("", tables.mend(TWO_TABLES)) == outside
    assert "power &lt; 1" in tables.mend(TWO_TABLES)
    index = '<table class="indextable genindextable"><tr><td>A</td></tr></table>'
    assert tables.mend(index) == index


def test_cells_of_rows_that_a_phone_stacks_name_their_column_and_keep_their_roles(tables):
    (table,) = mended(tables, TWO_TABLES.split("</table>")[0].replace('"table"', '"stacked"') + "</table>")
    assert table.tbody.td["data-label"] == "1K"
    assert [cell["role"] for cell in table.find_all(["th", "td"])] == ["columnheader"] * 2 + ["rowheader", "cell"]
    assert table["role"] == "table"
