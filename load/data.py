"""The contacts that a run writes, made before it starts.

Bodies come from the factories and are encoded beforehand; what is left to do while sending is to
put a name of its own into each. Names are random letters: no other contact of the account carries
one, no two are alike enough for a fuzzy search, and a contact left behind can be found by its own.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from fixtures.factories import OTHERS, WORD_LENGTH, ContactFactory

PREPARED = 400
MARK = "0"
"""Stands in a prepared body where the name goes; no name from the factories holds a digit."""
UNICODE_NAMES = ("Zoë", "Łucja", "Ngọc", "李", "Ирина", "نور", "Ōtani", "José")
RUN_LETTERS = 8


@dataclass(frozen=True)
class Body:
    """A body ready to send, the fields it sets, and the name by which the contact is found."""

    payload: bytes
    fields: dict[str, Any]
    name: str


class Bodies:
    """An endless supply of bodies, each with a last name of its own."""

    def __init__(self, seed: int, count: int = PREPARED) -> None:
        """Prepare `count` bodies; names differ from run to run, whatever the seed."""
        choices = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._names = random.SystemRandom()
        self.factory = ContactFactory(choices, self._names)
        self._made = 0
        self._prepared = [self._prepare(index) for index in range(count)]

    def _prepare(self, index: int) -> tuple[bytes, bytes, dict[str, Any]]:
        given = {"first_name": UNICODE_NAMES[index // 8 % 8]} if index % 8 == 0 else {}
        fields = self.factory.full(**given, last_name=MARK)
        before, after = _encode(fields).split(_encode(MARK), 1)
        return before, after, fields

    def name(self) -> str:
        """Return a name that no other contact has."""
        # One draw for all letters: the factory's own way would take longer than the sending.
        draw = self._names.getrandbits(4 * WORD_LENGTH)
        letters = [OTHERS[draw >> 4 * place & 15] for place in range(WORD_LENGTH)]
        return "".join(letters).capitalize()

    def next(self) -> Body:
        """Return the next body."""
        before, after, fields = self._prepared[self._made % len(self._prepared)]
        self._made += 1
        name = self.name()
        return Body(before + _encode(name) + after, {**fields, "last_name": name}, name)


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def new_run() -> str:
    """Return random letters that name a run on one node."""
    letters = random.SystemRandom()
    return "".join(letters.choice(OTHERS) for _ in range(RUN_LETTERS))


def update_of(name: str) -> tuple[bytes, dict[str, Any]]:
    """Return an update that changes three fields to values built on a name."""
    fields = {"notes": f"called {name}", "company": f"{name} Ltd", "tags": [name.lower()]}
    return _encode(fields), fields
