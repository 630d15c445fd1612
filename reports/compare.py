"""What changed between two runs, clause by clause."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.results import Document, Results, complete

ABSENT = "absent"
"""What stands for the status of a clause in a run whose catalogue does not have it."""
BREACHES = frozenset({"failed", "error", "warned"})
"""The statuses of a clause that does not hold, or that the kit failed on."""
_GRAVITY = {"warned": 1, "failed": 2, "error": 2}


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
    """Clauses in breach now that were not before, or were with no more than a warning."""
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
    broken = tuple(c for c in differing if _gravity(c.now) > _gravity(c.before))
    repaired = tuple(c for c in differing if _is_repaired(c))
    other = tuple(c for c in differing if c not in broken and c not in repaired)
    return Changes(broken, repaired, other, tuple(_behaviour_changes(now, before)))


def conditions(document: Document, earlier: Document) -> tuple[Change, ...]:
    """Return what the runs were made under that differs, and may explain what changed."""
    now, before = conditions_of(complete(document)), conditions_of(complete(earlier))
    return tuple(
        Change(subject, old, now[subject]) for subject, old in before.items() if old != now[subject]
    )


def conditions_of(results: Results) -> dict[str, str]:
    """Return what a run was made under: whatever of it differs may explain another verdict."""
    target, kit = results["target"], results["kit"]
    return {
        # The embedded server has another port in each run.
        "target": "the embedded server" if target["embedded"] else str(target["base_url"]),
        "gate": results["gate"],
        "profile": results["profile"],
        "kit": str(kit["version"]),
        "catalogue": str(kit["catalogue_sha256"])[:12],
    }


def _gravity(status: str) -> int:
    return _GRAVITY.get(status, 0)


def _is_repaired(change: Change) -> bool:
    return change.before in BREACHES and change.now in {"passed", "observed"}


def _status_changes(now: Results, before: Results) -> Iterator[Change]:
    then = {clause["id"]: clause["status"] for clause in before["clauses"]}
    for clause in now["clauses"]:
        earlier = then.pop(clause["id"], ABSENT)
        if earlier != clause["status"]:
            yield Change(clause["id"], earlier, clause["status"])
    for clause_id, earlier in then.items():
        yield Change(clause_id, earlier, ABSENT)


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
