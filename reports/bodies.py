"""Bodies as HTML: JSON indented, keys and the offending parts marked, long lists folded around them.

Every text is made visible (`safety.visible`) and escaped.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from markupsafe import Markup, escape

from reports.evidence import Path, parsed
from reports.safety import BODY_LIMIT, cut, visible

KEPT = 1
"""Items of a long list that are shown besides those that hold an offending part."""
_TEXT_MOST = 400
_FOLDED_FROM = 4
_Marks = Collection[Path]


def body(text: str | None, marks: _Marks = ()) -> Markup:
    """Return a body as HTML; `marks` are the paths of what offends in its JSON."""
    if not text:
        return Markup('<span class="none">empty</span>')
    document = parsed(text)
    if not isinstance(document, dict | list):
        return escape(visible(cut(text)))
    try:
        indented = json.dumps(document, indent=2, ensure_ascii=False)
        is_long = len(indented) > BODY_LIMIT
        shown = Markup("").join(_value(document, (), marks, is_long))
    except RecursionError:
        return escape(visible(cut(text)))
    # Even folded it may be long: thousands of keys, for example.
    return shown if len(shown) <= 3 * BODY_LIMIT else escape(visible(cut(indented)))


def _value(value: Any, path: Path, marks: _Marks, is_long: bool) -> Iterator[Markup]:
    if isinstance(value, dict) and value:
        yield from _block("{}", _members(value, path, marks, is_long), len(path))
    elif isinstance(value, list) and value:
        yield from _block("[]", _items(value, path, marks, is_long), len(path))
    else:
        text = json.dumps(value, ensure_ascii=False)
        yield escape(visible(cut(text, _TEXT_MOST) if is_long else text))


def _block(brackets: str, lines: Iterator[Markup], depth: int) -> Iterator[Markup]:
    inner = "  " * (depth + 1)
    yield escape(f"{brackets[0]}\n{inner}")
    yield escape(f",\n{inner}").join(lines)
    yield escape(f"\n{'  ' * depth}{brackets[1]}")


def _members(value: dict[str, Any], path: Path, marks: _Marks, is_long: bool) -> Iterator[Markup]:
    for key, part in value.items():
        name = visible(json.dumps(key, ensure_ascii=False))
        inside = Markup("").join(_value(part, (*path, key), marks, is_long))
        yield _marked(Markup("<b>%s</b>: ") % name + inside, (*path, key) in marks)


def _items(value: Sequence[Any], path: Path, marks: _Marks, is_long: bool) -> Iterator[Markup]:
    shown = list(range(len(value)))
    if is_long and len(value) >= _FOLDED_FROM:
        holding = {mark[len(path)] for mark in marks if mark[: len(path)] == path != mark}
        shown = sorted({*range(KEPT), *(n for n in holding if isinstance(n, int))})
    last = -1
    for n in [*shown, len(value)]:
        if n > last + 1:
            yield Markup('<span class="none">… %s more</span>') % f"{n - last - 1:,}"
        if n < len(value):
            inside = Markup("").join(_value(value[n], (*path, n), marks, is_long))
            yield _marked(inside, (*path, n) in marks)
        last = n


def _marked(text: Markup, is_marked: bool) -> Markup:
    return Markup("<mark>%s</mark>") % text if is_marked else text
