"""Every page of the built book, opened from its file as a reader does (`make test-browser`)."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_book import BOOK

from sharp import Network, Plan, RNNLayer, SharpError, find_accelerator, simulate
from sharp.claims.claims import load_claims

pytestmark = pytest.mark.browser
visits = pytest.importorskip("visit", exc_type=ImportError)

MOST_BYTES_A_PAGE = 3_000_000
"""Of a page with everything that it loads."""
MOST_BYTES = 40_000_000
"""Of the book on disk."""
FILES = {str(path.relative_to(BOOK)) for path in BOOK.rglob("*.html") if "_static" not in path.parts}
PAGES = sorted(FILES - {"index.html"})
ALL_PAGES = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PAGES]


@pytest.fixture(scope="module")
def visit(request, browser) -> Iterator[object]:
    """A page, opened once for all that is asked of it."""
    opened = visits.open_page(browser, (BOOK / request.param).as_uri())
    yield opened
    opened.page.close()


@pytest.mark.parametrize("visit", ALL_PAGES, indirect=True)
class TestPage:
    def test_asks_nothing_of_the_network(self, visit):
        assert visit.external == []

    def test_loads_without_an_error(self, visit):
        assert (visit.errors, visit.failures) == ([], [])

    def test_shows_its_images(self, visit):
        assert visit.broken_images() == []

    def test_sets_its_mathematics(self, visit):
        assert visit.raw_mathematics() == []

    def test_is_light(self, visit):
        assert visit.bytes_loaded < MOST_BYTES_A_PAGE

    def test_has_no_dead_link(self, visit):
        assert visit.dead_links() == []

    def test_has_no_barrier(self, visit):
        assert visit.barriers(visits.SAMPLE) == []

    def test_has_tables_that_say_what_they_are(self, visit):
        assert visit.unclear_tables() == []

    def test_fits_a_wide_screen_and_a_phone(self, visit):
        cut = []
        for width in (375, 1280):
            assert visit.overflow(width) <= 0
            cut += visit.cut_without_a_word()
        assert cut == []

    def test_is_readable_in_the_dark(self, visit):
        assert visit.barriers_in_the_dark(visits.SAMPLE) == []


# The book as a whole --------------------------------------------------------------------------------------------------


def test_there_are_pages():
    assert len(PAGES) > 40


def test_index_leads_to_the_first_page(browser):
    page = browser.new_page()
    page.goto((BOOK / "index.html").as_uri(), wait_until="commit")
    page.wait_for_url("**/intro.html")
    page.close()


def test_first_page_and_its_sidebar_have_no_barrier(browser):
    """The sidebar is left out on the other pages, which all have the same."""
    visit = visits.open_page(browser, (BOOK / "intro.html").as_uri())
    assert visit.page.locator(".bd-sidebar-primary a").count() > 40
    assert visit.barriers() + visit.barriers_in_the_dark() == []
    visit.page.close()


def test_the_book_is_small_enough_to_send():
    assert sum(path.stat().st_size for path in BOOK.rglob("*") if path.is_file()) < MOST_BYTES


@pytest.mark.parametrize("word", ["padding", "reconfiguration", "BrainWave"])
def test_search_page_finds_a_word(browser, word):
    visit = visits.open_page(browser, (BOOK / "search.html").as_uri() + f"?q={word}")
    first = visit.page.locator("#search-results li a").first
    first.wait_for()
    assert visits.leads_somewhere(first.evaluate("link => link.href.split('?')[0]"))
    assert (visit.errors, visit.external) == ([], [])
    visit.page.close()


def test_search_box_leads_to_results(browser):
    visit = visits.open_page(browser, (BOOK / "intro.html").as_uri())
    visit.page.keyboard.press("Control+k")
    visit.page.locator(".search-button__wrapper.show input[type=search]").fill("tile")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/search.html?q=tile*")
    visit.page.locator("#search-results li a").first.wait_for()
    assert visit.errors == []
    visit.page.close()


def test_mode_switch_reaches_the_dark(browser):
    visit = visits.open_page(browser, (BOOK / "intro.html").as_uri())
    seen = set()
    for _ in range(3):
        visit.page.locator(".theme-switch-button:visible").first.click()
        seen.add(visit.page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}
    visit.page.close()


ANSWERS = """
[...document.querySelectorAll("table.stacked tbody tr")]
  .map(row => [row.querySelector("a").href, row.cells[2].textContent])
