"""Generated bodies and search texts, for the deep profile: as many examples as asked, shrunk.

In the window profile the other scenes hold a chosen few of each kind, and this one has no tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from conformance.kit.explore import Bridge, Falsified, check
from conformance.kit.plugin import RUN
from conformance.kit.stage import Phase, Scene, scene

if TYPE_CHECKING:
    from conformance.scenes.attempts import Breach, Kind


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of generated requests where the profile generates none."""
    if config.stash[RUN].settings.profile == "deep":
        return
    dropped = [item for item in items if "generated" in getattr(item, "fixturenames", ())]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


@dataclass
class Property:
    """What was tried of one kind, and the smallest example that broke it, if any did."""

    examples: int = 0
    breach: Breach | None = None


@scene(Phase.EXTRA)
async def generated(s: Scene) -> None:
    """Try generated requests, kind after kind; keep the smallest that breaks each."""
    # Passive clauses want every scene, but in a window this one has no request to spend.
    if s.settings.profile != "deep":
        return
    from conformance.scenes.attempts import kinds  # noqa: PLC0415 - spares others hypothesis

    for kind in await kinds(s):
        await _try(s, kind)


async def _try(s: Scene, kind: Kind) -> None:
    """Try examples of one kind; keep what came of them under its name."""
    bridge = Bridge()
    seen = Property()

    def hold(example: Any) -> None:
        breach = bridge.wait(kind.attempt(example))
        seen.examples += 1
        if breach is not None:
            # Hypothesis ends with the smallest example, so the last breach is the one to keep.
            seen.breach = breach
            raise Falsified(breach.expected)

    count, seed = s.settings.examples, s.settings.seed
    try:
        await bridge.explore(lambda: check(kind.strategy, hold, examples=count, seed=seed))
    finally:
        if seen.examples:
            setattr(s.out, kind.name.replace(" ", "_"), seen)
