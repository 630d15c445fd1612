"""The known-failures file: clauses that may fail, each with its reason and, in TOML, an end.

TOML names the clauses in tables (`[LIST-04]`, with `reason` and perhaps `until`, a date) or in an
array of tables (`[[known]]`, with `id` as well). Without a date, a line `ID reason` does; blank
lines and lines that begin with `#` are passed over.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

KEYS = {"id", "reason", "until"}


class FaultyEntry(ValueError):
    """The file cannot be used; the message says where, and what to write instead."""


@dataclass(frozen=True)
class KnownFailure:
    """Why a clause may fail, and the last day on which it may (None: no end)."""

    reason: str
    until: date | None = None

    def lapsed(self, today: date) -> bool:
        """Whether its last day has gone by."""
        return self.until is not None and self.until < today


def read_known_failures(path: Path, ids: Collection[str]) -> Mapping[str, KnownFailure]:
    """Return the known failures by clause id.

    Raises:
        FaultyEntry: the file cannot be read, or an entry names no clause of the catalogue, gives no
            reason, repeats an id, or has an end that is no date.

    """
    text = _text(path)
    known: dict[str, KnownFailure] = {}
    for where, clause, failure in _entries(path, text):
        if clause not in ids:
            raise FaultyEntry(f"{where}: {clause!r} is no clause id of the catalogue")
        if not failure.reason:
            raise FaultyEntry(f"{where}: {clause} needs a reason after its id")
        if clause in known:
            raise FaultyEntry(f"{where}: {clause} is listed twice; keep one of them")
        known[clause] = failure
    return known


def _entries(path: Path, text: str) -> Iterator[tuple[str, str, KnownFailure]]:
    """Return what says where, the clause id, and the failure, of each entry in turn."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        if path.suffix == ".toml":
            raise FaultyEntry(f"no TOML: {problem}") from None
        return _lines(text)
    return _tables(document)


def _lines(text: str) -> Iterator[tuple[str, str, KnownFailure]]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            clause, _, reason = stripped.partition(" ")
            yield f"line {number}", clause, KnownFailure(reason.strip())


def _tables(document: Mapping[str, Any]) -> Iterator[tuple[str, str, KnownFailure]]:
    for key, value in document.items():
        if isinstance(value, list):
            for number, table in enumerate(value, start=1):
                where = f"[[{key}]] number {number}"
                clause = table.get("id") if isinstance(table, dict) else None
                if not isinstance(clause, str):
                    raise FaultyEntry(f'{where}: it needs the clause as id = "CLAUSE-ID"')
                yield where, clause, _failure(where, table)
        elif isinstance(value, str):
            yield key, key, KnownFailure(value.strip())
        elif isinstance(value, dict):
            yield f"[{key}]", key, _failure(f"[{key}]", value)
        else:
            raise FaultyEntry(f"{key}: expected a table with a reason, not {value!r}")


def _failure(where: str, table: Mapping[str, Any]) -> KnownFailure:
    unknown = sorted(table.keys() - KEYS)
    if unknown:
        raise FaultyEntry(f"{where}: {unknown[0]!r} is none of {', '.join(sorted(KEYS))}")
    reason = table.get("reason", "")
    if not isinstance(reason, str):
        raise FaultyEntry(f"{where}: reason must be text, not {reason!r}")
    return KnownFailure(reason.strip(), _date(where, table.get("until")))


def _date(where: str, value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise FaultyEntry(
            f"{where}: until must be a date such as 2026-12-31, not {value!r}"
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FaultyEntry("not UTF-8 text; write TOML, or 'CLAUSE-ID reason' a line") from None
    except OSError as problem:
        raise FaultyEntry(f"cannot be read ({problem.strerror}); check the path") from None
