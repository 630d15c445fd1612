"""The pages in a browser: filters, jumps, copying, keyboard, print, phone, both schemes, axe-core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import report_documents as documents
from kit.browser import (
    DESKTOP,
    PHONE,
    grave_violations,
    is_cut_on_paper,
    needs_browser,
    overflows,
    shown,
    started,
)
from playwright.sync_api import Browser, Page, expect

from reports import diff, html, trend, trend_page

pytestmark = needs_browser
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"


def _report(document: dict[str, Any]) -> str:
    return html.render(document, documents.texts())


def _trend() -> str:
    runs = (documents.passing(), documents.one_failure(), documents.sixty_failures())
    named = [trend.run_of(run, str(number)) for number, run in enumerate(runs)]
    return trend_page.page(trend.trend(named))


SOURCES: dict[str, Callable[[], str]] = {
    "passed": lambda: _report(documents.passing()),
    "one failure": lambda: _report(documents.one_failure()),
    "sixty failures": lambda: _report(documents.sixty_failures()),
    "hostile": lambda: _report(documents.hostile()),
    "diff": lambda: diff.page(diff.diff(documents.sixty_failures(), documents.passing())),
    "trend": _trend,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(source: str) -> Path:
        file = tmp_path / "page.html"
        file.write_text(source, encoding="utf-8")
        return file

    return write


@pytest.fixture
def one(browser: Browser, written: Callable[[str], Path]) -> Iterator[Page]:
    page = shown(browser, written(_report(documents.one_failure())))
    yield page
    page.close()


def _clauses(page: Page) -> list[str]:
    """The ids of the clauses that the filters leave."""
    found: list[str] = page.locator("[data-clause]:not([hidden])").evaluate_all(
        "found => found.map(each => each.id)"
    )
    return found


# --- for everyone ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_axe_finds_nothing_grave(
    browser: Browser, written: Callable[[str], Path], kind: str, size: Any, scheme: str
) -> None:
    page = shown(browser, written(SOURCES[kind]()), size, scheme)

    found = grave_violations(page)
    page.close()

    assert found == []


def test_axe_finds_nothing_grave_in_what_opens(one: Page) -> None:
    one.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    assert grave_violations(one) == []


@pytest.mark.parametrize("kind", SOURCES)
def test_a_phone_needs_no_sideways_scrolling(
    browser: Browser, written: Callable[[str], Path], kind: str
) -> None:
    page = shown(browser, written(SOURCES[kind]()), PHONE)

    is_wider = overflows(page)
    page.close()

    assert not is_wider


@pytest.mark.parametrize("kind", SOURCES)
def test_a_page_asks_for_nothing_but_itself(
    browser: Browser, written: Callable[[str], Path], kind: str
) -> None:
    file = written(SOURCES[kind]())
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(file.as_uri())
    page.close()

    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert complaints == []


def test_plots_and_page_follow_the_scheme(browser: Browser, written: Callable[[str], Path]) -> None:
    file = written(SOURCES["one failure"]())
    colour = "getComputedStyle(document.querySelector('{}')).{}"
    seen = []
    for scheme in ("light", "dark"):
        page = shown(browser, file, scheme=scheme)
        seen.append(
            [
                page.evaluate(colour.format("body", "backgroundColor")),
                page.evaluate(colour.format(".drawing .count rect", "fill")),
                page.evaluate(colour.format(".drawing text", "fill")),
            ]
        )
        page.close()

    assert all(light != dark for light, dark in zip(*seen, strict=True))


def test_the_keyboard_alone_reaches_filters_and_evidence(one: Page) -> None:
    one.keyboard.press("Tab")
    expect(one.locator(".skip")).to_be_focused()

    one.locator('.chip[data-status="failed"]').focus()
    one.keyboard.press("Space")
    assert _clauses(one) == ["DELETE-02"]

    one.locator(".exchange summary").first.focus()
    one.keyboard.press("Enter")
    expect(one.locator(".exchange").first).not_to_have_attribute("open", "")


# --- filters and jumps -------------------------------------------------------------------------


def test_filters_narrow_each_other_and_the_reset_undoes_them(one: Page) -> None:
    every = _clauses(one)

    one.locator("#f-group").select_option("LIST")
    in_group = _clauses(one)
    one.locator("#f-tier").select_option("platform")
    in_tier = _clauses(one)
    one.locator("#f-text").fill("04")
    by_text = _clauses(one)
    counted = one.locator("#f-count").inner_text()
    one.locator("button[type=reset]").click()

    assert {each.partition("-")[0] for each in in_group} == {"LIST"}
    assert in_tier == ["LIST-02", "LIST-07", "LIST-12", "LIST-17"]
    assert by_text == []
    assert counted == "0 of 92 clauses"
    assert _clauses(one) == every


def test_filters_that_nothing_matches_say_so(one: Page) -> None:
    one.locator("#f-text").fill("no clause says this")

    expect(one.locator(".nothing")).to_be_visible()
    expect(one.locator("#failed-title")).to_be_hidden()


def test_a_cell_of_the_map_leads_to_its_clause_past_the_filters(one: Page) -> None:
    one.locator('.chip[data-status="failed"]').click()
    expect(one.locator("[id='PAGE-03']")).to_be_hidden()

    one.locator('[data-cell="PAGE-03"]').click()

    expect(one.locator("[id='PAGE-03'] .row-body")).to_be_in_viewport()


def test_the_map_has_a_column_for_each_tier(one: Page) -> None:
    names = one.locator(".map-head span").all_inner_texts()
    left = {
        tier: one.locator(f'.map ul[data-tier-name="{tier}"]').evaluate_all(
            "found => [...new Set(found.map(each => Math.round(each.getBoundingClientRect().x)))]"
        )
        for tier in names
        if tier
    }

    assert names == ["", "required", "platform", "expected", "observed"]
    assert all(len(places) == 1 for places in left.values())
    assert sorted(left, key=lambda tier: left[tier][0]) == names[1:]


# --- evidence ----------------------------------------------------------------------------------


def test_the_offending_part_of_a_long_answer_is_in_sight(
    browser: Browser, written: Callable[[str], Path]
) -> None:
    page = shown(browser, written(_report(documents.long_list())))

    mark = page.locator("[id='LIST-04'] mark").first
    expect(mark).to_have_text('"limit": 101')
    inside = mark.evaluate(
        "mark => {const outer = mark.closest('pre').getBoundingClientRect();"
        " const inner = mark.getBoundingClientRect();"
        " return outer.top <= inner.top && inner.bottom <= outer.bottom}"
    )
    page.close()

    assert inside


def test_the_copy_button_puts_the_command_on_the_clipboard(
    browser: Browser, written: Callable[[str], Path]
) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(written(SOURCES["one failure"]()).as_uri())

    page.locator("[id='DELETE-02'] .copy").click()
    expect(page.locator("#copied")).to_have_text("The command is on the clipboard.")
    copied = page.evaluate("navigator.clipboard.readText()")
    context.close()

    assert copied == documents.deleted_still_counted()["curl"]


def test_without_a_clipboard_the_command_is_selected(
    browser: Browser, written: Callable[[str], Path]
) -> None:
    page = browser.new_page()
    page.add_init_script(NO_CLIPBOARD)
    page.goto(written(SOURCES["one failure"]()).as_uri())

    page.locator("[id='DELETE-02'] .copy").click()
    expect(page.locator("[id='DELETE-02'] .copy")).to_have_text("Selected")
    selected = page.evaluate("getSelection().toString()")
    page.close()

    assert selected == documents.deleted_still_counted()["curl"]


# --- paper -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SOURCES)
def test_paper_holds_the_whole_width(
    browser: Browser, written: Callable[[str], Path], kind: str
) -> None:
    page = shown(browser, written(SOURCES[kind]()))

    is_cut = is_cut_on_paper(page)
    page.close()

    assert not is_cut


def test_paper_shows_every_clause_and_the_screen_is_as_before(one: Page) -> None:
    one.emulate_media(media="print")
    one.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown_on_paper = [one.locator("[id='PAGE-03'] summary"), one.locator(".curl pre").first]
    for found in shown_on_paper:
        expect(found).to_be_visible()
    for hidden in (".filters", ".copy", "nav"):
        expect(one.locator(hidden).first).to_be_hidden()

    one.evaluate("dispatchEvent(new Event('afterprint'))")

    expect(one.locator("[id='PAGE-03'] summary")).to_be_hidden()


def test_paper_is_light_whatever_the_screen_is(
    browser: Browser, written: Callable[[str], Path]
) -> None:
    page = shown(browser, written(SOURCES["one failure"]()), scheme="dark")
    page.emulate_media(media="print")

    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.close()

    assert background == "rgb(255, 255, 255)"
