"""Where the built book and the browser are, or what is missing."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOOK = Path(os.environ.get("SHARP_BOOK", ROOT / "book/_build/html")).resolve()
PDF = Path(os.environ.get("SHARP_PDF", ROOT / "book/_build/pdf/sharp.pdf")).resolve()


def find_chromium() -> str | None:
    """The system's chromium or a relative of it."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def missing() -> str | None:
    """What the browser tests need and do not find, as a sentence."""
    for name in ("axe_playwright_python", "playwright", "pypdf"):
        if find_spec(name) is None:
            return f"The browser tests need the package {name}: `pip install -e '.[browser]'`."
    if find_chromium() is None:
        return "The browser tests need a browser: `apt-get install chromium`."
    if not (BOOK / "index.html").exists():
        return f"The browser tests need the built book, and {BOOK} has none: `make book`."
    return None
