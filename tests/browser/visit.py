"""Open a page of the book in a browser and ask it what a reader would notice."""

import dataclasses
from contextlib import suppress
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError

SERIOUS = {"serious", "critical"}
EVERYTHING = {"include": [["html"]]}
SAMPLE = {"include": [["html"]], "exclude": [[".bd-sidebar-primary"], ["dl.py ~ dl.py dl.py"]]}
"""All but what is the same on every page (the sidebar), or many times on one (members of the second class and on)."""
IMAGES = """
Promise.all([...document.images].map(image => {
  image.loading = "eager";
  return image.decode().then(() => null, () => image.src);
}))
"""
MATHEMATICS = """
[...document.querySelectorAll(".math, .amsmath")]
  .filter(box => !box.querySelector("mjx-container") || box.querySelector("mjx-merror"))
  .map(box => box.textContent.trim().slice(0, 80))
"""
LINKS = "[...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href'))"
GROUNDS = """
[...document.querySelectorAll(".bd-article figure img, .bd-article .cell_output img")]
  .filter(image => {
    const style = getComputedStyle(image);
    return style.backgroundColor !== "rgb(255, 255, 255)" || style.filter !== "none";
  })
  .map(image => image.src)
"""
TABLES = """
[...document.querySelectorAll(".bd-article table:not(.indextable)")].map(table => ({
  caption: table.caption?.textContent.trim(),
  columns: [...table.querySelectorAll("thead th")].every(cell => cell.scope === "col"),
  rows: [...table.querySelectorAll("tbody tr")].every(row => row.cells[0].matches("th[scope=row]")),
}))
"""
CUT = """
[...document.querySelectorAll(".bd-article figure, .bd-article table")]
  .filter(box => box.scrollWidth > box.clientWidth + 1)
  .filter(box => !getComputedStyle(box, "::before").content.includes("Scroll"))
  .map(box => box.id || box.tagName)
"""
DARK = """
() => {
  document.documentElement.dataset.theme = "dark";
  const still = document.createElement("style");
  still.textContent = "* { transition: none !important; animation: none !important; }";
  document.head.append(still);
}
"""


@dataclasses.dataclass
class Visit:
    """A page that is open, and what happened when it was opened."""

    page: Any
    url: str
    requests: list[str] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)

    @property
    def external(self) -> list[str]:
        """What the page asked for that is not a file."""
        return [url for url in self.requests if urlsplit(url).scheme not in {"file", "data", "blob"}]

    @property
    def bytes_loaded(self) -> int:
        """The page and all that it loaded, once each."""
        files = {file_of(url) for url in self.requests if url.startswith("file:")}
        return sum(path.stat().st_size for path in files if path.is_file())

    def broken_images(self) -> list[str]:
        return [source for source in self.page.evaluate(IMAGES) if source]

    def raw_mathematics(self) -> list[str]:
        """Formulas that are not set, or are set as an error."""
        self.page.evaluate("window.MathJax?.startup?.promise.then(() => null)")
        return self.page.evaluate(MATHEMATICS)

    def dead_links(self) -> list[str]:
        """Links to files that are not there, or to places that no page has."""
        return [link for link in self.page.evaluate(LINKS) if not leads_somewhere(urljoin(self.url, link))]

    def barriers(self, parts: str | dict = EVERYTHING, rules: tuple[str, ...] = ()) -> list[str]:
        """Serious and critical findings of axe; with rules, of these alone."""
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = Axe().run(self.page, context=parts, options=options).response["violations"]
        return [
            f"{each['id']}: {node['target']} {node['failureSummary'][:300]}"
            for each in found
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]

    def barriers_in_the_dark(self, parts: str | dict = EVERYTHING) -> list[str]:
        """Text that does not stand out in dark mode, and figures that are not as drawn, on white."""
        self.page.evaluate(DARK)
        return self.barriers(parts, ("color-contrast", "link-in-text-block")) + self.page.evaluate(GROUNDS)

    def unclear_tables(self) -> list[str]:
        """Tables without a caption of their own, or with headers that do not say of which column or row they are."""
        tables = self.page.evaluate(TABLES)
        captions = [table["caption"] for table in tables]
        clear = [table["columns"] and table["rows"] and captions.count(table["caption"]) == 1 for table in tables]
        return [str(caption) for caption, good in zip(captions, clear, strict=True) if not good or not caption]

    def cut_without_a_word(self) -> list[str]:
        """Figures and tables that are wider than their box, and do not say that they scroll."""
        return self.page.evaluate(CUT)

    def overflow(self, width: int) -> int:
        """By how many pixels the page is wider than a screen, once the sidebars have moved out of the way."""
        self.page.set_viewport_size({"width": width, "height": 800})
        with suppress(TimeoutError):
            self.page.wait_for_function(f"document.documentElement.scrollWidth <= {width}", timeout=2000)
        return self.page.evaluate("document.documentElement.scrollWidth") - width


def open_page(browser: Any, url: str) -> Visit:
    """Open a page on a screen of 1280 pixels and wait until it is at rest."""
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 900}), url)
    visit.page.on("request", lambda request: visit.requests.append(request.url))
    visit.page.on("requestfailed", lambda request: visit.failures.append(request.url))
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.page.on("console", lambda line: line.type == "error" and visit.errors.append(line.text))
    visit.page.goto(url, wait_until="load")
    visit.page.evaluate("document.fonts.ready.then(() => null)")
    return visit


def file_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def leads_somewhere(url: str) -> bool:
    """Whether a link within the book has a target; links out of it are not followed."""
    address, place = urldefrag(url)
    if urlsplit(address).scheme != "file":
        return True
    path = file_of(address)
    if not path.is_file():
        return False
    return not place or path.suffix != ".html" or unquote(place) in places(path)


@cache
def places(path: Path) -> frozenset[str]:
    """Every id of a page."""
    parser = Places()
    parser.feed(path.read_text())
    return frozenset(parser.found)


class Places(HTMLParser):
    """Collects ids."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in {"id", "name"} and value}
