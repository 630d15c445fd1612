"""Scenes act, tests judge: the engine that runs scenes side by side and keeps what they saw.

A scene is a coroutine that performs a sequence of requests once and keeps the exchanges as
attributes of its `Outcome`. Scenes run on an event loop in a thread of its own, phase by phase;
tests, in pytest's thread, wait for the outcome of the scene they judge. Whatever happens, the
stage cleans up before it closes.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import httpx

from conformance.kit.budget import Budget
from conformance.kit.cleaning import clean
from conformance.kit.client import Client
from conformance.kit.deeds import Deeds
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange, path_id
from conformance.kit.expect import PremiseFailed
from conformance.kit.forecast import await_room, forecast_of, quota_of
from conformance.kit.ledger import Ledger
from conformance.kit.outcome import Outcome
from conformance.kit.preflight import Refused, greet
from conformance.kit.probe import Allowance, Ground, Opening, Probe, not_permitted, opened
from conformance.kit.renewal import Renewal
from conformance.kit.scene import SCRIPTS, Phase, Scene, Script, kept_back
from conformance.kit.settings import WINDOW_REQUESTS, Settings
from conformance.kit.target import Target, source_of
from conformance.kit.thrift import Demand, Economy, Price, Scenes, total, with_needs
from conformance.kit.wire import Wire, current_scene

T = TypeVar("T")
GRACE_S = 3.0
"""Seconds in which the requests of an interrupted run may come to their end."""
CHECK_S = 0.1
"""Seconds after which who waits for a scene looks for an interrupt again."""


@dataclass
class Stage:
    """Runs the scenes of one test session against one target."""

    settings: Settings
    target: Target
    run_id: str
    budget: Budget
    ledger: Ledger
    transport: httpx.AsyncBaseTransport | None = None
    opening: Opening | None = None
    """What opens a server whose rate limit may be spent; None: there is none."""
    say: Callable[[str], None] = lambda _line: None
    """Shows a line on the screen at once."""
    check: Callable[[], None] = lambda: None
    """Raises, in the thread that waits for the scenes, where the run was interrupted."""
    conceal: Callable[[str], None] = lambda _secret: None
    """Keeps a credential that came up during the run out of every report."""
    demands: tuple[Demand, ...] = ()
    """What the selected tests judge: decides which scenes are played where not all can be paid."""
    evidence: Evidence = field(init=False)
    probe: Probe | None = field(default=None, init=False)
    leftovers: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    deeds: Deeds = field(default_factory=Deeds)
    _outcomes: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    _ready: dict[str, Future[Outcome]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what needs no event loop."""
        self.evidence = Evidence(self.ledger)
        self.greeting: Future[None] = Future()
        self.finished: Future[None] = Future()
        self.wire: Wire | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[Exchange] | None = None
        self._cleaning = False
        self._left_out: dict[str, PremiseFailed] = {}
        self._thread: threading.Thread | None = None

    def start(self, names: Iterable[str]) -> None:
        """Run the scenes of these names in a thread; return at once."""
        wanted = [SCRIPTS[name] for name in names]
        self._ready = {script.name: Future() for script in wanted}
        self._thread = threading.Thread(target=self._run, args=(wanted,), name="stage", daemon=True)
        self._thread.start()

    def greet(self) -> None:
        """Wait until the target has answered the first request.

        Raises:
            Refused: the target cannot be tested: unreachable, wrong path, credentials refused.

        """
        self._await(self.greeting)

    def outcome(self, name: str) -> Outcome:
        """Wait for a scene and return what it kept."""
        return self._await(self._ready[name])

    def wait(self) -> None:
        """Wait until every scene has ended and the cleaning up is done."""
        self._await(self.finished)

    def _await(self, awaited: Future[T]) -> T:
        while True:
            self.check()
            if wait([awaited], CHECK_S).done:
                return awaited.result()

    @property
    def running(self) -> tuple[str, ...]:
        """The scenes that have begun and not ended; may be asked from any thread."""
        acting = tuple(name for name, task in list(self._outcomes.items()) if not task.done())
        return acting or (("cleaning up",) if self._cleaning else ())

    def close(self) -> None:
        """Stop what still runs, let the cleaning up finish, and close the ledger."""
        if self._thread is not None and self._thread.is_alive():
            if self._loop is not None:
                with suppress(RuntimeError):  # It has ended by itself.
                    self._loop.call_soon_threadsafe(self._interrupt)
            self._thread.join()
        self.ledger.close()

    def _interrupt(self) -> None:
        if self._task is not None and not self._cleaning:
            self._task.cancel()

    def _run(self, wanted: list[Script]) -> None:
        try:
            asyncio.run(self._main(wanted))
        except BaseException as problem:  # noqa: BLE001 - handed to the thread that waits
            self._fail(problem)
        finally:
            self._fail(PremiseFailed("the run ended before this scene", "premise"))

    def _fail(self, problem: BaseException) -> None:
        for waiting in (self.greeting, self.finished):
            if not waiting.done():
                waiting.set_exception(problem)
        for name, ready in self._ready.items():
            if not ready.done():
                outcome = Outcome(name)
                outcome._stopped(problem)  # noqa: SLF001 - the stage fills outcomes
                ready.set_result(outcome)

    async def _main(self, wanted: list[Script]) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        wire = Wire(self.settings, self.target.base_url, self.budget, transport=self.transport)
        wire.observers.append(self.evidence.observe)
        wire.mourners.append(self.evidence.mourn)
        source = source_of(self.settings, self.target)
        wire.renewal = Renewal(self.target, source, self._renewed, self._note)
        self.wire = wire
        async with wire:
            try:
                await self._begin(wire, wanted)
                await self._perform([s for s in wanted if s.name not in self._left_out])
            finally:
                self._cleaning = True
                await self._stop_scenes(wire)
                await self._clean()
            self.finished.set_result(None)
            await self._probe_at_last(wire, wanted)

    def _renewed(self, target: Target) -> None:
        """Let the scenes work with a fresh token, which no report may show either."""
        self.conceal(target.token)
        self.target = target

    def _note(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    async def _begin(self, wire: Wire, wanted: list[Script]) -> None:
        """Send the first requests, show the forecast, and wait for a window that has room."""
        self._first = asyncio.ensure_future(greet(api := self.client()))
        try:
            answer = await asyncio.shield(self._first)
        except Refused as problem:
            self.greeting.set_exception(problem)
            raise
        prices = {s.name: s.price for s in SCRIPTS.values()}
        scenes = with_needs((s.name for s in wanted if s.phase is not Phase.PROBE), prices)
        forecast = forecast_of(self.settings, scenes, prices, quota_of(answer))
        again = partial(api.list, limit=1)
        granted = await await_room(forecast, wire, again, self.say)
        if granted is not None:
            self.budget.lower(granted)
        self._economize(scenes, prices)
        self.greeting.set_result(None)

    def _economize(self, scenes: Scenes, prices: Mapping[str, Price]) -> None:
        """Leave scenes out where the budget has no room for all of them."""
        room, every = self.budget.left(), total(scenes, prices)
        whole = self.budget.bound is None or self.budget.bound >= WINDOW_REQUESTS
        if room is None or whole or every <= room:
            return
        economy = Economy(self.budget.bound or 0, self.demands, scenes, prices, room)
        for name, reason in economy.left_out.items():
            self._left_out[name] = PremiseFailed(reason, "budget")
            self._conclude(name, self._stopped_before(name))
        self.say(economy.share)
        self._note(economy.notice)

    def _stopped_before(self, name: str) -> Outcome:
        outcome = Outcome(name)
        outcome._stopped(self._left_out[name])  # noqa: SLF001 - the stage fills outcomes
        return outcome

    def has_left_out(self, name: str) -> bool:
        """Whether the budget had no room for a scene."""
        return name in self._left_out

    def plays(self, name: str) -> bool:
        """Whether a scene is played in this run anyway, or has been."""
        return name in self._ready or name in self._outcomes

    def _conclude(self, name: str, outcome: Outcome) -> None:
        """Hand the outcome of a scene to the tests that wait for it."""
        waiting = self._ready.setdefault(name, Future())
        if not waiting.done():
            waiting.set_result(outcome)

    async def _perform(self, wanted: list[Script]) -> None:
        names = {phase: [s.name for s in wanted if s.phase is phase] for phase in Phase}
        beside = names.pop(Phase.PROBE) if self._probes_beside() else []
        probing = [asyncio.ensure_future(self.play(name)) for name in beside]
        for phase in sorted(names.keys() - {Phase.PROBE}):
            self.budget.kept_back = kept_back(phase, wanted)
            if names[phase]:
                await asyncio.gather(*map(self.play, names[phase]))
        await asyncio.gather(*probing)

    def _probes_beside(self) -> bool:
        """Whether the trial of the rate limit has a server of its own, or none at all."""
        return self.opening is None or self.settings.embedded

    async def _probe_at_last(self, wire: Wire, wanted: list[Script]) -> None:
        """Spend the target's rate limit when nobody needs it any more."""
        names = [script.name for script in wanted if script.phase is Phase.PROBE]
        if self._probes_beside() or not names:
            return
        self._cleaning = False
        try:
            await asyncio.gather(*map(self.play, names))
        finally:
            self._cleaning = True
            await self._stop_scenes(wire)
            left = self.probe.leftovers if self.probe else []
            self.leftovers = list(dict.fromkeys([*self.leftovers, *left]))

    def ground(self) -> AbstractAsyncContextManager[Ground]:
        """Open the server whose rate limit may be spent.

        Raises:
            PremiseFailed: nobody permitted it.

        """
        if self.opening is None:
            raise not_permitted()
        return opened(self.opening)

    def probe_of(self, ground: Ground) -> Probe:
        """Return the probe of a ground, within what the run has left for it."""
        ledger, allowance = self.ledger, Allowance()
        if ground.own:
            ledger = Ledger(None, {})
        else:
            most = self.settings.max_requests
            seconds = self.budget.max_wait - self.budget.waited
            allowance = Allowance(None if most is None else most - self.budget.used, seconds)
        self.probe = Probe(self.settings, ground, ledger, allowance, self.say)
        self.probe.renewal = None if ground.own or self.wire is None else self.wire.renewal
        return self.probe

    async def _stop_scenes(self, wire: Wire) -> None:
        """Bring the scenes of an interrupted run to their end: none creates beside the cleaning.

        Creates in flight may still take effect, so their answers are waited for.
        """
        begun = [self._first, *self._outcomes.values()]
        running = [task for task in begun if task is not None and not task.done()]
        if not running:
            return
        await wire.halt(GRACE_S)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        wire.resume()

    async def _clean(self) -> None:
        if self.wire is None:
            return
        accounts = {name: self.client(name) for name in self.target.accounts}
        current_scene.set("cleaning up")
        self.wire.resume()
        # A cancelled run still cleans up: the new task is not part of what was cancelled.
        tried, refused = set(self.evidence.deletes), list[Exchange]()
        cleaning = asyncio.ensure_future(clean(accounts, self.ledger, refused))
        self.leftovers = await asyncio.shield(cleaning)
        # Of the other users nobody knows whether they may delete what is their own.
        owner_of = self.ledger.owner_of
        forbidden = (x for x in refused if x.status == 403)
        self.evidence.forbidden = [x for x in forbidden if owner_of(path_id(x)) == "first"]
        self.evidence.missing = [x for x in refused if x.status == 404 and path_id(x) not in tried]

    def client(self, account: str = "first") -> Client:
        """Return a client for one of the target's accounts."""
        if self.wire is None:
            raise RuntimeError("the stage has not started")
        credential = self.target.accounts[account]
        return Client(self.wire, self.ledger, credential, account, self.deeds)

    async def play(self, name: str) -> Outcome:
        """Run a scene once, however many ask for it, and return its outcome."""
        if name in self._left_out:
            return self._stopped_before(name)
        if name not in self._outcomes:
            self._outcomes[name] = asyncio.ensure_future(self._act(SCRIPTS[name]))
        return await asyncio.shield(self._outcomes[name])

    async def _act(self, script: Script) -> Outcome:
        outcome = Outcome(script.name)
        current_scene.set(script.name)
        seed = f"{self.settings.seed}:{script.name}"
        scene = Scene(
            script.name,
            self,
            self.client(),
            outcome,
            random.Random(seed),  # noqa: S311 - test data, not keys
            random.Random(f"{seed}:{self.run_id}"),  # noqa: S311 - test data, not keys
        )
        try:
            await script.act(scene)
        except Exception as problem:  # noqa: BLE001 - kept: the tests that miss a value raise it
            outcome._stopped(problem)  # noqa: SLF001 - the stage fills outcomes
        else:
            outcome._ended()  # noqa: SLF001 - the stage fills outcomes
        self._conclude(script.name, outcome)
        return outcome


def new_run_id() -> str:
    """Return a name for this run: unique enough to keep the data of two runs apart."""
    return f"{time.time_ns():x}"
