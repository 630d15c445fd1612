"""The clause catalogue: every requirement the suite judges, as data.

Loads `conformance/clauses.toml` and checks its form. Pure apart from reading that one file: it
knows nothing of targets, exchanges or pytest, so reports may read it too.
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUE_FILE = Path(__file__).resolve().parent.parent / "clauses.toml"
TITLE_LENGTH = 80
NEEDS = (
    "second_token",
    "restricted_token",
    "expired_token",
    "rate_limit_probe",
    "concurrency",
)

_ID = re.compile(r"(?P<group>[A-Z]+)-[0-9]{2}")
_MANDATORY = ("id", "tier", "title", "text", "source")
_OPTIONAL = ("ruling", "needs")


class CatalogueError(ValueError):
    """The catalogue file breaks its own form: the message names the clause and the remedy."""


class UnknownClause(LookupError):
    """A clause id or pattern that matches nothing in the catalogue.

    `pattern` is the text as given; `near_misses` are the ids closest to it, best first.
    """

    def __init__(self, pattern: str, near_misses: Iterable[str]) -> None:
        """Compose the one-line message from the pattern and the ids closest to it."""
        self.pattern = pattern
        self.near_misses = tuple(near_misses)
        remedy = (
            f"did you mean {', '.join(self.near_misses)}?"
            if self.near_misses
            else "ids look like LIST-04, groups like 'CREATE-*'"
        )
        super().__init__(f"no clause matches {pattern!r}; {remedy}")


class Tier(StrEnum):
    """Where a clause comes from, which settles what its violation does."""

    REQUIRED = "required"
    """Stated by the Contacts reference."""
    PLATFORM = "platform"
    """Stated by the vendor's pages that the reference links to."""
    EXPECTED = "expected"
    """Not stated; follows from what is stated, or any competent user relies on it."""
    OBSERVED = "observed"
    """Undocumented: implementations may differ, and the choice is recorded."""


class Gate(StrEnum):
    """How much of the contract decides the exit status."""

    REQUIRED = "required"
    PLATFORM = "platform"
    STRICT = "strict"

    def gates(self, tier: Tier) -> bool:
        """Whether a violation of a clause of this tier fails the run; `observed` never does."""
        return tier in _GATED[self]


_GATED = {
    Gate.REQUIRED: frozenset({Tier.REQUIRED}),
    Gate.PLATFORM: frozenset({Tier.REQUIRED, Tier.PLATFORM}),
    Gate.STRICT: frozenset({Tier.REQUIRED, Tier.PLATFORM, Tier.EXPECTED}),
}


@dataclass(frozen=True)
class Clause:
    """One requirement: what it demands, where it is stated, and what judging it takes."""

    id: str
    """Stable name such as `LIST-04`."""
    group: str
    """The part of the id before the dash."""
    tier: Tier
    title: str
    """One fact in at most 80 characters, for reports."""
    text: str
    """The whole clause."""
    source: str
    """The page and section, or the RFC, that states it."""
    ruling: str | None = None
    """How the clause decides where its source is silent or contradicts itself."""
    needs: tuple[str, ...] = ()
    """What the user must supply or permit before it can be judged (see `NEEDS`)."""


