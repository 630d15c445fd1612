"""What changed between two runs, clause by clause."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.results import Document, Results, complete

_BREACHES = frozenset({"failed", "error", "warned"})


@dataclass(frozen=True)
class Change:
    """One difference from the earlier run: what it concerns, and both states."""

    subject: str
    before: str
    now: str


@dataclass(frozen=True)
class Changes:
    """The differences between two runs, each kind in contract order."""

    broken: tuple[Change, ...] = ()
    """Clauses in breach now that were not before."""
    repaired: tuple[Change, ...] = ()
    """Clauses in breach before that are judged and hold now."""
    other: tuple[Change, ...] = ()
    """Other changes of status, clauses added or dropped included."""
    behaviour: tuple[Change, ...] = ()
    """Entries of the behaviour profile that differ."""

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.broken or self.repaired or self.other or self.behaviour)


def changes(document: Document, earlier: Document) -> Changes:
    """Return what the document says differently from an earlier one."""
    now, before = complete(document), complete(earlier)
    differing = list(_status_changes(now, before))
    broken = tuple(c for c in differing if c.now in _BREACHES and c.before not in _BREACHES)
    repaired = tuple(c for c in differing if _is_repaired(c))
    other = tuple(c for c in differing if c not in broken and c not in repaired)
    return Changes(broken, repaired, other, tuple(_behaviour_changes(now, before)))


def _is_repaired(change: Change) -> bool:
    return change.before in _BREACHES and change.now in {"passed", "observed"}


def _status_changes(now: Results, before: Results) -> Iterator[Change]:
    then = {clause["id"]: clause["status"] for clause in before["clauses"]}
    for clause in now["clauses"]:
        earlier = then.pop(clause["id"], "absent")
        if earlier != clause["status"]:
            yield Change(clause["id"], earlier, clause["status"])
    for clause_id, earlier in then.items():
        yield Change(clause_id, earlier, "absent")


def _behaviour_changes(now: Results, before: Results) -> Iterator[Change]:
    for subject in {**before["behaviour"], **now["behaviour"]}:
        old, new = before["behaviour"].get(subject), now["behaviour"].get(subject)
        if old != new:
            yield Change(subject, spoken(old), spoken(new))


def spoken(value: Any) -> str:
    """Return an entry of the behaviour profile as people read it: yes, no, text, or a list."""
    if value is None:
        return "not seen"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(spoken(each) for each in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{key}: {spoken(each)}" for key, each in value.items()) or "none"
    return str(value)
