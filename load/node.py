"""One node of a run: a worker, or the only process where there are none.

It holds what the users on the node share: options, recorder, prepared bodies, the stock of
contacts to read, the ledger, the queue of arrivals, and the gate that shuts when the run ends.
Nothing here imports locust, but it runs under gevent.
"""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import psutil
from gevent.event import AsyncResult, Event

from conformance.kit.ledger import Entry, Ledger
from load.arrivals import Queue
from load.credentials import Tokens
from load.data import Bodies, Body, new_run
from load.options import Options
from load.recorder import FAILED, Recorder
from load.renewal import Renewal
from load.transport import Connection

_OFFSET = time.time() - time.monotonic()
MAIN = "first"
SAMPLES_KEPT = 400
IDLE_S = 0.02
WATCH_S = 0.5
PARCELLED = ("samples", "lags", "cpu", "made", "unmade", "trial", "trial_final")
"""Lists of a node that go out with each parcel and begin anew."""


def clock() -> float:
    """Return the seconds since the epoch, on a clock that is never set back."""
    return _OFFSET + time.monotonic()


@dataclass
class Kept:
    """A contact of the run: its id, what was written, and its line in the ledger."""

    id: str
    fields: dict[str, Any]
    entry: Entry


class Flight(NamedTuple):
    """A request that is under way: its operation, when it was meant to be sent, and when it was."""

    operation: str
    intended: float
    sent: float


