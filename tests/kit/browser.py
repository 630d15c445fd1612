"""Headless Chromium for the tests of pages, and what axe-core says of a page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

REQUIRED = "BROWSER_REQUIRED"
"""The variable that turns a missing browser from a reason to skip into a failure."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
DESKTOP, PHONE = (1280, 900), (390, 844)
A4_PX = 688
"""The width of A4 between the margins of the style sheet."""
GRAVE = {"serious", "critical"}

needs_browser = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get(REQUIRED) != "1",
    reason=f"no chromium is installed to look with; {REQUIRED}=1 makes that a failure",
)


@contextmanager
def started() -> Iterator[Browser]:
    """A browser of its own. While it runs, its thread can run no loop of asyncio."""
    assert CHROMIUM, f"{REQUIRED}=1, and none of {', '.join(NAMES)} is on the path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        yield browser
        browser.close()


def shown(
    browser: Browser, file: Path, size: tuple[int, int] = DESKTOP, scheme: str = "light"
) -> Page:
    """A file as a page of a browser."""
    viewport = {"width": size[0], "height": size[1]}
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    page.goto(file.as_uri())
    return page


def grave_violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical: the rule, the first element, what to do."""
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:120]} {found['nodes'][0]['failureSummary']}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in GRAVE
    ]


def is_cut_on_paper(page: Page) -> bool:
    """Whether paper, which cannot be scrolled, would lose a part of the page or of a table."""
    page.set_viewport_size({"width": A4_PX, "height": 900})
    page.emulate_media(media="print")
    # A box that paper does not scroll ends at its own edge: what is wider lies outside of it.
    lost = """() => [document.documentElement, ...document.querySelectorAll('.scroll')]
        .some(box => box.scrollWidth > box.clientWidth + 1)"""
    return bool(page.evaluate(lost))


def overflows(page: Page) -> bool:
    """Whether the page is wider than its window."""
    wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return bool(page.evaluate(wider))
