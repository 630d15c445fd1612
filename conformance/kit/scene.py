"""What a scene is: how it is registered, when it runs, what it costs, and what it works with."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from conformance.kit.client import Client
from conformance.kit.expect import PremiseFailed
from conformance.kit.outcome import Outcome
from conformance.kit.settings import Settings
from conformance.kit.target import Target
from conformance.kit.thrift import Price

if TYPE_CHECKING:
    from conformance.kit.stage import Stage

T = TypeVar("T")
CLOSING_RESERVE = 6
"""Requests that no scene before the closing may spend."""
LIFE_LEAST = 5
"""Requests that the scenes before them leave to the lives of contacts."""


FREE = Price()


class Phase(IntEnum):
    """When a scene runs: each phase begins when the one before has ended."""

    MAIN = 1
    RACES = 2
    FULL_HOUSE = 3
    RACED = 4
    DELETED = 5
    HOSTILE = 6
    EXTRA = 7
    QUIET = 8
    """Nothing else writes meanwhile."""
    LIFE = 9
    CLOSING = 10
    TOP_UP = 11
    PROBE = 12
    """The trial of the rate limit: after the cleaning up, or beside all others on its own server."""


Act = Callable[["Scene"], Awaitable[None]]


@dataclass(frozen=True)
class Script:
    """A registered scene."""

    name: str
    phase: Phase
    act: Act
    price: Price = FREE


SCRIPTS: dict[str, Script] = {}


def scene(
    phase: Phase = Phase.MAIN, *, costs: int = 0, upto: int = 0, needs: tuple[str, ...] = ()
) -> Callable[[Act], Any]:
    """Register a coroutine as a scene and return the pytest fixture that yields its outcome.

    It `costs` so many requests, the deletes of the contacts that it leaves among them, may make use
    of `upto` so many, and `needs` what other scenes have made.
    """

    def register(act: Act) -> Any:
        name = getattr(act, "__name__", "")
        SCRIPTS[name] = Script(name, phase, act, Price(costs, needs, upto))

        @pytest.fixture(scope="session", name=name)
        def outcome(stage: Stage) -> Outcome:
            return stage.outcome(name)

        outcome.__doc__ = act.__doc__
        return outcome

    return register


@dataclass
class Scene:
    """What a scene works with.

    `rng` repeats with the seed and makes choices; `words` also depends on the run and makes
    names, so that two runs with one seed never meet.
    """

    name: str
    stage: Stage
    api: Client
    out: Outcome
    rng: random.Random
    words: random.Random

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self.stage.settings

    @property
    def target(self) -> Target:
        """The target, with its tokens."""
        return self.stage.target

    async def of(self, name: str) -> Outcome:
        """Return the outcome of another scene, once it has ended."""
        return await self.stage.play(name)

    async def if_played(self, name: str) -> Outcome:
        """Return the outcome of another scene where the run plays it anyway, else an empty one."""
        return await self.stage.play(name) if self.stage.plays(name) else Outcome(name)

    async def all(self, *steps: Awaitable[T]) -> list[T]:
        """Run steps side by side and return their results in order.

        Raises:
            BaseException: the first failure, once every step has ended.

        """
        results = await asyncio.gather(*steps, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, PremiseFailed):
                raise result
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]


def kept_back(phase: Phase, wanted: Iterable[Script]) -> int:
    """Return how many requests a phase leaves to the ones after it, of the scenes wanted."""
    prices = [(s.phase, s.price.requests) for s in wanted]
    last = sum(price for each, price in prices if Phase.CLOSING <= each < Phase.PROBE)
    kept = min(CLOSING_RESERVE, last) if phase < Phase.CLOSING else 0
    if phase in (Phase.HOSTILE, Phase.EXTRA):
        kept += sum(price for each, price in prices if each is Phase.QUIET)
    if phase in (Phase.HOSTILE, Phase.EXTRA, Phase.QUIET):
        kept += LIFE_LEAST if any(each is Phase.LIFE for each, _ in prices) else 0
    return kept
