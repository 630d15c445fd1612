"""Two changes of one contact in a row, whatever was read in between.

This is what a server stumbles over that keeps track of the states of its contacts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

CHANGES = ("update", "archive", "restore")
Change = tuple[bool, str]
"""Whether a contact was archived, and what was done to it then."""
Succession = tuple[Change, Change]
BORN: Change = (False, "create")


def leaves_archived(change: Change) -> bool:
    """Return whether a contact is archived after a change."""
    was, operation = change
    return {"archive": True, "restore": False}.get(operation, was)


SUCCESSIONS: frozenset[Succession] = frozenset(
    (one, (leaves_archived(one), operation))
    for one in (BORN, *product((False, True), CHANGES))
    for operation in (*CHANGES, "delete")
)
"""Every succession that the life of a contact can have."""


@dataclass
class Track:
    """The successions of changes that contacts went through."""

    successions: set[Succession] = field(default_factory=set)
    _last: dict[str, Change] = field(default_factory=dict)

    def after(self, who: str, operation: str) -> Succession | None:
        """Return the succession that an operation would complete; None where it completes none."""
        before = self._last.get(who)
        if before is None or operation not in (*CHANGES, "delete") or before[1] == "delete":
            return None
        return before, (leaves_archived(before), operation)

    def note(self, who: str, operation: str) -> None:
        """Count an operation that was performed."""
        made = self.after(who, operation)
        if operation == "create":
            self._last[who] = BORN
        elif made is not None:
            self.successions.add(made)
            self._last[who] = made[1]

    def lose(self, who: str) -> None:
        """Forget a contact of which it is not known in which order it was changed."""
        self._last.pop(who, None)
