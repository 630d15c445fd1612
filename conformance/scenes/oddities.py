"""What implementations may do as they like: seen where the budget leaves room, never judged."""

from __future__ import annotations

from collections.abc import Awaitable

from conformance.kit.budget import BudgetExhausted
from conformance.kit.client import encode
from conformance.kit.exchange import Exchange
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import discard, factory


@scene(Phase.TOP_UP, costs=3, upto=20, needs=("people", "shelf"))
async def oddities(s: Scene) -> None:
    """Try undocumented input; `seen` holds what came of it, by name."""
    s.out.seen = {}
    found, shelf = (await s.of("people")).found, await s.of("shelf")
    typo = found.sent["first_name"][:-1] + "q"
    await _try(s, "search for a name with one letter wrong", s.api.list(search=typo))
    # Whoever writes ids in one case only may take any other for malformed (GET-03, GET-06).
    shouted = s.api.call("get", found.id.upper(), allows=(400,))
    await _try(s, "upper-case id", shouted)
    await _try(s, "unknown type", s.api.list(search=shelf.token, type="plumber"))
    await _try(s, "unknown parameter", s.api.list(search=shelf.token, colour="red"))
    await _try(s, "empty name", s.api.search(name=""))
    repeated = [("search", shelf.token), ("limit", 2), ("limit", 3)]
    await _try(s, "repeated parameter", s.api.call("list", query=repeated))
    await _updates(s, found.id)
    await _creates(s)


async def _updates(s: Scene, contact_id: str) -> None:
    bodies = {
        "unknown type on update": {"contact_type": "plumber"},
        "null on update": {"company": None},
        "license number on update": {"license_number": "X-1"},
    }
    for name, body in bodies.items():
        await _try(s, name, s.api.call("update", contact_id, body=encode(body)))


async def _creates(s: Scene) -> None:
    people = factory(s)
    bodies = {
        "nulls on create": people.minimal(last_name=None, email=None, tags=None),
        "empty texts on create": people.minimal(last_name="", company="", notes=""),
        "alterable texts on create": people.minimal(
            company="  padded  ", email=people.email().upper(), tags=["twice", "twice"]
        ),
        "long state on create": people.minimal(state="California"),
    }
    for name, body in bodies.items():
        exchange = await _try(s, name, s.api.create(body))
        if exchange is not None:
            await discard(s, exchange)


async def _try(s: Scene, name: str, step: Awaitable[Exchange]) -> Exchange | None:
    """Perform a step and keep it; what the budget has no room for is not seen."""
    try:
        s.out.seen[name] = await step
    except BudgetExhausted:
        return None
    answer: Exchange = s.out.seen[name]
    return answer
