"""The contacts that a run writes, made before it starts.

Bodies come from the factories and are encoded beforehand; what is left to do while sending is to
put a name of its own into each. Names are random letters with the run's own beginning: no other
contact of the account carries one, and a contact that is left behind can be found by it.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from fixtures.factories import OTHERS, ContactFactory

PREPARED = 400
MARK = "0"
"""Stands in a prepared body where the name goes; no name from the factories holds a digit."""
UNICODE_NAMES = ("Zoë", "Łucja", "Ngọc", "李", "Ирина", "نور", "Ōtani", "José")
RUN_LETTERS, COUNT_LETTERS = 6, 6


@dataclass(frozen=True)
class Body:
    """A body ready to send, the fields it sets, and the name by which the contact is found."""

    payload: bytes
    fields: dict[str, Any]
    name: str


class Bodies:
    """An endless supply of bodies, each with a last name of its own."""

    def __init__(self, seed: int, run: str, count: int = PREPARED) -> None:
        """Prepare `count` bodies; `run` is the beginning of every name."""
        choices = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.factory = ContactFactory(choices, choices)
        self.run = run
        self._made = 0
        self._prepared = [self._prepare(index) for index in range(count)]

    def _prepare(self, index: int) -> tuple[bytes, bytes, dict[str, Any]]:
        given = {"first_name": UNICODE_NAMES[index // 8 % 8]} if index % 8 == 0 else {}
        fields = self.factory.full(**given, last_name=MARK)
        before, after = _encode(fields).split(_encode(MARK), 1)
        return before, after, fields

    def name(self) -> str:
        """Return a name that no other contact has."""
        self._made += 1
        number, letters = self._made, []
        for _ in range(COUNT_LETTERS):
            number, digit = divmod(number, len(OTHERS))
            letters.append(OTHERS[digit])
        return f"{self.run}{''.join(letters)}".capitalize()

    def next(self) -> Body:
        """Return the next body."""
        before, after, fields = self._prepared[self._made % len(self._prepared)]
        name = self.name()
        return Body(before + _encode(name) + after, {**fields, "last_name": name}, name)


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def new_run(node: str) -> str:
    """Return the letters with which every name of this run and node begins."""
    letters = random.Random(f"{random.SystemRandom().random()} {node}")  # noqa: S311 - a name
    return "".join(letters.choice(OTHERS) for _ in range(RUN_LETTERS))


def update_of(name: str) -> tuple[bytes, dict[str, Any]]:
    """Return an update that changes three fields to values built on a name."""
    fields = {"notes": f"called {name}", "company": f"{name} Ltd", "tags": [name.lower()]}
    return _encode(fields), fields
