"""What a bound on requests buys: most clauses for a request, tier by tier, with what scenes need."""

from __future__ import annotations

from conformance.kit.catalogue import Tier
from conformance.kit.thrift import Demand, Price, buy, total, with_needs

PRICES = {
    "cheap": Price(5),
    "dear": Price(50),
    "base": Price(10),
    "built": Price(4, needs=("base",)),
    "tower": Price(1, needs=("built",)),
}
ALL = frozenset(PRICES)


def demand(clause: str, *scenes: str, tier: Tier = Tier.REQUIRED) -> Demand:
    return Demand(clause, tier, frozenset(scenes))


def ids(decided: tuple[Demand, ...]) -> list[str]:
    return [each.clause for each in decided]


def test_needs_are_followed_at_any_remove() -> None:
    assert with_needs(["tower"], PRICES) == {"tower", "built", "base"}


def test_what_decides_more_for_a_request_is_bought_first() -> None:
    demands = [demand("A", "dear"), demand("B", "cheap"), demand("C", "cheap")]

    bought = buy(54, demands, ALL - {"base", "built", "tower"}, PRICES)

    assert ids(bought.decided) == ["B", "C"]


def test_a_scene_is_bought_with_what_it_needs_or_not_at_all() -> None:
    demands = [demand("A", "tower")]

    assert ids(buy(15, demands, ALL, PRICES).decided) == ["A"]
    assert ids(buy(14, demands, ALL, PRICES).decided) == []


def test_a_clause_counts_only_where_every_scene_it_is_judged_on_is_there() -> None:
    demands = [demand("A", "cheap", "dear"), demand("B", "base")]

    assert ids(buy(54, demands, ALL, PRICES).decided) == ["B"]
    assert ids(buy(65, demands, ALL, PRICES).decided) == ["A", "B"]


def test_a_required_clause_comes_before_many_expected_ones() -> None:
    many = [demand(f"E{number}", "cheap", tier=Tier.EXPECTED) for number in range(20)]

    bought = buy(50, [demand("A", "dear"), *many], ALL, PRICES)

    assert ids(bought.decided) == ["A"]


def test_what_is_left_buys_the_cheapest_of_the_other_scenes() -> None:
    bought = buy(20, [demand("A", "cheap")], ALL, PRICES)

    assert bought.scenes == {"cheap", "base", "built", "tower"}
    assert total(bought.scenes, PRICES) == 20


def test_no_room_buys_nothing_but_clauses_that_take_no_scene() -> None:
    bought = buy(0, [demand("A", "cheap"), demand("B")], ALL, PRICES)

    assert bought.scenes == frozenset()
    assert ids(bought.decided) == ["B"]


def test_the_share_is_told_tier_by_tier() -> None:
    demands = [
        demand("A", "cheap"),
        demand("B", "dear"),
        demand("P", "cheap", tier=Tier.PLATFORM),
        demand("O", "dear", tier=Tier.OBSERVED),
    ]

    bought = buy(20, demands, frozenset({"cheap", "dear"}), PRICES)

    assert bought.share(demands) == "1 of 2 required, 1 of 1 platform, 0 of 1 observed"
