"""What the selected tests ask of a run: the clause that each judges, and the scenes it names."""

from __future__ import annotations

import pytest

from conformance.kit.catalogue import Catalogue
from conformance.kit.scene import SCRIPTS, Phase
from conformance.kit.thrift import Demand

PROBE_SCENE = "limiter"


def clause_of(item: pytest.Item) -> str:
    """Return the clause that a test judges.

    Raises:
        pytest.UsageError: it cites none or several.

    """
    marks = list(item.iter_markers("clause"))
    if len(marks) != 1:
        raise pytest.UsageError(f"{item.nodeid} judges {len(marks)} clauses; a test judges one")
    return str(marks[0].args[0])


def is_further(item: pytest.Item) -> bool:
    """Whether a test adds to what others decide: by its mark, or by what it looks back on."""
    names = getattr(item, "fixturenames", ())
    looks_back = "witnessed" in names and "evidence" not in names
    return looks_back or item.get_closest_marker("further") is not None


def turn_of(item: pytest.Item) -> int:
    """Return the place of a test in the order of the run: the lower, the sooner."""
    names = getattr(item, "fixturenames", ())
    return 2 if PROBE_SCENE in names else int("witnessed" in names)


def scenes_of(items: list[pytest.Item]) -> list[str]:
    """Return the scenes that the tests name, in the order of their scripts."""
    wanted = {name for item in items for name in getattr(item, "fixturenames", ())}
    # A passive clause speaks of every exchange of the run, so it needs them all.
    everything = "evidence" in wanted
    return [
        name
        for name, script in SCRIPTS.items()
        if name in wanted or (everything and script.phase is not Phase.PROBE)
    ]


def demands_of(items: list[pytest.Item]) -> tuple[Demand, ...]:
    """Return what the tests judge of each clause; the trial of the limiter has a budget of its own."""
    judged: dict[str, set[str]] = {}
    for item in items:
        if item.get_closest_marker("further") is not None:
            continue
        names = set(getattr(item, "fixturenames", ())) & SCRIPTS.keys()
        mine = {name for name in names if SCRIPTS[name].phase is not Phase.PROBE}
        judged.setdefault(clause_of(item), set()).update(mine)
    catalogue = Catalogue.load()
    return tuple(Demand(i, catalogue[i].tier, frozenset(scenes)) for i, scenes in judged.items())
