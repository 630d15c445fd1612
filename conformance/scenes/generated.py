"""Generated bodies and search texts: in the deep profile as many as asked, and shrunk.

In the window profile they are an example each of a few kinds, which no other scene can hold as
well: hypothesis draws them before any is sent, and what breaks is kept as it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from conformance.kit.explore import Bridge, Falsified, check, sample
from conformance.kit.plugin import RUN
from conformance.kit.scene import Phase, Scene, scene

if TYPE_CHECKING:
    from conformance.scenes.attempts import Breach, Kind


CHOSEN = (
    "creates with malformed emails",
    "odd list searches",
    "odd searches",
)
"""The kinds that the window profile tries an example of each, at a request each.

What hypothesis generates of legal creates and updates, contacts live through (LIFE-01).
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the kinds that the window profile does not try."""
    if config.stash[RUN].settings.profile == "deep":
        return
    dropped = [item for item in items if item.get_closest_marker("deep")]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


@dataclass
class Property:
    """What was tried of one kind, and the smallest example that broke it, if any did."""

    examples: int = 0
    breach: Breach | None = None


@scene(Phase.HOSTILE, costs=3)
async def generated(s: Scene) -> None:
    """Try generated requests, kind after kind; keep the smallest that breaks each."""
    from conformance.scenes.attempts import kinds  # noqa: PLC0415 - spares others hypothesis

    deep = s.settings.profile == "deep"
    for kind in await kinds(s, None if deep else CHOSEN):
        await (_try if deep else _try_one)(s, kind)


async def _try_one(s: Scene, kind: Kind) -> None:
    """Try one example, drawn beforehand; keep what came of it under the kind's name."""
    seed = s.settings.seed
    [example] = await asyncio.to_thread(sample, kind.strategy, count=1, seed=seed)
    seen = Property(1, await kind.attempt(example))
    setattr(s.out, kind.name.replace(" ", "_"), seen)


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
