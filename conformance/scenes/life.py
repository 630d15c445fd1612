"""Lives of contacts, performed on the target and on the oracle side by side (LIFE-01)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import schemas
from conformance.kit import lives
from conformance.kit.budget import BudgetExhausted
from conformance.kit.client import Client, encode
from conformance.kit.exchange import ARCHIVED_REFUSALS, Exchange
from conformance.kit.explore import Bridge, Falsified, run_machine, sample
from conformance.kit.lives import Coverage, Step
from conformance.kit.model import (
    FAILURE,
    Answer,
    Book,
    Call,
    Disagreement,
    Known,
    observe,
    plain,
)
from conformance.kit.scene import Phase, Scene, scene
from conformance.kit.successions import SUCCESSIONS
from conformance.scenes.common import factory
from fixtures.factories import LISTED, ContactFactory

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine
    from hypothesis.strategies import SearchStrategy

MOST = 100
"""Requests that the window profile spends on lives at most (interface, `--profile`)."""
DEEP_STEPS = 30
PEOPLE = 5
"""Contacts in one example of the deep profile."""
LEAST = 5
"""Fewer requests than this are no story at all."""
UPDATES_TRIED = 4
FAILURES_KEPT = 3
STEPS_TOLD = 14
CHANGED = [name for name in schemas.UPDATE_FIELDS if name != "last_name"]
"""Updates spare the last name: it is what the lists are filtered by."""
FOUND_BY = ("first_name", "last_name", "email")
"""What hypothesis does not generate: the searches have to find these contacts, and few others."""
FOR_ALL = 0.9
"""The share of lists and searches that look for everybody in the story, not for one of them."""
DRAWN = 8
"""Generated bodies for the directed lives, which come round again where there are more steps."""


@dataclass(frozen=True)
class Fault:
    """A disagreement, with the story that led to it."""

    expected: str
    actual: str
    fails: bool
    length: int


@dataclass
class Told:
    """One step of the story: what was done, and to whom."""

    text: str
    who: str
    changes: bool


@dataclass
class Life:
    """Performs steps on the target and on the oracle, and keeps what they disagree about."""

    api: Client
    people: ContactFactory
    rng: random.Random
    book: Book = field(default_factory=Book)
    steps: list[tuple[Exchange, list[Fault]]] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    generated: list[dict[str, Any]] = field(default_factory=list)
    """Values for fields, taken in turn instead of the factory's."""
    _ids: dict[str, str] = field(default_factory=dict)
    _story: list[Told] = field(default_factory=list)
    _agreed: dict[str, int] = field(default_factory=dict)
    _fields: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Give the contacts a last name that nobody else has."""
        self.token = self.people.name(LISTED)

    async def perform(self, step: Step) -> list[Fault]:
        """Perform one step; where the target disagrees, expect nothing more of that contact."""
        if step.operation != "create" and self._is_lost(step.who):
            return []
        call = self._call(step)
        exchange = await self._send(call)
        observed = observe(self.book, call, self._answer(call, exchange))
        self.coverage.note(step)
        self._story.append(_told(step, call))
        faults = [self._fault(each) for each in observed.disagreements]
        failed = {w for d in observed.disagreements if d.severity == FAILURE for w in d.who}
        self.book = observed.book.distrusting(failed)
        for who in set(self.book.people) - failed:
            self._agreed[who] = len(self._story)
        self.steps.append((exchange, faults))
        return faults

    async def bury(self) -> None:
        """Delete whoever still lives."""
        for who in self.book.living():
            if who in self._ids:
                await self.api.delete(self._ids[who])

    def _is_lost(self, who: str) -> bool:
        person = self.book.people.get(who)
        return who not in (lives.ACTIVE, lives.ARCHIVED) and (person is None or not person.trusted)

    async def _send(self, call: Call) -> Exchange:
        if call.operation == "create":
            return await self.api.create(dict(call.values))
        if call.operation in ("list", "search"):
            return await self.api.call(call.operation, query=call.values)
        contact_id = self._ids[call.who]
        if call.operation == "update":
            body = encode(dict(call.values))
            return await self.api.call("update", contact_id, body=body, allows=ARCHIVED_REFUSALS)
        return await self.api.call(call.operation, contact_id)

    def _answer(self, call: Call, exchange: Exchange) -> Answer:
        """Return the answer in the oracle's terms: contacts by name."""
        contact_id = exchange.contact.get("id")
        names = {known: who for who, known in self._ids.items()}
        if call.operation == "create" and exchange.ok and isinstance(contact_id, str):
            self._ids[call.who] = contact_id
            names.setdefault(contact_id, call.who)
        shown = {
            names[record["id"]]: record
            for record in exchange.records
            if exchange.ok and isinstance(record.get("id"), str) and record["id"] in names
        }
        total = exchange.at("data", "meta", "total")
        return Answer(exchange.status, shown, len(exchange.records), total)

    def _call(self, step: Step) -> Call:
        values: dict[str, Any] = {}
        match step.operation:
            case "create":
                values = self._new_contact()
            case "update":
                values = self._changes(step.who)
            case "list":
                values = self._list_query(step.who)
            case "search":
                values = self._search_query(step.who)
        return Call(step.operation, step.who, values)

    def _new_contact(self) -> dict[str, Any]:
        kind = self.people.full if self.rng.random() < 0.7 else self.people.named
        values = {**kind(last_name=self.token), **self._generated()}
        return {name: value for name, value in values.items() if name in schemas.CREATE_FIELDS}

    def _changes(self, who: str) -> dict[str, Any]:
        """Return new values for one or two fields; all fields take their turn."""
        count = self.rng.choice((1, 1, 2))
        if len(self._fields) < count:
            self._fields = self.rng.sample(CHANGED, len(CHANGED))
        self._generated()
        return {
            name: self._another(who, name) for name in (self._fields.pop() for _ in range(count))
        }

    def _another(self, who: str, name: str) -> Any:
        """Return a value that the field has not held before: else a lost update would not show."""
        known = self.book.people[who].fields.get(name, Known(()))
        values = [body[name] for body in reversed(self.generated) if name in body]
        values += [self.people.full_update()[name] for _ in range(UPDATES_TRIED)]
        held = (*known.values, *known.past)
        return next((value for value in values if plain(name, value) not in held), values[0])

    def _generated(self) -> dict[str, Any]:
        """Return the next generated values, and put them last."""
        self.generated = [*self.generated[1:], *self.generated[:1]]
        return dict(self.generated[-1]) if self.generated else {}

    def _list_query(self, who: str) -> dict[str, Any]:
        """Return a query for all contacts of this story, mostly where `who` must be seen."""
        query: dict[str, Any] = {"search": self.token}
        if who in (lives.ACTIVE, lives.ARCHIVED):
            return query | ({"archived": True} if who == lives.ARCHIVED else {})
        person = self.book.people[who]
        archived = person.archived != (self.rng.random() < 0.25)
        if archived or self.rng.random() < 0.3:
            query["archived"] = archived
        if self.rng.random() > FOR_ALL:
            query["type"] = person.fields["contact_type"].values[0]
        return query

    def _search_query(self, who: str) -> dict[str, Any]:
        fields = self.book.people[who].fields
        if self.rng.random() < FOR_ALL:
            return {"name": self.token}
        name, parameter = self.rng.choice((("first_name", "name"), ("email", "email")))
        return {parameter: fields[name].values[0]}

    def _fault(self, found: Disagreement) -> Fault:
        story = self._told_of(found.who)
        expected = f"{found.expected}, after: {'; '.join(story)}"
        return Fault(expected, found.actual, found.severity == FAILURE, len(story))

    def _told_of(self, names: frozenset[str]) -> list[str]:
        """Return the steps on these contacts, and the changes made since they were last right."""
        since = min((self._agreed.get(who, 0) for who in names), default=0)
        last = len(self._story) - 1
        texts = [
            step.text
            for number, step in enumerate(self._story)
            if step.who in names or number == last or (step.changes and number >= since)
        ]
        cut = len(texts) - STEPS_TOLD
        return texts if cut <= 0 else [*texts[:1], f"({cut} more)", *texts[cut + 1 :]]


