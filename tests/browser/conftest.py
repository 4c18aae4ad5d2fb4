"""A browser, one a worker; without it or the built book nothing runs, and one sentence says what to do."""

from collections.abc import Iterator

import pytest
from built_book import find_chromium, missing


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("markexpr") == "browser" and (sentence := missing()):
        pytest.exit(sentence, returncode=2)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield started
        started.close()