"""


def test_the_claims_are_read_on_a_phone(browser):
    visit = visits.open_page(browser, (BOOK / "_executed" / "tab_claims.html").as_uri())
    assert visit.overflow(375) <= 0
    assert visit.page.evaluate("document.documentElement.scrollHeight") < 120 * len(load_claims())
    cells = visit.page.locator("table.stacked tbody tr > :last-child:not(:empty)")
    assert cells.count() > 20
    for box in (cells.nth(place).bounding_box() for place in range(cells.count())):
        assert box["x"] >= 0
        assert 250 < box["width"] <= 375
    visit.page.close()


def test_a_claims_link_leads_to_our_number(browser):
    visit = visits.open_page(browser, (BOOK / "_executed" / "tab_claims.html").as_uri())
    wanted = visit.page.evaluate(ANSWERS)
    assert len(wanted) == len(load_claims())
    for address in {link.split("#")[0] for link, _ in wanted}:
        visit.page.goto(address)
        for link, ours in wanted:
            if link.startswith(address):
                place = link.split("#")[1]
                assert visit.page.locator(f"tr:has(#{place}) td:nth-of-type(2)").text_content() == ours, place
    visit.page.close()


# The checks find what they are for ------------------------------------------------------------------------------------

FAULTS = """<!DOCTYPE html><html lang="en"><head><title>Faults</title></head>
<body><main class="bd-article"><h1>Faults</h1>
<p style="color: #999; background: #fff">Too pale.</p> <div class="math">\\(x^2\\)</div>
<figure><img src="nowhere.png" alt="nothing" style="background: black"></figure>
<a href="nowhere.html">a dead link</a> <a href="#nowhere">a dead place</a> <a href="#here" id="here">a place</a>
<table><tbody><tr><td>1</td></tr></tbody></table>
<figure style="overflow: auto"><p style="width: 2000px">cut</p></figure>
<div style="width: 2000px">wide</div><script src="http://127.0.0.1:9/x.js"></script><script>undefined_function()</script>
</main></body></html>"""


def test_checks_find_every_fault(browser, tmp_path: Path):
    path = tmp_path / "faults.html"
    path.write_text(FAULTS)
    visit = visits.open_page(browser, path.as_uri())
    assert visit.external == ["http://127.0.0.1:9/x.js"]
    assert any("undefined_function" in error for error in visit.errors)
    assert len(visit.broken_images()) == 1
    assert len(visit.raw_mathematics()) == 1
    assert visit.dead_links() == ["nowhere.html", "#nowhere"]
    assert any("color-contrast" in barrier for barrier in visit.barriers())
    assert any("nowhere.png" in barrier for barrier in visit.barriers_in_the_dark())
    assert visit.unclear_tables() == ["None"]
    assert visit.cut_without_a_word() == ["FIGURE"]
    assert visit.overflow(375) > 0
    assert visit.bytes_loaded == len(FAULTS)
    visit.page.close()


# The explorer ---------------------------------------------------------------------------------------------------------

ASK = """
settings => settings.map(({machine, macs, ...setting}) =>
  SharpModel.explore(SharpModel.machineOf(SharpData.machines[machine], macs), setting))
"""
COMPARED = ("tile_rows", "total_cycles", "useful", "column_padding", "row_padding", "dependency_stall", "fill_drain")


def random_setting(dice: random.Random) -> dict[str, object]:
    return {
        "machine": dice.choice(["sharp", "epur", "epur-intergate"]),
        "macs": dice.choice(["1K", "4K", "16K", "64K"]),
        "cell": dice.choice(["lstm", "gru", "gru-reset-before", "rnn"]),
        "input_size": dice.randint(1, 1200),
        "hidden_size": dice.randint(1, 1200),
        "bidirectional": dice.random() < 0.3,
        "seq_len": dice.randint(1, 60),
        "batch_size": dice.choice([1, 1, 2, 5]),
        "schedule": dice.choice(["sequential", "batch", "intergate", "unfolded", "interleaved"]),
        "reconfiguration": dice.random() < 0.5,
        "tile_rows": "best",
    }


def counts_of(setting: dict) -> dict[str, int] | None:
    """What `sharp` says of a setting of the explorer; None where it refuses."""
    layer = RNNLayer(
        cell=setting["cell"].removesuffix("-reset-before"),
        input_size=setting["input_size"],
        hidden_size=setting["hidden_size"],
        bidirectional=setting["bidirectional"],
        linear_before_reset=setting["cell"] != "gru-reset-before",
    )
    network = Network(name="page", layers=(layer,), seq_len=setting["seq_len"], batch_size=setting["batch_size"])
    plan = Plan(schedule=setting["schedule"], reconfiguration=setting["reconfiguration"])
    try:
        report = simulate(network, find_accelerator(setting["machine"]).with_macs(setting["macs"]), plan)
    except SharpError:
        return None
    (entry,) = report.layers
    return {"tile_rows": entry.tile_rows} | {name: getattr(entry.counts, name) for name in COMPARED[1:]}


def test_explorer_equals_sharp_on_200_random_settings(browser):
    dice = random.Random(2024)
    settings = [random_setting(dice) for _ in range(200)]
    visit = visits.open_page(browser, (BOOK / "explorer.html").as_uri())
    answers = visit.page.evaluate(ASK, settings)
    expected = [counts_of(setting) for setting in settings]
    shown = [None if "refused" in answer else {name: answer[name] for name in COMPARED} for answer in answers]
    assert shown == expected
    assert 100 < sum(each is not None for each in expected) < 200
    assert visit.errors == []
    visit.page.close()


def test_explorer_shows_the_cycles_of_the_setting_in_its_address(browser):
    setting = random_setting(random.Random(1)) | {"machine": "sharp", "macs": "4K", "cell": "lstm", "batch_size": 1}
    setting |= {"schedule": "unfolded", "bidirectional": False, "reconfiguration": True, "seq_len": 7}
    address = "#machine=sharp&macs=4K&cell=lstm&x={input_size}&h={hidden_size}&schedule=unfolded&steps=7&padding=on"
    visit = visits.open_page(browser, (BOOK / "explorer.html").as_uri() + address.format(**setting))
    text = f"{counts_of(setting)['total_cycles']:,}"
    visit.page.locator("#sharp-explorer").get_by_text(text).first.wait_for(timeout=5000)
    visit.page.close()