def _told(step: Step, call: Call) -> Told:
    values = call.values
    text = f"{step.operation} {step.who}"
    if step.operation == "update":
        text = f"update {step.who}'s {' and '.join(values)}"
    elif step.operation == "list":
        state = "archived" if values.get("archived") else "active"
        text = f"list the {state}" + (f" {values['type']}s" if "type" in values else "")
    elif step.operation == "search":
        text = f"search by {' and '.join(values)} {' '.join(map(str, values.values()))}"
    return Told(text, step.who, step.operation not in ("get", "list", "search"))


@scene(Phase.LIFE, costs=20, upto=100)
async def life(s: Scene) -> None:
    """Let contacts live planned lives, and in the deep profile as many random ones as asked."""
    left = s.stage.budget.left()
    most = MOST if left is None else min(MOST, left)
    if most < LEAST:
        raise BudgetExhausted(f"{most} requests were left for the lives of contacts")
    drawn = await asyncio.to_thread(sample, _values(), count=DRAWN, seed=s.settings.seed)
    directed = Life(s.api, factory(s), s.rng, generated=drawn)
    s.out.steps, s.out.explored = directed.steps, []
    deeds = s.api.deeds
    known = lives.Known(
        frozenset(deeds.pairs & lives.PAIRS),
        frozenset(deeds.track.successions & SUCCESSIONS),
    )
    try:
        await _perform(directed, await asyncio.to_thread(lives.plan, s.rng, most, known))
    finally:
        s.stage.notices.append(_covered(directed, known))
    if s.settings.profile == "deep":
        await _explore(s)


