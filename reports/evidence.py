"""The offending part of an answer: where a violation shows in its status, headers and JSON.

Violations say in words what was expected and what came. This layer finds those words again in the
answer, so that a reader sees the spot; where it finds none it marks nothing. It judges nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.results import Response, Violation

SPOTS_MOST = 20
"""Parts of one body that are marked: more would mark nothing."""
PARSED_MOST = 200_000
"""Characters of a body past which it is shown as it came."""
_TELLING = 8
"""Characters from which a text is found by itself; shorter ones may be there by chance."""
_ALIKE_MOST = 3
_STATUS = re.compile(r"\b[1-5]\d\d\b")
_STATUS_FIRST = re.compile(r"(?:a )?status\b|[1-5]\d\d\b")
_CHANGED = re.compile(r"(?:^|; )(\w+): .*? became ")
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Offence:
    """What is to be marked of an answer: its status, headers by lower-case name, paths in its JSON."""

    status: bool = False
    headers: frozenset[str] = frozenset()
    paths: frozenset[Path] = frozenset()


def offence(violation: Violation) -> Offence:
    """Return where in the violation's answer the breach shows."""
    answer = violation["exchange"] and violation["exchange"]["response"]
    if not answer:
        return Offence()
    said = f"{violation['expected']} {violation['actual']}".lower()
    # Names of one word, such as Date or Server, are words of prose, too.
    named = {name.lower() for name in answer["headers"] if "-" in name and name.lower() in said}
    is_status = _is_about_status(violation["expected"], answer)
    # Beside an illegal status, the fields that the expectation names were those of the request.
    expected = "" if is_status else violation["expected"]
    found = _paths(expected, violation["actual"], parsed(answer["body"]))
    outermost = {path for path in found if not any(path[:n] in found for n in range(len(path)))}
    return Offence(is_status, frozenset(named), frozenset(outermost))


def parsed(text: str | None) -> Any:
    """Return a body's JSON, or None where it is none, or too long or deep to be shown as such."""
    if not text or len(text) > PARSED_MOST:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_about_status(expected: str, answer: Response) -> bool:
    legal = _STATUS.findall(expected)
    return bool(_STATUS_FIRST.match(expected)) and str(answer["status"]) not in legal


def _paths(expected: str, actual: str, document: Any) -> set[Path]:
    try:
        leaves = list(_parts(document, ()))
    except RecursionError:
        return set()
    changed = set(_CHANGED.findall(actual))
    named = changed or set(_NAME.findall(f"{expected} {actual}"))
    found = {path for name in named for path in _named(name, actual, leaves, changed)}
    if not changed:
        found |= {path for path, value in leaves if _is_told(value, actual, expected)}
    if not found and actual.endswith("None") and _is_without_data(document):
        found = {("data",)}
    return found if len(found) <= SPOTS_MOST else set()


def _parts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every part of a JSON value below the value itself, with its path."""
    if not isinstance(value, dict | list):
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key), part
        yield from _parts(part, (*path, key))


def _named(name: str, actual: str, parts: list[tuple[Path, Any]], changed: set[str]) -> list[Path]:
    """Return the parts of that name; where many have it, those whose value is the actual one."""
    tail = tuple(name.split("."))
    alike = [(path, value) for path, value in parts if _keys(path)[-len(tail) :] == tail]
    is_plain_word = name.islower() and "_" not in name and "." not in name
    if len(alike) <= _ALIKE_MOST and (name in changed or not is_plain_word):
        return [path for path, _ in alike]
    return [path for path, value in alike if _is_same(value, actual, name in changed)]


def _keys(path: Path) -> Path:
    """Return the names in a path; none where it ends in an item of a list."""
    names = tuple(key for key in path if isinstance(key, str))
    return names if names[-1:] == path[-1:] else ()


def _is_same(value: Any, actual: str, within: bool) -> bool:
    shown = {str(value), repr(value), json.dumps(value, ensure_ascii=False)}
    return any(text and text in actual for text in shown) if within else actual in shown


def _is_told(value: Any, actual: str, expected: str) -> bool:
    is_telling = isinstance(value, str) and len(value) >= _TELLING
    return is_telling and value in actual and value not in expected


def _is_without_data(document: Any) -> bool:
    return isinstance(document, dict) and document.get("data", "") is None