class Catalogue:
    """All clauses in contract order; looked up by id, iterated as `Clause` objects."""

    def __init__(self, clauses: Iterable[Clause], sha256: str) -> None:
        """Index the clauses; raise `CatalogueError` where two share an id."""
        self._by_id: dict[str, Clause] = {}
        for clause in clauses:
            if clause.id in self._by_id:
                raise CatalogueError(f"{clause.id} stands twice in the catalogue: keep one")
            self._by_id[clause.id] = clause
        self.sha256 = sha256
        """Hex digest of the file's bytes; reports quote it as `kit.catalogue_sha256`."""

    @classmethod
    def load(cls) -> Catalogue:
        """The project's own catalogue, read once per process.

        Raises:
            CatalogueError: the file is malformed, or one of its clauses is.
        """
        return _own_catalogue()

    @classmethod
    def read(cls, path: Path) -> Catalogue:
        """The catalogue in a TOML file; raises `CatalogueError` when its form is broken."""
        content = path.read_bytes()
        try:
            document = tomllib.loads(content.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CatalogueError(f"{path.name} is no TOML: {error}") from error
        tables = document.get("clause")
        if not isinstance(tables, list) or not tables:
            raise CatalogueError(f"{path.name} has no [[clause]] tables")
        return cls(map(_clause, tables), hashlib.sha256(content).hexdigest())

    def __getitem__(self, clause_id: str) -> Clause:
        """The clause with exactly this id; raises `UnknownClause` with near misses."""
        try:
            return self._by_id[clause_id]
        except KeyError:
            raise UnknownClause(clause_id, self._near_misses(clause_id)) from None

    def __iter__(self) -> Iterator[Clause]:
        """The clauses in contract order."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        """The number of clauses."""
        return len(self._by_id)

    def __contains__(self, clause_id: object) -> bool:
        """Whether a clause has exactly this id."""
        return clause_id in self._by_id

    def ids(self) -> tuple[str, ...]:
        """Every clause id in contract order."""
        return tuple(self._by_id)

    def groups(self) -> tuple[str, ...]:
        """The clause groups, `ENV` first, in contract order."""
        return tuple(dict.fromkeys(clause.group for clause in self))

    def select(self, patterns: Iterable[str]) -> list[Clause]:
        """The clauses whose id matches any of the shell-style patterns, in contract order.

        Case does not matter: `create-*` selects what `CREATE-*` does. No pattern selects nothing.

        Raises:
            UnknownClause: a pattern matches no clause.
        """
        chosen: set[str] = set()
        for pattern in patterns:
            matched = fnmatch.filter(self._by_id, pattern.strip().upper())
            if not matched:
                raise UnknownClause(pattern, self._near_misses(pattern))
            chosen.update(matched)
        return [clause for clause in self if clause.id in chosen]

    def _near_misses(self, pattern: str) -> list[str]:
        candidates = [*self._by_id, *(f"{group}-*" for group in self.groups())]
        return difflib.get_close_matches(pattern.strip().upper(), candidates, n=3, cutoff=0.6)


@cache
def _own_catalogue() -> Catalogue:
    return Catalogue.read(CATALOGUE_FILE)


def _clause(table: dict[str, Any]) -> Clause:
    """One checked clause from its TOML table; raises `CatalogueError` naming the fault."""
    name = str(table.get("id", f"a clause titled {table.get('title')!r}"))
    _check_fields(name, table)
    match = _ID.fullmatch(table["id"])
    if match is None:
        raise CatalogueError(f"{name}: an id is a group and two digits, such as LIST-04")
    if len(table["title"]) > TITLE_LENGTH:
        raise CatalogueError(f"{name}: the title passes {TITLE_LENGTH} characters: shorten it")
    return Clause(
        id=table["id"],
        group=match["group"],
        tier=_tier(name, table["tier"]),
        title=table["title"],
        text=_prose(table["text"]),
        source=table["source"],
        ruling=_prose(table["ruling"]) if "ruling" in table else None,
        needs=_needs(name, table.get("needs", [])),
    )


def _check_fields(name: str, table: dict[str, Any]) -> None:
    missing = [field for field in _MANDATORY if field not in table]
    if missing:
        raise CatalogueError(f"{name}: {', '.join(missing)} missing")
    unknown = sorted(table.keys() - {*_MANDATORY, *_OPTIONAL})
    if unknown:
        raise CatalogueError(f"{name}: no clause has a field {', '.join(unknown)}")
    for field in (*_MANDATORY, "ruling"):
        value = table.get(field, "absent")
        if not isinstance(value, str) or not value.strip():
            raise CatalogueError(f"{name}: {field} is a non-empty text, not {value!r}")


def _tier(name: str, value: str) -> Tier:
    try:
        return Tier(value)
    except ValueError:
        raise CatalogueError(f"{name}: {value!r} is no tier; use {', '.join(Tier)}") from None


def _needs(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or any(need not in NEEDS for need in value):
        raise CatalogueError(f"{name}: needs is a list among {', '.join(NEEDS)}, not {value!r}")
    return tuple(value)


def _prose(value: str) -> str:
    """One line of text: the line breaks of the file are for its own readers."""
    return " ".join(value.split())