def _values() -> SearchStrategy[dict[str, Any]]:
    """Return what hypothesis generates for the fields that no search goes by."""
    from hypothesis import strategies as st  # noqa: PLC0415 - spares the other scenes hypothesis

    from fixtures.strategies import values_of  # noqa: PLC0415 - as above

    free = [name for name in schemas.UPDATE_FIELDS if name not in FOUND_BY]
    return st.fixed_dictionaries({name: values_of(name) for name in free})


async def _perform(directed: Life, steps: list[Step]) -> None:
    failures = 0
    for step in steps:
        failures += sum(fault.fails for fault in await directed.perform(step))
        if failures >= FAILURES_KEPT:
            return


def _covered(directed: Life, known: lives.Known) -> str:
    coverage, count = directed.coverage, len(directed.steps)
    missing = [pair for pair in coverage.missing if pair not in known.pairs]
    shown = ", ".join(" then ".join(pair) for pair in missing[:4])
    return (
        f"LIFE-01: {count} requests held {len(coverage.pairs & lives.PAIRS)} of the "
        f"{len(lives.PAIRS)} ordered pairs of operations on one contact against the model; "
        f"all scenes together performed {len(lives.PAIRS) - len(missing)}"
        + (f"; not, for example: {shown}" if missing else "")
    )


async def _explore(s: Scene) -> None:
    """Perform random lives until one disagrees; keep the shortest story that did."""
    bridge = Bridge()
    failed: list[tuple[Exchange, Fault]] = []

    def born() -> Life:
        # Each example makes the same choices, so that a shorter one repeats what a longer one did.
        rng = random.Random(f"{s.settings.seed}:life")  # noqa: S311 - test data, not keys
        return Life(s.api, ContactFactory(rng, s.words), rng)

    machine = _machine(bridge, born, failed)
    count, seed = s.settings.examples, s.settings.seed
    await bridge.explore(lambda: run_machine(machine, examples=count, steps=DEEP_STEPS, seed=seed))
    shortest = sorted(failed, key=lambda pair: pair[1].length)[:1]
    s.out.explored = [(exchange, [fault]) for exchange, fault in shortest]


def _machine(
    bridge: Bridge, born: Callable[[], Life], failed: list[tuple[Exchange, Fault]]
) -> type[RuleBasedStateMachine]:
    """Return a state machine whose rules are the operations on the contacts of one story."""
    from hypothesis import strategies as st  # noqa: PLC0415 - needed in the deep profile alone
    from hypothesis.stateful import (  # noqa: PLC0415 - as above
        RuleBasedStateMachine,
        precondition,
        rule,
    )

    class Lives(RuleBasedStateMachine):
        """Operations on at most `PEOPLE` contacts, in any order."""

        def __init__(self) -> None:
            super().__init__()
            self.life = born()

        def step(self, operation: str, who: str) -> None:
            faults = bridge.wait(self.life.perform(Step(operation, who)))
            for fault in faults:
                if fault.fails:
                    failed.append((self.life.steps[-1][0], fault))
                    raise Falsified(fault.expected)

        def teardown(self) -> None:
            bridge.wait(self.life.bury())

        @precondition(lambda self: len(self.life.book.people) < PEOPLE)
        @rule()
        def create(self) -> None:
            self.step("create", lives.NAMES[len(self.life.book.people)])

        @precondition(lambda self: self.life.book.people)
        @rule(operation=st.sampled_from(lives.LAST), number=st.integers(0, PEOPLE - 1))
        def act(self, operation: str, number: int) -> None:
            names = list(self.life.book.people)
            self.step(operation, names[number % len(names)])

    return Lives
