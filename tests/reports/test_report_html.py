"""The page is one self-contained file that shows every clause and runs nothing but its own script."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import report_documents as documents

from reports import html, results
from reports.results import STATUSES

VOID = {"meta", "link", "input", "br", "use", "path", "rect", "circle", "text"}
DOCUMENTS = [
    documents.passing(),
    documents.one_failure(),
    documents.sixty_failures(),
    documents.hostile(),
]


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text by element."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            assert self._open.pop() == tag, f"<{tag}> is closed out of order"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text.setdefault(self._open[-1], []).append(data)

    def named(self, tag: str) -> Iterator[dict[str, str]]:
        return (attributes for name, attributes in self.elements if name == tag)

    def values(self, attribute: str) -> list[str]:
        return [found[attribute] for _, found in self.elements if attribute in found]


def _page(document: dict[str, Any]) -> Page:
    return Page(html.render(document, documents.texts()))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_page_loads_nothing(document: dict[str, Any]) -> None:
    page = _page(document)

    assert not page.values("src")
    assert not page.values("srcset")
    assert [link["href"] for link in page.named("link")] == ["data:,"]
    assert all(target.startswith("#") for target in (a["href"] for a in page.named("a")))
    assert not re.search(r"url\(|@import", "".join(page.text["style"]))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_page_runs_its_own_script_only(document: dict[str, Any]) -> None:
    page = _page(document)

    policy = next(meta for meta in page.named("meta") if "http-equiv" in meta)["content"]

    (script,) = page.text["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert len(list(page.named("script"))) == 1
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]
    assert not list(page.named("img"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_clause_has_one_cell_and_one_place(document: dict[str, Any]) -> None:
    page = _page(document)

    ids = [clause["id"] for clause in document["clauses"]]
    places = [found for _, found in page.elements if "data-clause" in found]
    assert sorted(place["id"] for place in places) == sorted(ids)
    assert sorted(page.values("data-cell")) == sorted(ids)
    assert {place["id"]: place["data-status"] for place in places} == {
        clause["id"]: clause["status"] for clause in document["clauses"]
    }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_inside_the_page_resolves(document: dict[str, Any]) -> None:
    page = _page(document)

    ids = page.values("id")
    targets = {target.removeprefix("#") for target in page.values("href") if target != "data:,"}
    referred = {*page.values("aria-labelledby"), *page.values("data-copy"), *targets}
    assert len(ids) == len(set(ids))
    assert referred <= set(ids)


def test_page_begins_with_the_verdict() -> None:
    source = html.render(documents.one_failure())

    heading = re.search(r"<h1>(.*?)</h1>", source)

    assert heading is not None
    assert heading[1] == (
        'Failed: 1 of 55 gating clauses is violated (<a href="#DELETE-02">DELETE-02</a>).'
    )


def test_each_status_has_a_shape_of_its_own() -> None:
    page = _page(documents.hostile())

    symbols = {symbol["id"] for symbol in page.named("symbol")}

    assert symbols == {f"i-{status}" for status in STATUSES}
    assert {use["href"] for use in page.named("use")} <= {f"#{symbol}" for symbol in symbols}


def test_failure_shows_evidence_clause_text_and_ruling() -> None:
    source = html.render(documents.one_failure(), documents.texts())

    card = source.partition('id="DELETE-02" data-clause')[2].partition("</article>")[0]

    for shown in (
        "data.meta.total == 1 after the delete",
        "GET /v1/contacts?archived=true&amp;search=qkzvtmwe",
        "200 (14 ms)",
        "<dt>ratelimit-remaining</dt><dd>312</dd>",
        "<code>meta.total</code> counts it no more",
        "Lists of active and of archived contacts are both judged.",
        "contacts-api.md, Delete",
        "curl -H &#34;Authorization: Bearer $CONTACTS_TOKEN&#34;",
    ):
        assert shown in card


def test_gap_says_what_to_supply() -> None:
    source = html.render(documents.passing(), documents.texts())

    assert "<h3>Supply another user&#39;s JWT: <code>--second-token JWT</code></h3>" in source


def test_hostile_text_is_shown_and_inert() -> None:
    source = html.render(documents.hostile())

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source
    assert "\\u202egnp.exe" in source
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ufffe\ud800]", source)


def test_changes_lead_where_an_earlier_run_is_given() -> None:
    source = html.render(documents.one_failure(), earlier=documents.passing())

    assert source.index("Since the run compared to") < source.index("Clause map")
    assert "passed → failed" in source


def test_the_offending_part_is_marked_in_status_headers_and_body() -> None:
    answered = documents.exchange(body='{"count": 5}')
    breach = documents.violation(
        expected="status 400, ratelimit-remaining under 312", actual="count 5", exchange=answered
    )
    failed = documents.clause("LIST-04", "failed", violations=[breach])

    source = html.render(documents.document({"LIST-04": failed}))

    assert "<mark>200</mark>" in source
    assert "<dd><mark>312</mark></dd>" in source


def test_twenty_failures_on_full_lists_stay_below_two_megabytes() -> None:
    (found,) = [c for c in documents.long_list()["clauses"] if c["id"] == "LIST-04"]
    ids = [each["id"] for each in documents.document()["clauses"]][:20]
    changed = {each: found | {"id": each} for each in ids}

    source = html.render(documents.document(changed, verdict="failed", exit_status=1))

    assert source.count('class="violation') == 100
    assert len(source.encode()) < 2_000_000


def test_sixty_failures_stay_a_page_of_modest_size() -> None:
    source = html.render(documents.sixty_failures())

    assert len(source) < 4_000_000
    assert source.count("more characters cut]") >= 60


def test_minimal_document_renders() -> None:
    minimal = {"verdict": "error", "exit_status": 3, "clauses": []}

    assert "Error: the kit itself failed" in html.render(minimal)


def test_prose_marks_code_and_options() -> None:
    shown = html.prose("set `limit` or --second-token JWT & <go>")

    assert str(shown) == (
        "set <code>limit</code> or <code>--second-token JWT</code> &amp; &lt;go&gt;"
    )


def test_repeat_command_holds_what_differs_from_the_defaults() -> None:
    whole = results.complete(documents.document(gate="strict", profile="deep"))

    assert html.repeat_command(whole) == (
        f"nox -s conformance -- --base-url {documents.BASE}"
        " --gate strict --profile deep --seed 1234"
    )


def test_repeat_command_starts_what_the_run_started_and_shows_no_command() -> None:
    target = {"base_url": documents.BASE, "embedded": False, "started": True}

    assert html.repeat_command(results.complete(documents.document(target=target))) == (
        f"nox -s conformance -- --base-url {documents.BASE} --seed 1234"
        ' --start-command "$CONTACTS_START_COMMAND"'
    )
