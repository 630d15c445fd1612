"""Real concurrency: parallel creates, updates and reads of one contact, deletes that are raced.

The requests of a volley are in flight together, over connections that are open. A write leaves just
before the delete that it races with, by as much as lets it be read, but not yet written, when the
delete comes. What nobody raced with is deleted beside the others, so that a race is told from a
plain fault.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.kit.client import Client, encode
from conformance.kit.exchange import ARCHIVED_REFUSALS, Exchange
from conformance.kit.expect import premise
from conformance.kit.history import Event, State, state
from conformance.kit.model import plain
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import Made, factory, has_id
from fixtures.factories import LISTED, ContactFactory

IN_FLIGHT = 8
READS = (3, 1)
"""Reads in a row of the clients that read before they update; the others read it back.

What a read shows, the next may not take back. Clients that read equally often keep step, and hide
from each other a target whose every second read is stale.
"""
PAUSES_S = (0.002, 0.004, 0.007)
"""Times from the first reads to the updates of the clients that come late."""
HEAD_START_S = 0.005
"""Time from a slow write to the delete that is to find it read, but not yet written."""
LATER = "delete, a little later"
DEEP_ROUNDS = 10
COLD = 100
"""With fewer requests sent before, connections may still have to be opened."""
RACED = (
    ("phone",),
    ("company", "last_name"),
    ("street_address",),
    ("city", "email"),
    ("state",),
    ("zip_code", "tags"),
    ("notes", "first_name"),
    ("contact_status",),
)
"""The fields that each client updates; of two in one request nobody sees the one without the other."""
RACED_FIELDS = tuple(name for names in RACED for name in names)


@dataclass(frozen=True)
class Timed:
    """An exchange, and when the scene began and ended to wait for it (seconds, one clock)."""

    exchange: Exchange
    invoked: float
    returned: float


@dataclass
class Victim:
    """A contact that was deleted, and what was sent at the same time."""

    made: Made
    raced_by: list[Exchange] = field(default_factory=list)
    delete: Exchange | None = None
    get: Exchange | None = None
    restore: Exchange | None = None

    @property
    def gone(self) -> bool:
        """Whether the target acknowledged the delete."""
        return self.delete is not None and self.delete.ok


@dataclass
class Round:
    """What one round of races saw."""

    token: str = ""
    updated: str = ""
    left: list[Made] = field(default_factory=list)
    creates: list[tuple[dict[str, Any], Exchange]] = field(default_factory=list)
    read: dict[str, Exchange] = field(default_factory=dict)
    updates: list[tuple[dict[str, Any], Exchange]] = field(default_factory=list)
    after: Exchange | None = None
    initial: State = ()
    history: list[Event] = field(default_factory=list)
    begun: float = 0.0
    undisturbed: bool = False
    victims: list[Victim] = field(default_factory=list)
    alone: list[Victim] = field(default_factory=list)
    lists: list[Exchange] = field(default_factory=list)


@scene(Phase.RACES, costs=29)
async def races(s: Scene) -> None:
    """Race creates, then updates and reads of one contact, then deletes of the others."""
    _need_company(s)
    s.out.rounds = []
    people = factory(s)
    if s.stage.budget.used < COLD:
        await s.all(*(s.api.list(limit=1) for _ in range(IN_FLIGHT)))
    for _ in range(DEEP_ROUNDS if s.settings.profile == "deep" else 1):
        seen = Round()
        s.out.rounds.append(seen)
        token = people.name(LISTED)
        made = await _create(s, people, token, seen)
        await _update(s, people, made[0], seen)
        seen.token, seen.updated, seen.left = token, made[0].id, made[1:]


@scene(Phase.RACED, costs=23, needs=("races",))
async def raced_deletes(s: Scene) -> None:
    """Race deletes of the contacts that the races left with what else may happen to them.

    It follows the full house, for which these contacts are wanted alive.
    """
    _need_company(s)
    before = await s.of("races")
    s.out.rounds = []
    people = factory(s)
    for seen in before.rounds:
        premise(seen.left, "the contacts to delete could not be made")
        s.out.rounds.append(seen)
        await _delete(s, people, seen.token, seen.left, seen)


def _need_company(s: Scene) -> None:
    enough = s.settings.concurrency >= 2
    premise(enough, "--concurrency 1 leaves nothing to race; give 2 or more", kind="permission")


async def _create(s: Scene, people: ContactFactory, token: str, seen: Round) -> list[Made]:
    """Create contacts in parallel and read every one of them."""
    payloads = [people.named(last_name=token) for _ in range(IN_FLIGHT)]
    answers = await s.all(*(s.api.create(payload) for payload in payloads))
    seen.creates = list(zip(payloads, answers, strict=True))
    made = {str(x.contact["id"]): Made(p, x) for p, x in seen.creates if has_id(x)}
    listed = await s.api.list(search=token)
    seen.read = {i: listed for i in made if i in listed.ids}
    # A list that lacks one has clauses of its own: ask for the contact itself.
    missing = [i for i in made if i not in seen.read]
    gets = await s.all(*(s.api.get(i) for i in missing))
    seen.read |= dict(zip(missing, gets, strict=True))
    premise(len(made) == IN_FLIGHT, f"{IN_FLIGHT} parallel creates did not make as many contacts")
    return list(made.values())


async def _update(s: Scene, people: ContactFactory, made: Made, seen: Round) -> None:
    """Let each client update a field of its own, and some read the contact right after."""
    values = people.full_update()
    bodies = [{name: values[name] for name in names} for names in RACED]
    record = made.record
    seen.initial = _shown(record, RACED_FIELDS)
    seen.begun, sent = time.perf_counter(), _sent(s)
    crowd = Crowd(s.api, made.id)
    early, late = 1 + len(READS), IN_FLIGHT - len(PAUSES_S)
    shots = await s.all(
        # One is under way when the first reads come, on a target that is faster than we are, too.
        crowd.update_and_read(bodies[0]),
        *(crowd.read_and_update(*each) for each in zip(bodies[1:early], READS, strict=True)),
        *(crowd.update_and_read(body) for body in bodies[early:late]),
        *(
            crowd.update_and_read(body, pause)
            for body, pause in zip(bodies[late:], PAUSES_S, strict=True)
        ),
    )
    final = await _timed(s.api.get(made.id))
    seen.after = final.exchange
    seen.updates = [
        (body, one.exchange)
        for body, shot in zip(bodies, shots, strict=True)
        for one in shot
        if one.exchange.operation == "update"
    ]
    everything = [(number, one) for number, shot in enumerate(shots) for one in shot]
    everything.append((len(shots), final))
    # A request that was sent twice may take effect twice: no history can be drawn from that.
    seen.undisturbed = _sent(s) - sent == len(everything)
    for number, (client, one) in enumerate(everything):
        seen.history += _events(number, client, one, bodies)


def _sent(s: Scene) -> int:
    """Return how many requests the run has sent that may have taken effect: a 429 has none."""
    return s.stage.budget.used - s.api.wire.statistics.throttled


class Crowd:
    """Several clients of one contact."""

    def __init__(self, api: Client, contact_id: str) -> None:
        """Take the contact that they update and read."""
        self._api, self._id = api, contact_id

    async def update_and_read(self, body: dict[str, Any], pause_s: float = 0.0) -> list[Timed]:
        """Update the contact and read it back: what an earlier read saw is no answer to this."""
        if pause_s:
            await asyncio.sleep(pause_s)
        return [await _timed(self._api.update(self._id, body)), await self._read()]

    async def read_and_update(self, body: dict[str, Any], times: int) -> list[Timed]:
        """Read the contact so many times, while others update it, then update it too."""
        reads = [await self._read() for _ in range(times)]
        return [*reads, await _timed(self._api.update(self._id, body))]

    async def _read(self) -> Timed:
        return await _timed(self._api.get(self._id))


async def _timed(request: Coroutine[Any, Any, Exchange]) -> Timed:
    invoked = time.perf_counter()
    exchange = await request
    return Timed(exchange, invoked, time.perf_counter())


def _events(number: int, client: int, one: Timed, bodies: list[dict[str, Any]]) -> list[Event]:
    """Return what a request wrote, and what its answer showed of the other fields."""
    x = one.exchange
    sent = bodies[client] if x.operation == "update" else {}
    label = f"client {client + 1} {x.operation}"
    events = []
    if sent and (x.ok or x.status >= 500):
        returned = one.returned if x.ok else math.inf
        events.append(Event(number, True, _state(sent), one.invoked, returned, label))
    shown = _shown(x.contact, [n for n in RACED_FIELDS if n in x.contact and n not in sent])
    if x.ok and shown:
        events.append(Event(number, False, shown, one.invoked, one.returned, label))
    return events


def _shown(record: dict[str, Any], names: Iterable[str]) -> State:
    """Return what a record shows of some fields; a value of a wrong type as its text."""
    return _state({name: record.get(name) for name in names})


def _state(values: Mapping[str, Any]) -> State:
    known = {name: plain(name, value) for name, value in values.items()}
    return state({n: v if isinstance(v, str | None) else repr(v) for n, v in known.items()})


async def _delete(
    s: Scene, people: ContactFactory, token: str, made: list[Made], seen: Round
) -> None:
    """Race deletes with updates, archives and restores, and look for what was deleted."""
    a, b, c, d, e, alone, other = (Victim(each) for each in made)
    seen.victims, seen.alone = [a, b, c, d, e], [alone, other]
    await s.api.delete(seen.updated)
    await s.all(s.api.archive(b.made.id), s.api.archive(c.made.id))
    # Each of some is raced by one operation alone: an archive may make an update be refused.
    first = [("update", a), ("restore", b), ("restore", b)]
    first += [(LATER, each) for each in (a, b, alone, other)]
    second = [("update", e), ("archive", e), ("delete", e), ("restore", c), ("delete", c)]
    second += [("archive", d), (LATER, d)]
    for volley in (first, second):
        answers = await s.all(*(_send(s, people, *each) for each in volley))
        for (_, victim), x in zip(volley, answers, strict=True):
            if x.operation == "delete":
                victim.delete = x
            else:
                victim.raced_by.append(x)
    seen.lists = await s.all(s.api.list(search=token), s.api.list(search=token, archived=True))
    await _revive(s, seen)


async def _send(s: Scene, people: ContactFactory, name: str, victim: Victim) -> Exchange:
    if name == LATER:
        await asyncio.sleep(HEAD_START_S)
        return await s.api.delete(victim.made.id)
    body = encode({"city": people.name()}) if name == "update" else None
    return await s.api.call(
        name, victim.made.id, body=body, allows=ARCHIVED_REFUSALS if body else ()
    )


async def _revive(s: Scene, seen: Round) -> None:
    """Read some of the deleted contacts and restore others; delete what is there again."""
    a, *_, e = seen.victims
    alone, other = seen.alone
    read, restored = (a, alone), (e, other)
    gets = await s.all(*(s.api.get(each.made.id) for each in read))
    restores = await s.all(*(s.api.restore(each.made.id) for each in restored))
    for victim, x in zip(read, gets, strict=True):
        victim.get = x
    for victim, x in zip(restored, restores, strict=True):
        victim.restore = x
    shown = [i for x in seen.lists for i in x.ids]
    back = [
        each.made.id
        for each in (*seen.victims, *seen.alone)
        if each.made.id in shown or any(x is not None and x.ok for x in (each.get, each.restore))
    ]
    await s.all(*(s.api.delete(contact_id) for contact_id in back))
