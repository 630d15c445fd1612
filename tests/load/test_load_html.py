"""`load.html` shows a run, whatever texts it holds, and needs nothing but itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
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

from conformance.kit.limiter import Answer
from load.collection import Collection, View
from load.objectives import parse
from load.options import Options
from load.probing import as_data
from load.recorder import FAILED, OK, THROTTLED, Recorder
from load.report import Facts, conclude
from reports import load_plots
from reports.load_html import plots, render, sentence
from reports.plots import Canvas

START = 1_700_000_000.0
HOST = "http://127.0.0.1:8000/v1"
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}{% raw %}"
    "\x1b[31m\x00\u202e\u2028&lt;\ud800"
)
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser would make of the page: elements, attributes, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def collected(seconds: int = 10) -> Collection:
    found, recorder = Collection(START), Recorder()
    found.ended = START + seconds
    for n in range(seconds * 10):
        sent = START + n / 10
        outcome = (OK, OK, OK, FAILED, THROTTLED)[n % 5]
        recorder.record(("list", "get")[n % 2], outcome, sent - 0.01 * (n % 3), sent, sent + 0.02)
    recorder.error("list", "status 500 instead of 200")
    recorder.arrivals.sent = seconds * 10
    recorder.limited(60, 12, 9, refused=False)
    found.add("local", recorder.parcel() | {"done": True, "at": START + 1})
    return found


def document(found: Collection | None = None, *objectives: str, **options: Any) -> dict[str, Any]:
    found = collected() if found is None else found
    scheduled = found.sent().sent
    view = View(found.operations, found.duration(), scheduled, 0)
    chosen = Options(**({"arrival_rate": 10.0, "shape": "steady"} | options))
    known = tuple(parse(text) for text in objectives)
    return conclude(Facts(HOST, ("AddressBook",), chosen, found, view, known)).document


def on_trial() -> dict[str, Any]:
    found = collected()
    found.trial = [
        as_data(
            Answer(
                START + n,
                START + n + 0.01,
                "list",
                429 if n >= 3 else 200,
                limit="3",
                remaining=str(max(0, 2 - n)),
                reset="10",
                retry_after="7" if n >= 3 else None,
                enveloped=True,
            )
        )
        for n in range(6)
    ]
    return document(found)


def titles(text: str) -> list[str]:
    return re.findall(r"<figcaption><h3>([^<]*)</h3>", text)


def poisoned(value: Any) -> Any:
    """Return a document whose free texts are hostile; names that code reads stay."""
    if isinstance(value, dict):
        return {key: part if key in KEPT else poisoned(part) for key, part in value.items()}
    if isinstance(value, list):
        return [poisoned(part) for part in value]
    return HOSTILE if isinstance(value, str) else value


KEPT = {"verdict", "status", "arrival_kind"}


# --- harmless ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: document(None, "p95 < 1s", "rate > 9/s"), on_trial])
def test_every_text_is_escaped_and_made_visible(make: Any) -> None:
    page = Page(render(poisoned(make())))

    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "alert(1)" in page.text
    assert "{{7*7}}" in page.text
    assert "49" not in "".join(t for t in page.texts if "7*7" in t)
    assert not set("\x1b\x00\u202e\u2028\ud800") & set("".join(page.texts))


def test_the_page_can_be_written_whatever_it_shows() -> None:
    assert render(poisoned(on_trial())).encode("utf-8")


def test_hostile_texts_open_no_attribute() -> None:
    page = Page(render(poisoned(document())))

    for tag, attributes in page.elements:
        assert not any(quote in name for name in attributes for quote in "\"'<>"), tag


@pytest.mark.parametrize("make", [document, on_trial])
def test_the_page_is_self_contained(make: Any) -> None:
    text = render(make())
    page = Page(text)

    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
    assert page.tags & {"script", "iframe", "object", "embed", "form"} == set()
    assert "@import" not in text
    assert not re.search(r"url\((?!['\"]?data:)", text)
    policy = [a["content"] for _, a in page.elements if a.get("http-equiv")]
    assert policy[0] is not None
    assert "default-src 'none'" in policy[0]


def test_every_element_is_closed_in_order() -> None:
    assert Page(render(on_trial())).open == []


def test_every_link_and_drawing_has_its_target() -> None:
    page = Page(render(on_trial()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]

    wanted = {a["href"] for _, a in page.elements if (a.get("href") or "").startswith("#")}
    assert {f"#{name}" for name in ids} >= wanted
    assert len(ids) == len(set(ids))


# --- what is shown -----------------------------------------------------------------------------


def test_an_open_model_run_has_its_plots() -> None:
    assert titles(render(document())) == [
        "Throughput and outcomes",
        "Latency over time",
        "Latency histogram",
        "The limiter&#39;s headers",
    ]


def test_a_trial_has_its_timeline() -> None:
    text = render(on_trial())

    assert "The limiter on trial" in titles(text)
    assert "accepted (3)" in text
    assert "refused (3)" in text


def test_numbers_objectives_and_reasons_are_shown() -> None:
    shown = Page(render(document(None, "p95(list) < 1ms", "rate > 5/s"))).text

    for text in ("p95(list) < 1ms", "missed", "arrivals sent", "status 500 instead of 200", HOST):
        assert text in shown


def test_corrected_and_plain_latency_are_both_drawn() -> None:
    text = render(document())

    assert "p99 corrected" in text
    assert "p99 plain" in text


def test_every_drawing_stays_in_its_box() -> None:
    for data in (document(), on_trial()):
        for plot in plots(data):
            assert "nan" not in plot.svg
            numbers = re.findall(r'(?:c?[xy]|d)="([^"]*)"', plot.svg)
            places = [float(n) for text in numbers for n in re.findall(r"-?\d+(?:\.\d+)?", text)]
            assert all(-6 <= place <= Canvas.width for place in places)


@needs_browser
@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
@pytest.mark.parametrize("make", [lambda: document(None, "p95 < 1s"), on_trial])
def test_any_screen_and_paper_hold_it_and_axe_finds_nothing_grave(
    tmp_path: Path, make: Any, size: Any, scheme: str
) -> None:
    file = tmp_path / "load.html"
    file.write_text(render(make()), encoding="utf-8")

    with started() as browser:
        page = shown(browser, file, size, scheme)
        found, is_wider, is_cut = grave_violations(page), overflows(page), is_cut_on_paper(page)

    assert found == []
    assert not is_wider
    assert not is_cut


def test_a_long_run_is_thinned() -> None:
    rows = [{"at": n, "ok": 1, "failed": 0, "throttled": 0} for n in range(5_000)]

    thin = load_plots.thinned(load_plots.complete(rows))

    assert len(thin) <= load_plots.POINTS_MOST
    assert sum(row["ok"] for row in thin) / len(thin) == 1.0


def test_seconds_without_an_answer_are_drawn_as_none() -> None:
    rows = load_plots.complete(
        [{"at": 1, "ok": 5, "failed": 0, "throttled": 0}, {"at": 4, "ok": 5}]
    )

    assert [row["at"] for row in rows] == [1, 2, 3, 4]
    assert rows[1]["ok"] == 0


# --- nothing to show ---------------------------------------------------------------------------


def nothing() -> dict[str, Any]:
    return document(Collection(START), arrival_rate=0.0, shape=None)


def test_a_document_with_nothing_in_it_is_rendered() -> None:
    text = render(nothing())

    assert titles(text) == []
    assert "no request was sent" in text


@pytest.mark.parametrize("kind", [OK, FAILED, THROTTLED])
def test_a_run_of_one_answer_is_rendered(kind: str) -> None:
    found, recorder = Collection(START), Recorder()
    recorder.record("list", kind, START, START, START + 0.001)
    recorder.error("list", "wrong")
    found.add("local", recorder.parcel())

    assert "Throughput and outcomes" in titles(render(document(found)))


def test_a_trial_of_one_answer_without_headers_is_rendered() -> None:
    found = collected()
    found.trial = [as_data(Answer(START, START + 0.01, "list", 200))]

    assert "The limiter on trial" in titles(render(document(found)))


@pytest.mark.parametrize("missing", ["timeline", "histogram"])
def test_a_document_without_what_is_drawn_is_rendered(missing: str) -> None:
    data = {name: part for name, part in document().items() if name != missing}

    assert render(data)


@pytest.mark.parametrize(
    ("verdict", "reasons", "beginning"),
    [
        ("failed", ["a", "b"], "Failed: a (and 1 more)"),
        ("invalid", ["a"], "Invalid: the run proves nothing: a"),
    ],
)
def test_the_verdict_is_one_sentence(verdict: str, reasons: list[str], beginning: str) -> None:
    assert sentence({"verdict": verdict, "reasons": reasons}) == beginning