@dataclass
class Node:
    """What the users of one process share during one run."""

    options: Options
    tokens: Tokens
    base_url: str
    name: str = "local"
    recorder: Recorder = field(default_factory=Recorder)
    stock: list[Kept] = field(default_factory=list)
    samples: list[tuple[Any, ...]] = field(default_factory=list)
    flights: dict[int, Flight] = field(default_factory=dict)
    open_model: bool = False
    closing: bool = False
    trying: bool = False
    abandoned: bool = False
    prepared_requests: int = 0
    lags: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    unmade: list[str] = field(default_factory=list)
    trial: list[dict[str, Any]] = field(default_factory=list)
    trial_final: list[dict[str, Any]] = field(default_factory=list)
    trial_made: list[str] = field(default_factory=list)
    _checked: int = 0

    def __post_init__(self) -> None:
        """Prepare the bodies and open the ledger."""
        self.run = new_run()
        self.renewal = Renewal(self.tokens)
        self.bodies = Bodies(self.options.seed)
        self.queue = Queue()
        self._late: deque[float] = deque()
        self._idle: dict[str, list[AsyncResult[float]]] = {}
        self._population: Counter[str] = Counter()
        self._chance = random.Random(self.options.seed)  # noqa: S311 - who is next
        self.started = clock()
        self.ledger = self._open_ledger()
        self._shut = Event()

    def _open_ledger(self) -> Ledger:
        header = {"run": self.run, "base_url": self.base_url}
        directory = Path(self.options.report_dir)
        directory.mkdir(parents=True, exist_ok=True)
        return Ledger(directory / f"load-ledger-{self.run}.jsonl", header)

    @property
    def connection(self) -> Connection:
        """How connections to the target are made."""
        chosen = self.options
        return Connection(chosen.request_timeout, chosen.insecure, chosen.ca_bundle)

    def headers(self) -> Mapping[str, str]:
        """Return the headers of a request with a body or without."""
        return self.tokens.headers

    # --- the gate and the arrivals ---------------------------------------------------------------

    def pass_gate(self) -> None:
        """Return at once, or never again where the run is closing."""
        if self.closing:
            self._shut.wait()

    def joined(self, kind: str) -> None:
        """Count a user of a class: arrivals go to the classes in proportion to their users."""
        self._population[kind] += 1

    def await_arrival(self, kind: str) -> float:
        """Wait for an arrival of the open model; return the moment it was meant to be sent.

        One that finds no free user within `--drop-after` is dropped.
        """
        while True:
            waiting_since = clock()
            intended = self._late.popleft() if self._late else self._wait_idly(kind)
            if self.closing:
                self.recorder.arrivals.dropped += 1
            self.pass_gate()
            late = clock() - intended
            if waiting_since < intended:
                self.lags.append(late)
            if late > self.options.drop_after:
                self.recorder.arrivals.dropped += 1
                continue
            self.recorder.arrivals.sent += 1
            return intended

    def _wait_idly(self, kind: str) -> float:
        waiting: AsyncResult[float] = AsyncResult()
        idle = self._idle.setdefault(kind, [])
        idle.append(waiting)
        try:
            return waiting.get() or 0.0
        except BaseException:
            # A user that is stopped leaves its arrival, if it has one already, to the others.
            if waiting.value is not None:
                self._late.appendleft(waiting.value)
            else:
                idle.remove(waiting)
            raise

    def _hand_out(self, intended: float) -> None:
        """Give an arrival to a user, of the class that is drawn the one that was last at work.

        So few users carry on with what they do, as many as the load needs, however many there are.
        """
        free = [kind for kind, idle in self._idle.items() if idle]
        if not free:
            self._late.append(intended)
            return
        weights = [self._population[kind] or 1 for kind in free]
        kind = self._chance.choices(free, weights)[0]
        self._idle[kind].pop().set(intended)

    def begin(self, since: float) -> None:
        """Begin the schedule whose moment 0 is `since`."""
        self.started = since
        gevent.spawn(self.keep_time)

    def deal(self, moments: list[float]) -> None:
        """Take in arrivals, as seconds since the node's own start of the schedule."""
        self.queue.deal(self.started + moment for moment in moments)

    def keep_time(self) -> None:
        """Hand each arrival to a user when it is due; runs until the run closes."""
        while not self.closing:
            wait = self.queue.wait_until(clock())
            if wait == 0:
                self._hand_out(self.queue.take())
            else:
                gevent.sleep(IDLE_S if wait is None else min(wait, IDLE_S))

    def close_gate(self) -> None:
        """Let no further request begin; what is in flight goes on."""
        if self.closing:
            return
        self.closing = True
        due, later = self.queue.close(clock())
        self.recorder.arrivals.dropped += due + len(self._late)
        self._late.clear()
        self.recorder.arrivals.cancelled += later

    # --- contacts --------------------------------------------------------------------------------

    def intend(self, body: Body) -> Entry:
        """Write down a create that is about to be sent."""
        return self.ledger.intend(MAIN, body.fields)

    def created(self, entry: Entry, contact_id: str) -> None:
        """Write down the id that the target gave."""
        self.ledger.created(entry, contact_id)
        self.made.append(contact_id)

    def refused(self, entry: Entry) -> None:
        """Write down that a create was refused."""
        self.ledger.settle(entry, "refused")

    def gone(self, contact_id: str) -> None:
        """Write down that a contact was deleted."""
        self.ledger.gone(contact_id)
        self.unmade.append(contact_id)

    def wants_schema(self) -> bool:
        """Whether this answer is one of those that the full schema is held against."""
        every = self.options.validate_every
        self._checked += 1
        return every > 0 and self._checked % every == 0

    # --- reporting -------------------------------------------------------------------------------

    def watch(self) -> None:
        """Sample how busy this process is, until the run closes."""
        process = psutil.Process()
        process.cpu_percent()
        while not self.closing:
            begun = clock()
            gevent.sleep(WATCH_S)
            self.lags.append(max(0.0, clock() - begun - WATCH_S))
            self.cpu.append(process.cpu_percent())

    def parcel(self, **extras: Any) -> dict[str, Any]:
        """Return what is new since the last parcel."""
        parcel = self.recorder.parcel() | extras
        for name in PARCELLED:
            parcel[name] = list(getattr(self, name))
            getattr(self, name).clear()
        parcel["prepared"], self.prepared_requests = self.prepared_requests, 0
        return parcel

    def give_up_flights(self) -> None:
        """Record what is still under way as failed: a target that hangs is not to look fast."""
        flights = list(self.flights.values())
        self.flights.clear()
        for operation, intended, sent in flights:
            self.recorder.record(operation, FAILED, intended, sent, clock())
            self.recorder.error(operation, "no answer before the run ended")

    def settle(self, within_s: float) -> None:
        """Wait until nothing is in flight any more, and a trial has deleted what it made."""
        gevent.sleep(0)
        until, tidy_until = clock() + within_s, clock() + within_s + self.options.clean_within
        while (self.flights and clock() < until) or (self.trying and clock() < tidy_until):
            gevent.sleep(IDLE_S)
