"""The writes that a trial sends past the limit, and whether those refused took effect (LIMIT-08).

Each carries a mark of its own, so that what is found later tells which of them made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from string import ascii_lowercase
from typing import Any

from conformance.kit.limiter_steps import Shot

WRITES = ("create", "update", "delete", "archive", "restore")


@dataclass(frozen=True)
class _RefusedWrite:
    """A write past the limit: the index of its answer, and what would be found if it took effect."""

    index: int
    operation: str
    mark: str


def _name_field(body: Mapping[str, Any]) -> str:
    return "last_name" if body.get("last_name") else "first_name"


class RefusedWrites:
    """Makes the requests past the limit, and remembers which writes were refused, which passed."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        """Take the body that every create past the limit is a variant of."""
        self._body = body
        self._writes: list[_RefusedWrite] = []
        self._passed: dict[str, int] = {}
        self._numbers = count()

    @property
    def field(self) -> str:
        """The field that holds the mark of a create."""
        return _name_field(self._body)

    @property
    def word(self) -> str:
        """The word that all marks of creates begin with."""
        return str(self._body[self.field])

    def every_operation(self, subjects: Mapping[str, str]) -> Iterator[Shot]:
        """Yield each operation once, the writes with marks; `subjects` are ids by purpose."""
        change = subjects["change"]
        yield Shot("list", query={"limit": "1"})
        yield Shot("create", body=self._one_of_many())
        yield Shot("search", query={"limit": "1"})
        yield Shot("update", change, body={"notes": f"refused {next(self._numbers)}"})
        yield Shot("get", change)
        yield Shot("archive", change)
        yield Shot("restore", subjects["restore"])
        yield Shot("delete", subjects["delete"])

    def over_and_over(self, subjects: Mapping[str, str]) -> Iterator[Shot]:
        """Yield every operation again and again."""
        while True:
            yield from self.every_operation(subjects)

    def _one_of_many(self) -> dict[str, Any]:
        """Return a body that one search finds together with the others of its kind."""
        rounds, letter = divmod(next(self._numbers), len(ascii_lowercase))
        suffix = ascii_lowercase[rounds % len(ascii_lowercase)] + ascii_lowercase[letter]
        return {**self._body, self.field: self.word + suffix}

    def remember(self, index: int, shot: Shot, status: int) -> None:
        """Take note of the answer with that index: a write that passed, or one that was refused."""
        if 200 <= status < 300:
            self._passed[shot.operation] = index
        elif shot.operation in WRITES:
            body = shot.body or {}
            mark = body.get("notes") or (body and body[_name_field(body)])
            self._writes.append(_RefusedWrite(index, shot.operation, str(mark)))

    def made_among(self, found: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the records, of those that a search found, that creates past the limit made."""
        field, word = self.field, self.word
        return [r for r in found if isinstance(r, dict) and word in str(r.get(field))]

    def effects(
        self, happened: Mapping[str, bool], marks: Mapping[str, frozenset[str]]
    ) -> Iterator[tuple[int, bool | None]]:
        """Yield the index of each refused write's answer, and whether the write took effect.

        `happened` tells it by operation; `marks` are those found, of operations that leave one.
        """
        for write in self._writes:
            yield write.index, self._effect(write, happened, marks)

    def _effect(
        self,
        write: _RefusedWrite,
        happened: Mapping[str, bool],
        marks: Mapping[str, frozenset[str]],
    ) -> bool | None:
        """Return whether a refused write took effect, None where nobody can tell."""
        passed = self._passed.get(write.operation)
        if write.operation in marks:
            found = write.mark in marks[write.operation]
            overwritten = write.operation == "update" and (passed or -1) > write.index
            return found or (None if overwritten else False)
        # The same write passed as well: which of the two took effect is not to be seen.
        return happened.get(write.operation) if passed is None else None
