"""Paging parameters outside their bounds, and the topping up that some of them need."""

from __future__ import annotations

import schemas
from conformance.kit.exchange import Exchange
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import active_contacts, factory

MOST = schemas.LIST_LIMIT_MAX
SOME = 30
"""More than the default limit, less than the contacts that are there."""
QUESTIONS = 3
LARGE: tuple[dict[str, object], ...] = (
    {"limit": 101},
    {"limit": 99999999999999999999, "type": "buyer", "archived": True},
)
"""Lists asked for more than 100 records: plainly, and beyond 64 bits under every filter."""
LIST_LOW: tuple[dict[str, object], ...] = (
    {"limit": 0},
    {"limit": -1, "archived": True},
    {"page": 0, "search": "anyone"},
    {"page": -1},
)
"""Paging below its bounds: filters may lead to a query of their own."""
LIST_ODD = (
    ("limit", "abc"),
    ("limit", "1.5"),
    ("limit", ""),
    ("page", "abc"),
)
SEARCH_ODD = (0, -1, "abc")
FAR_PAGES = ((10**20, 1), (2**30 + 1, 4))
"""Pages and limits: a page of more than 64 bits, and one whose offset has more than 32."""


@scene(costs=13)
async def odd_bounds(s: Scene) -> None:
    """Ask lists and searches with limits and pages that are too low, or no integers."""
    low = [s.api.list(**query) for query in LIST_LOW]
    odd = [s.api.list(**{name: value}) for name, value in LIST_ODD]
    searches = [s.api.search(limit=value) for value in SEARCH_ODD]
    far = [s.api.list(page=page, limit=limit) for page, limit in FAR_PAGES]
    answers = await s.all(*low, *odd, *searches, *far)
    s.out.list_low = answers[: len(low)]
    s.out.list_odd = answers[len(low) : len(low) + len(odd)]
    s.out.search_odd = answers[len(low) + len(odd) : -len(far)]
    s.out.far = answers[-len(far) :]


@scene(Phase.FULL_HOUSE, costs=5)
async def large_limits(s: Scene) -> None:
    """Ask lists and searches for more than 100 records, while all contacts are there."""
    await s.if_played("unwieldy")
    s.out.active = active_contacts(s)
    lists = [s.api.list(**query) for query in LARGE]
    searches = [s.api.search(limit=MOST + 1)]
    # With a limit above the default the offset is another one, too.
    later = s.api.list(page=2, limit=SOME)
    *answers, s.out.later = await s.all(*lists, *searches, later)
    s.out.lists, s.out.searches = answers[: len(LARGE)], answers[len(LARGE) :]
    beyond = s.out.lists[0]
    # The same list at the bound, where more than the bound is refused.
    s.out.most = beyond if beyond.ok else await s.api.list(limit=MOST)


@scene(Phase.TOP_UP, costs=2, upto=100, needs=("large_limits", "full_house"))
async def crowd(s: Scene) -> None:
    """Top up where more contacts decide more: past the default limit, or past a limit of 101.

    What does not fit the budget is not created: then the clauses are judged on what was seen.
    """
    before = await s.of("large_limits")
    asked = (before.lists[0], before.searches[0])
    s.out.seen = []
    undecided = [x for x in asked if x.ok and len(x.records) <= MOST and not _shows_cap(x)]
    if undecided and await _topped_up(s, MOST + 1, "a limit of 101"):
        s.out.seen = await s.all(s.api.list(limit=MOST + 1), s.api.search(limit=MOST + 1))
    default = schemas.SEARCH_LIMIT_DEFAULT
    full = (await s.of("full_house")).search
    # As many as the default limit came already: the account is large enough.
    if len(full.records) < default and await _topped_up(
        s, default + 1, f"the default limit of {default}"
    ):
        s.out.active = active_contacts(s)
        s.out.default = await s.api.search()


async def _topped_up(s: Scene, wanted: int, why: str) -> bool:
    """Create what is missing; say what was not done where the budget has no room for it."""
    missing = max(0, wanted - active_contacts(s))
    left = s.stage.budget.left()
    # Each contact costs its create and its delete; the questions come on top.
    needed = 2 * missing + QUESTIONS
    if left is not None and needed > left:
        s.stage.notices.append(
            f"{why} was judged on the contacts that were there: "
            f"topping up needs {needed} requests, {left} were left"
        )
        return False
    people = factory(s)
    await s.all(*(s.api.create(people.minimal()) for _ in range(missing)))
    return True


def _shows_cap(exchange: Exchange) -> bool:
    """Whether exactly 100 records came although more are there: the cap is seen already."""
    total = exchange.at("data", "meta", "total")
    return len(exchange.records) == MOST and isinstance(total, int) and total > MOST
