"""Bodies are indented JSON with what offends marked; of long lists the offending items stay."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reports.bodies import body
from reports.safety import BODY_LIMIT


def _records(count: int) -> dict[str, Any]:
    return {"data": [{"id": n, "notes": "n" * 100} for n in range(count)], "count": count}


def test_json_is_indented_and_its_keys_are_marked() -> None:
    shown = body(json.dumps({"data": {"notes": "<b>"}}))

    assert str(shown) == (
        "{\n  <b>&#34;data&#34;</b>: {\n    <b>&#34;notes&#34;</b>: &#34;&lt;b&gt;&#34;\n  }\n}"
    )


def test_the_offending_member_is_marked_whole() -> None:
    shown = body('{"meta": {"limit": 101, "page": 1}}', [("meta", "limit")])

    assert "<mark><b>&#34;limit&#34;</b>: 101</mark>,\n    <b>&#34;page&#34;</b>: 1" in shown


def test_an_offending_item_is_marked() -> None:
    assert str(body("[1, 2]", [(1,)])) == "[\n  1,\n  <mark>2</mark>\n]"


def test_a_long_list_is_folded_around_what_offends() -> None:
    shown = body(json.dumps(_records(100)), [("data", 60, "id")])

    assert "… 59 more" in shown
    assert "<mark><b>&#34;id&#34;</b>: 60</mark>" in shown
    assert "… 39 more" in shown
    assert "<b>&#34;count&#34;</b>: 100" in shown


def test_a_short_body_is_shown_whole() -> None:
    assert "more" not in body(json.dumps(_records(10)))


@pytest.mark.parametrize("text", ["<html>", "[" * 100_000, "[" * 900 + "]" * 900, '{"cut": '])
def test_what_is_no_json_or_too_deep_is_shown_as_it_came(text: str) -> None:
    assert str(body(text)).startswith(text[:5].replace("<", "&lt;").replace('"', "&#34;")[:1])


@pytest.mark.parametrize(
    "document", [{f"key {n}": n for n in range(5_000)}, ["n" * 90_000], {"k" * 90_000: 1}]
)
def test_no_body_outgrows_the_page(document: Any) -> None:
    shown = body(json.dumps(document))

    assert len(shown) <= 3 * BODY_LIMIT
    assert "more characters cut]" in shown


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_body_says_so(text: str | None) -> None:
    assert "empty" in body(text)
