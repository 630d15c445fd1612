"""Which scenes a bound on requests pays for, where it does not pay for all. Pure.

A clause is decided where every scene that its tests judge has been played, and a scene may need
others. So scenes are bought in bundles, a clause's at a time: always the bundle that decides the
most clauses of the tier for a request, `required` ones before `platform`, `expected`, `observed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from conformance.kit.catalogue import Tier

TIERS = (Tier.REQUIRED, Tier.PLATFORM, Tier.EXPECTED, Tier.OBSERVED)
BESIDES = 0.01
"""What deciding a clause of another tier counts for: enough to choose between equals."""
Scenes = frozenset[str]


@dataclass(frozen=True)
class Price:
    """What a scene takes: requests, the deletes of its contacts among them, and other scenes.

    `upto` is how many requests it makes use of where there is room for more.
    """

    requests: int = 0
    needs: tuple[str, ...] = ()
    upto: int = 0


@dataclass(frozen=True)
class Demand:
    """A clause, and the scenes that its tests judge."""

    clause: str
    tier: Tier
    scenes: Scenes


@dataclass(frozen=True)
class Purchase:
    """The scenes that are played, and the clauses that they decide."""

    scenes: Scenes
    decided: tuple[Demand, ...]

    def share(self, demands: Iterable[Demand]) -> str:
        """Return in words how many of the clauses are decided, tier by tier."""
        every, decided = list(demands), {demand.clause for demand in self.decided}
        counts = []
        for tier in TIERS:
            of_tier = [demand.clause for demand in every if demand.tier is tier]
            if of_tier:
                counts.append(f"{len(decided.intersection(of_tier))} of {len(of_tier)} {tier}")
        return ", ".join(counts)


def with_needs(scenes: Iterable[str], prices: Mapping[str, Price]) -> Scenes:
    """Return the scenes and all that they need, at any remove."""
    found: set[str] = set()
    waiting = list(scenes)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += prices[name].needs
    return frozenset(found)


def total(scenes: Iterable[str], prices: Mapping[str, Price]) -> int:
    """Return the requests that these scenes take together."""
    return sum(prices[name].requests for name in scenes)


def buy(
    room: int, demands: Iterable[Demand], scenes: Scenes, prices: Mapping[str, Price]
) -> Purchase:
    """Return those of the scenes that decide the most within so many requests.

    What is left then goes to the cheapest of the others: the passive clauses speak of all there is.
    """
    whole = [Demand(d.clause, d.tier, with_needs(d.scenes, prices) & scenes) for d in demands]
    bought: Scenes = frozenset()
    for tier in TIERS:
        while bundle := _best(tier, whole, bought, room - total(bought, prices), prices):
            bought |= bundle
    for name in sorted(scenes, key=lambda each: (prices[each].requests, each)):
        bundle = with_needs([name], prices) & scenes
        if total(bought | bundle, prices) <= room:
            bought |= bundle
    return Purchase(bought, tuple(demand for demand in whole if demand.scenes <= bought))


def _best(
    tier: Tier, demands: list[Demand], bought: Scenes, room: int, prices: Mapping[str, Price]
) -> Scenes | None:
    """Return the bundle that decides most for a request; None where none is affordable."""
    open_ones = [demand for demand in demands if not demand.scenes <= bought]
    bundles = {demand.scenes - bought for demand in open_ones if demand.tier is tier}
    affordable = [bundle for bundle in bundles if total(bundle, prices) <= room]

    def worth(bundle: Scenes) -> tuple[float, list[str]]:
        decided = [d for d in open_ones if d.scenes <= bought | bundle]
        value = sum(1.0 if d.tier is tier else BESIDES for d in decided)
        return value / max(1, total(bundle, prices)), sorted(bundle)

    return max(affordable, key=worth, default=None)


@dataclass(frozen=True)
class Economy:
    """What a run does whose bound on requests leaves room for so many, told in words."""

    bound: int
    demands: tuple[Demand, ...]
    scenes: Scenes
    prices: Mapping[str, Price]
    room: int

    @cached_property
    def bought(self) -> Purchase:
        """What is played."""
        return buy(self.room, self.demands, self.scenes, self.prices)

    @property
    def left_out(self) -> dict[str, str]:
        """Why a scene is not played, by scene, the dearest first."""
        lacking = sorted(self.scenes - self.bought.scenes, key=lambda n: -self.prices[n].requests)
        return {
            name: f"the budget of {self.bound} requests has no room for the scene {name}, "
            f"which takes {self.prices[name].requests}"
            for name in lacking
        }

    @property
    def share(self) -> str:
        """What the bound buys."""
        return (
            f"the budget of {self.bound} requests has room for {len(self.bought.scenes)} of "
            f"{len(self.scenes)} scenes, which decide {len(self.bought.decided)} of "
            f"{len(self.demands)} clauses ({self.bought.share(self.demands)})"
        )

    @property
    def notice(self) -> str:
        """The same, with the scenes that are left out."""
        without = ", ".join(f"{name} ({self.prices[name].requests})" for name in self.left_out)
        return f"{self.share}; left out: {without}"
