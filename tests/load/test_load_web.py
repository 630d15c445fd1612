"""locust's web page with our tabs, in a browser: start by clicking, watch, stop, download."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.browser import needs_browser, started
from load_runs import Runs
from playwright.sync_api import Page, expect

from load.loopback import free_port

PATIENCE_MS = 40_000

pytestmark = needs_browser


@contextmanager
def _browser() -> Iterator[Page]:
    with started() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        yield page


def _row(page: Page, first: str) -> str:
    return page.locator("tr", has_text=first).first.inner_text()


def test_a_run_is_started_watched_stopped_and_reported_by_clicking(
    runs: Runs, tmp_path: Path
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    process = runs.start(
        *("--web-port", str(port), "--think-time", "0.2"),
        *("--rate-limit", "30", "--rate-window", "5"),
        *("--objective", "p95(list) < 20s", "--objective", "errors < 0.1%"),
    )
    runs.await_on(process, lambda: "web interface" in runs.screen())

    with _browser() as page:
        page.goto(address)
        for name in ("AddressBook", "Importer", "Lifecycle", "RateLimitProbe", "Searcher"):
            expect(page.get_by_text(name, exact=True)).to_be_attached()
        page.locator("input[name=userCount]").fill("8")
        page.locator("input[name=spawnRate]").fill("8")
        page.get_by_role("button", name="Start").click()

        page.get_by_role("tab", name="Rate limit").click()
        verdict = page.locator("tr", has_text="verdict")
        expect(verdict).to_contain_text("as documented", timeout=PATIENCE_MS)
        refused, limit = _row(page, "refused (429)"), _row(page, "RateLimit-Limit")
        clause = _row(page, "LIMIT-05")

        page.get_by_role("tab", name="Objectives").click()
        objective = page.locator("tr", has_text="errors < 0.1%")
        expect(objective).to_contain_text("met", timeout=PATIENCE_MS)

        page.get_by_role("button", name="Stop").first.click()
        expect(page.locator("header")).to_contain_text(
            "stopped", ignore_case=True, timeout=PATIENCE_MS
        )
        page.get_by_role("tab", name="Download Data").click()
        link = page.get_by_role("link", name="load.html").get_attribute("href")
        document = page.request.get(address + "contacts/load.json").json()
        page.goto(address + str(link).removeprefix("./"))
        expect(page.get_by_role("heading", name="The limiter on trial")).to_be_visible()

    process.terminate()
    run = runs.finish(process)
    assert int(refused.split()[-1]) > 0
    assert limit.split()[-1] == "30"
    assert "passed" in clause
    assert run.status == 0, run.screen
    assert document["limiter"]["verdict"] == "as_documented"
    assert json.loads((tmp_path / "run" / "load.json").read_text()) == document
    assert "eyJ" not in run.everything()


def test_a_host_that_is_not_ours_cannot_be_typed_in(runs: Runs) -> None:
    port = free_port()
    process = runs.start("--web-port", str(port))
    runs.await_on(process, lambda: "web interface" in runs.screen())

    with _browser() as page:
        page.goto(f"http://127.0.0.1:{port}/")
        page.locator("input[name=host]").fill("http://192.0.2.1/v1")
        page.get_by_role("button", name="Start").click()

        message = page.get_by_text("--i-own-this-target").first
        expect(message).to_be_visible(timeout=PATIENCE_MS)

    process.terminate()
    assert runs.finish(process).status == 0
