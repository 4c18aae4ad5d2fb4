"""Print the whole book, built by Sphinx as one HTML page, into a PDF: cover, contents with page numbers, chapters.

python book/print_pdf.py book/_build/single/intro.html book/_build/pdf/sharp.pdf
"""

import argparse
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HOW = "The PDF needs a browser: `pip install -e '.[browser]'`, then `apt-get install chromium`."
FOOTER = """<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">
SHARP, reproduced &middot; <span class="pageNumber"></span></div>"""

PREPARE = r"""
([title, version]) => {
  const make = (tag, kind, text) => Object.assign(document.createElement(tag), {className: kind, textContent: text});
  const article = document.querySelector("article.bd-article");
  article.classList.add("whole");

  /* Links within the book stay; files beside the pages are not in the PDF. */
  for (const link of article.querySelectorAll("a[href]")) {
    if (!/^(#|https?:|mailto:)/.test(link.getAttribute("href"))) link.removeAttribute("href");
  }
  for (const line of article.querySelectorAll("p:has(> a.download, > span > a.download)")) {
    if (line.textContent.trim().startsWith("Data:")) line.remove();
  }
  for (const image of article.querySelectorAll("img")) image.loading = "eager";
  for (const fold of article.querySelectorAll("details:not(.hide)")) fold.open = true;

  /* Each chapter follows an empty place with its name; the sidebar has the titles of the parts, in order. */
  const contents = make("nav", "book-contents", "");
  contents.append(make("p", "title", "Contents"));
  article.prepend(Object.assign(document.createElement("span"), {id: "document-start"}));
  const parts = [...document.querySelectorAll(".bd-docs-nav .caption")].map(caption => caption.textContent.trim());
  let last = null;
  for (const place of article.querySelectorAll("span[id^='document-']")) {
    const part = place.closest("article > section > .toctree-wrapper");
    if (part && part !== last) contents.append(make("p", "part", parts.shift()));
    last = part;
    addChapter(place, part === place.parentElement || !part ? "" : "below");
  }

  function addChapter(place, kind) {
    const chapter = place.nextElementSibling;
    const heading = chapter.querySelector("h1, h2, h3, h4, h5, h6");
    heading.querySelector(".headerlink")?.remove();
    heading.id = place.id;
    place.remove();
    chapter.classList.add("chapter");
    const line = make("a", kind, "");
    line.href = "#" + heading.id;
    line.append(make("span", "", heading.textContent.trim()), make("span", "dots", ""), make("span", "number", "000"));
    contents.append(line);
  }

  const cover = make("div", "cover", "");
  cover.append(make("h1", "", title), make("p", "", "sharp " + version),
               make("p", "", "The SHARP accelerator for recurrent neural networks (arXiv 1911.01258v3):"),
               make("p", "", "the model, every figure and table, and every claim answered."));
  document.documentElement.dataset.theme = "light";
  document.body.replaceChildren(cover, contents, article);
}
"""

FIT = """
() => {
  for (const table of document.querySelectorAll(".bd-article table")) {
    if (table.scrollWidth > document.querySelector(".bd-article").clientWidth + 1) table.classList.add("wide");
  }
}
"""

NUMBER = """
pages => {
  for (const line of document.querySelectorAll(".book-contents a")) {
    line.querySelector(".number").textContent = pages[decodeURIComponent(line.hash.slice(1))];
  }
}
"""


def find_chromium() -> str | None:
    """The system's chromium or a relative of it."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def chapter_pages(path: Path) -> dict[str, int]:
    """The page on which each place of the book is, from the PDF's named destinations."""
    from pypdf import PdfReader

    reader = PdfReader(path)
    places = {name.lstrip("/"): place for name, place in reader.named_destinations.items()}
    return {name: int(reader.get_destination_page_number(place) or 0) + 1 for name, place in places.items()}


def open_book(page: Any, source: Path, version: str) -> None:
    """Open the one page, wait for its mathematics and images, and lay it out for paper."""
    page.goto(source.resolve().as_uri())
    page.evaluate("window.MathJax?.startup?.promise.then(() => null)")
    page.evaluate(PREPARE, ["SHARP, reproduced", version])
    page.emulate_media(media="print", color_scheme="light")
    page.evaluate("Promise.all([...document.images].map(image => image.decode().catch(() => null))).then(() => null)")
    page.evaluate(FIT)


def print_book(source: Path, target: Path) -> int:
    """Print twice, the second time with the page numbers that the first gave; the number of pages."""
    from playwright.sync_api import sync_playwright
    from pypdf import PdfReader

    from sharp import __version__

    options = {"path": target, "format": "A4", "prefer_css_page_size": True, "print_background": True,
               "display_header_footer": True, "header_template": "<span></span>", "footer_template": FOOTER,
               "outline": True, "tagged": True}  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 673, "height": 1000})
        page.set_default_timeout(120_000)
        open_book(page, source, __version__)
        page.pdf(**options)
        page.evaluate(NUMBER, chapter_pages(target))
        page.pdf(**options)
        browser.close()
    return len(PdfReader(target).pages)


def missing(source: Path) -> str | None:
    """What printing needs and does not find, as a sentence."""
    if not (find_spec("playwright") and find_spec("pypdf") and find_chromium()):
        return HOW
    return None if source.exists() else f"{source}: expected the book as one page, got nothing: run `make pdf`"


def main() -> None:
    """Read the arguments, print, say how much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the book as one HTML page")
    parser.add_argument("target", type=Path, help="the PDF to write")
    arguments = parser.parse_args()
    if problem := missing(arguments.source):
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)
    pages = print_book(arguments.source, arguments.target)
    sys.stdout.write(f"{arguments.target}: {pages} pages\n")


if __name__ == "__main__":
    main()
