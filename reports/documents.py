"""Results documents from files: read, checked for their shape, found in directories.

Whoever renders what this module returns may rely on the kinds of value that the renderers use;
what a document leaves out is filled in by `results.complete`.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reports.results import Exchange, complete
from reports.safety import cut, one_line

FILE_NAME = "conformance.json"
SCHEMA_VERSION = 1
_LARGEST = 10**15
_REMEDY = "give a conformance.json that this suite wrote"
_WANTED = ("clauses", "exit_status", "verdict")
_MAPPINGS = ("behaviour", "budget", "kit", "requests", "target")
_LISTS = ("clauses", "known_failures", "leftovers", "notices")
_TEXTS = ("verdict", "gate", "profile", "started_at", "finished_at", "run_id")
_CLAUSE_TEXTS = ("id", "status", "tier", "title")
_CLAUSE_OPTIONS = ("reason", "reason_kind")


class UnreadableError(Exception):
    """A file that is no results document; the one-line message says which, why, and what to do."""


def read_document(path: Path) -> dict[str, Any]:
    """Return the results document in a file.

    Raises:
        UnreadableError: the file is missing, is no JSON, or holds something else.

    """
    named = one_line(str(path))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise UnreadableError(f"{named} {_cause(problem)}; {_REMEDY}") from problem
    wrong = malformed(document)
    if wrong:
        raise UnreadableError(f"{named} is no results document: {wrong}; {_REMEDY}")
    return dict(document)


def documents_in(places: Iterable[Path]) -> Iterator[Path | UnreadableError]:
    """Yield the path of each results document: in each place, then in the directories in it.

    A place may also be such a file. One that holds none, or cannot be listed, yields the error
    that says so; a file that two places lead to comes once.
    """
    seen: set[Path] = set()
    for place in places:
        try:
            found = _documents_at(place)
        except OSError as problem:
            yield UnreadableError(f"{one_line(str(place))} {_cause(problem)}")
            continue
        if not found:
            named = one_line(str(place))
            yield UnreadableError(f"{named} holds no {FILE_NAME}, nor does a directory in it")
        yield from (path for path in found if path.resolve() not in seen)
        seen |= {path.resolve() for path in found}


def malformed(document: Any) -> str | None:
    """Return what makes a JSON value no results document, or None where it is one."""
    if not isinstance(document, Mapping) or not all(key in document for key in _WANTED):
        return f"expected an object with {', '.join(_WANTED)}"
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        shown = one_line(cut(str(version), 40))
        return f"expected schema_version {SCHEMA_VERSION}, got {shown}"
    wrong = (_wrong_kinds(document), _wrong_clauses(document["clauses"]), _wrong_depths(document))
    return next(itertools.chain.from_iterable(wrong), None)


def _documents_at(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    below = sorted(path for path in place.iterdir() if path.is_dir())
    return [each / FILE_NAME for each in (place, *below) if (each / FILE_NAME).is_file()]


def _cause(problem: Exception) -> str:
    if isinstance(problem, OSError):
        return f"cannot be read: {problem.strerror}"
    return f"is no JSON: {one_line(str(problem))}"


def _wrong_kinds(document: Mapping[str, Any]) -> Iterator[str]:
    kinds = ((_MAPPINGS, dict, "an object"), (_LISTS, list, "an array"), (_TEXTS, str, "a text"))
    for keys, kind, name in kinds:
        for key in keys:
            if key in document and not isinstance(document[key], kind):
                yield f"expected {name} as {key}"
    requests = document.get("requests", {})
    numbers = {
        "exit_status": document["exit_status"],
        "duration_s": document.get("duration_s", 0),
        "requests.total": requests.get("total", 0) if isinstance(requests, dict) else 0,
    }
    for key, value in numbers.items():
        if not _is_number(value):
            yield f"expected a number as {key}"


def _is_number(value: Any) -> bool:
    # The comparison is false for NaN, too, which Python's JSON reader lets pass.
    return type(value) in {int, float} and 0 <= value <= _LARGEST


def _wrong_clauses(clauses: list[Any]) -> Iterator[str]:
    for place, clause in enumerate(clauses, start=1):
        if not isinstance(clause, dict) or not {"id", "status"} <= clause.keys():
            yield f"expected an object with id and status as clause {place}"
        elif not all(isinstance(clause.get(key, ""), str) for key in _CLAUSE_TEXTS):
            yield f"expected texts as {', '.join(_CLAUSE_TEXTS)} of clause {place}"
        elif not all(isinstance(clause.get(key), str | None) for key in _CLAUSE_OPTIONS):
            yield f"expected texts or null as {', '.join(_CLAUSE_OPTIONS)} of clause {place}"
        elif not _are_violations(clause.get("violations", [])):
            yield f"expected an array of objects as violations of clause {place}"


def _are_violations(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, dict)
        and isinstance(value.get("expected", ""), str)
        and isinstance(value.get("actual", ""), str)
        and isinstance(value.get("curl"), str | None)
        for value in values
    )


def _wrong_depths(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the latencies and the exchanges, once all above them is right."""
    try:
        clauses = complete(document)["clauses"]
    except (AttributeError, TypeError, ValueError):
        yield "expected objects as latencies and exchanges"
        return
    for clause in clauses:
        shown = (violation["exchange"] for violation in clause["violations"])
        if not all(exchange is None or _is_exchange(exchange) for exchange in shown):
            yield f"expected requests and responses as exchanges of {one_line(clause['id'])}"


def _is_exchange(exchange: Exchange) -> bool:
    request, response = exchange["request"], exchange["response"]
    texts: list[Any] = [request["method"], request["url"], request["body"] or ""]
    parts: list[Any] = [request["headers"]]
    numbers: list[Any] = []
    if response is not None:
        texts.append(response["body"])
        parts.append(response["headers"])
        numbers = [response["status"], response["elapsed_ms"]]
    if not all(isinstance(headers, dict) for headers in parts):
        return False
    texts += [value for headers in parts for value in headers.values()]
    return all(isinstance(text, str) for text in texts) and all(map(_is_number, numbers))
