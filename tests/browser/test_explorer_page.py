"""The explorer page alone: controls, address, keyboard, refusals, a phone."""

import json
import re
import shutil
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
EXPLORER = BOOK / "_static" / "explorer"
pytestmark = pytest.mark.browser
SHELL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explore</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main>{}</main></body></html>"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page's own HTML beside its scripts, without the book around it."""
    folder = tmp_path_factory.mktemp("explorer")
    (raw,) = re.findall(r"```{raw} html\n(.*?)```", (BOOK / "explorer.md").read_text(), re.DOTALL)
    (folder / "explorer.html").write_text(SHELL.format(raw))
    shutil.copytree(EXPLORER, folder / "_static" / "explorer")
    return (folder / "explorer.html").as_uri()


@pytest.fixture
def page(browser):
    """A page that fails the test where a script fails or something is loaded from elsewhere."""
    context = browser.new_context(viewport={"width": 320, "height": 700})
    opened, problems = context.new_page(), []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
    yield opened
    context.close()
    assert problems == []


def shown(page, name):
    """Text of a result, once the page has drawn and written its address."""
    page.wait_for_timeout(400)
    return page.locator(f"#ex-{name}").inner_text()


def is_as_the_command_says(page, command):
    """Run the command that the page shows, and compare."""
    words = shown(page, "command").split()
    assert words[:2] == ["sharp", "run"]
    outcome = command(*words[1:], "--json")
    report = json.loads(outcome.out)
    assert shown(page, "total") == f"{report['total_cycles']:,}"
    assert shown(page, "utilization") == f"{100 * report['utilization']:.1f} %"
    return report


def test_the_page_follows_its_controls_and_its_address_keeps_them(page, address, command):
    page.goto(address)
    first = is_as_the_command_says(page, command)
    assert page.evaluate("location.hash") == ""
    page.select_option("#ex-machine", "epur")
    page.select_option("#ex-cell", "gru")
    page.select_option("#ex-budget", "other")
    page.fill("#ex-macs", "8192")
    page.fill("#ex-hidden_size", "777")
    page.check("#ex-bidirectional")
    page.fill("#ex-batch_size", "3")
    changed = is_as_the_command_says(page, command)
    assert (changed["accelerator"], changed["schedule"], changed["num_macs"]) == ("epur", "sequential", 8192)
    assert changed["total_cycles"] != first["total_cycles"]
    link, total = page.evaluate("location.href"), shown(page, "total")
    assert "h=777" in link
    page.goto("about:blank")
    page.goto(link)
    assert shown(page, "total") == total
    assert is_as_the_command_says(page, command) == changed
    assert page.locator("#ex-timeline svg").get_attribute("aria-label")
    page.click("#ex-reset")
    assert is_as_the_command_says(page, command) == first


def test_the_page_works_by_keyboard(page, address, command):
    page.goto(address)
    before = is_as_the_command_says(page, command)
    page.focus("#ex-input_size")
    page.keyboard.press("Tab")  # the slider
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("ArrowRight")
    assert page.input_value("#ex-input_size") == "341"
    assert is_as_the_command_says(page, command)["layers"][0]["input_size"] == 341 != before["layers"][0]["input_size"]
    controls = "[...document.querySelectorAll('input, select, button')]"
    names = page.evaluate(f"{controls}.map(each => each.labels?.[0]?.innerText || each.ariaLabel || each.innerText)")
    assert all(names)


@pytest.mark.parametrize(
    ("fragment", "sentence"),
    [
        ("cell=gru-reset-before&schedule=batch", "gate n of this GRU waits for r"),
        ("macs=1000", "must be a multiple of every tile height"),
        ("machine=epur&k=64", "no tile of 64 rows"),
        ("h=9999", "a whole number from 1 to 4,096"),
        ("macs=none", "MACs: give a whole number"),
    ],
)
def test_the_page_says_why_a_setting_cannot_run(page, address, fragment, sentence):
    page.goto(f"{address}#{fragment}")
    assert sentence in shown(page, "refused")
    assert not page.is_visible("#ex-total")
    page.click("#ex-reset")
    assert shown(page, "total") == "1,711"
    assert not page.is_visible("#ex-refused")


def test_the_page_fits_a_phone(page, address):
    page.goto(address)
    shown(page, "total")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert page.is_visible("#ex-total")
    top = page.locator("#ex-headline").bounding_box()["y"]
    assert 0 <= top < 700, "the numbers are in sight while the sliders move"
