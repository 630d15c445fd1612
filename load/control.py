"""The run as locust sees it: its events, its messages between nodes, its end.

One `Control` per locust process. Where there are no workers it both sends and collects; else the
master collects and deals out arrivals, and the workers send.
"""

from __future__ import annotations

import atexit
import logging
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.event import Event
from locust import runners
from locust.runners import MasterRunner, WorkerRunner

from load import checks, credentials, endings, limiter_trial, stock
from load.cleaning import Cleaning
from load.collection import Collection, View
from load.loopback import normal, refusal
from load.node import Node, clock
from load.objectives import Objective
from load.options import Options, add_to, from_namespace
from load.outlook import hopeless
from load.report import (
    Conclusion,
    Facts,
    conclude,
    hand_over,
    publishable,
    secrets_in_environment,
    write,
)
from load.schedule import Schedule
from load.shapes import SHAPES
from load.shaping import StagedShape
from load.workers import Workers

LOG = logging.getLogger("load")
PARCEL, BEGIN, DEAL, FINISH = (f"contacts_{n}" for n in ("parcel", "begin", "deal", "finish"))
KIT_FAILED, USAGE = 3, 4
SPOKEN_FOR = (KIT_FAILED, USAGE)
"""Statuses that say why there is nothing to conclude."""
PARCEL_S = 1.0
SETTLE_S = 12.0
_ATTRIBUTE = "contacts_control"


def install(events: Any) -> None:
    """Listen to locust; called once, by the locustfile."""
    events.init_command_line_parser.add_listener(add_to)
    events.init.add_listener(_on_init)


def _on_init(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
    endings.heed(environment)
    # Every node reports each second: a worker that is killed takes no more than that along.
    runners.WORKER_REPORT_INTERVAL = PARCEL_S
    control = Control(environment, runner)
    setattr(environment, _ATTRIBUTE, control)
    control.listen()
    if web_ui is not None:
        from load import webui  # noqa: PLC0415 - only where there is a page

        webui.extend(web_ui, control)


def control_of(environment: Any) -> Control:
    """Return the control of this process."""
    found: Control = getattr(environment, _ATTRIBUTE)
    return found


def node_of(environment: Any) -> Node:
    """Return the node that the users of this process share.

    Raises:
        RuntimeError: no run has begun.
    """
    node = control_of(environment).node
    if node is None:
        raise RuntimeError("no run has begun in this process")
    return node


def prefix_of(node: Node) -> str:
    """Return the path before `/contacts`."""
    return urlsplit(node.base_url).path.rstrip("/")


def run_trial(environment: Any) -> None:
    """Put the limiter on trial from this process; returns when it is over or the run closes.

    A run of nothing else is over with it.
    """
    node, alone = node_of(environment), len(environment.user_classes) == 1
    if not alone and not limiter_trial.has_server_of_its_own(node):
        LOG.warning("limiter: %s", limiter_trial.SHARED)
        return
    limiter_trial.run(node, environment.events.request.fire)
    if alone and environment.parsed_options.headless:
        control_of(environment).end_run()


class Control:
    """What one locust process does for a run."""

    def __init__(self, environment: Any, runner: Any) -> None:
        """Take the process's role from its runner."""
        self.environment, self.runner = environment, runner
        self.is_worker = isinstance(runner, WorkerRunner)
        self.is_master = isinstance(runner, MasterRunner)
        self.node: Node | None = None
        self.collection: Collection | None = None
        self.workers: Workers | None = None
        self.schedule: Schedule | None = None
        self.conclusion: Conclusion | None = None
        self.objectives: list[Objective] = []
        self.running = False
        self.interrupted = False
        self.stopped_because: str | None = None
        self.run_time = 0.0
        self._handed_over = False
        self._seed = secrets.randbelow(2**31 - 1) + 1
        self._finished = Event()
        self._finished.set()

    @property
    def options(self) -> Options:
        """The options as they are now: the web page may have changed some."""
        chosen = from_namespace(self.environment.parsed_options)
        return chosen if chosen.seed else replace(chosen, seed=self._seed)

    # --- wiring ----------------------------------------------------------------------------------

    def listen(self) -> None:
        """Register with locust's events and messages."""
        events = self.environment.events
        events.test_start.add_listener(self._on_start)
        events.spawning_complete.add_listener(self._on_spawned)
        events.test_stopping.add_listener(lambda **_: self.finish())
        events.quitting.add_listener(self._on_quitting)
        if self.is_worker:
            self.runner.register_message(BEGIN, self._on_begin)
            self.runner.register_message(DEAL, self._on_deal)
            self.runner.register_message(FINISH, self._on_finish, concurrent=True)
        elif self.is_master:
            self.runner.register_message(PARCEL, self._on_parcel)
        if not self.is_worker:
            self._take_over_time()
            # locust gives missing workers up without a word to its events.
            atexit.register(self._hand_over)

    def _take_over_time(self) -> None:
        """Let a shape end the run where one was asked for, and in an open model of a given time.

        locust's own time runs from the first user on; a schedule runs from its first arrival.
        """
        parsed, chosen = self.environment.parsed_options, self.options
        by_itself = parsed.headless or parsed.autostart
        if by_itself and chosen.arrival_rate and parsed.run_time:
            self.run_time, parsed.run_time = float(parsed.run_time), None
        if chosen.shape or self.run_time:
            self.environment.shape_class = StagedShape(self)
            self.environment.shape_class.runner = self.runner

    def _on_start(self, **_: Any) -> None:
        chosen = self.options
        self.interrupted, self.stopped_because, self.conclusion = False, None, None
        refused = refusal(self.environment.host or "", owned=chosen.i_own_this_target)
        if refused is not None:
            LOG.error(refused)
            self.environment.process_exit_code = USAGE
            gevent.spawn(self.runner.quit)
            raise RuntimeError(refused)
        self._finished.clear()
        self.running = True
        if not self.is_worker:
            self._start_collecting(chosen)
        if not self.is_master:
            self._start_node(chosen)

    def _start_collecting(self, chosen: Options) -> None:
        self.objectives = chosen.objectives()
        self.collection = Collection(clock())
        self.workers = Workers(self.runner, self.collection) if self.is_master else None
        self.schedule = None
        gevent.spawn(self._supervise)

    def _start_node(self, chosen: Options) -> None:
        checks.compile_all()
        name, seed = "local", chosen.seed
        if self.is_worker:
            # Nodes must not write the same names, nor draw the same chances.
            name, seed = str(self.runner.client_id), seed + max(0, self.runner.worker_index)
        tokens = credentials.from_environment()
        values = {**vars(chosen), "seed": seed}
        base_url = normal(self.environment.host or "")
        self.node = Node(Options(**values), tokens, base_url, name)
        self.node.open_model = chosen.arrival_rate > 0
        node = self.node
        gevent.spawn(node.renewal.keep, lambda: node.closing)
        if any(getattr(each, "needs_stock", False) for each in self.environment.user_classes):
            stock.prepare(self.node)
        gevent.spawn(self.node.watch)
        gevent.spawn(self._report_regularly, self.node)
        if self.collection is not None:
            self.collection.started = clock()

    def _report_regularly(self, node: Node) -> None:
        while not node.closing:
            gevent.sleep(PARCEL_S)
            if not node.closing:
                self._send(node.parcel())

    def _send(self, parcel: dict[str, Any]) -> None:
        if self.is_worker:
            self.runner.send_message(PARCEL, parcel)
        elif self.collection is not None:
            self.collection.add("local", parcel)

    def _on_parcel(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        if self.collection is not None:
            # The master's clock decides what is recent; clocks of other machines may differ.
            self.collection.add(msg.node_id, msg.data)
            self.collection.nodes[msg.node_id].last_at = clock()

    # --- the open model --------------------------------------------------------------------------

    def _on_spawned(self, **_: Any) -> None:
        if self.is_worker or not self.running or self.schedule is not None:
            return
        if self.options.arrival_rate > 0 and self.collection is not None:
            self.schedule = Schedule(self, self.collection)
            gevent.spawn(self.schedule.run)

    def shape_seconds(self) -> float:
        """Return how long the shape lasts."""
        chosen = self.options
        asked = chosen.shape_time or self.run_time or self.environment.parsed_options.run_time
        return float(asked or SHAPES[chosen.shape or "steady"].seconds)

    def receivers(self, now: float) -> list[str]:
        """Return the nodes that get arrivals now, in a fixed order."""
        return self.workers.receivers(now) if self.workers is not None else ["local"]

    def begin(self, node: str, since: float, now: float) -> None:
        """Tell a node when the schedule began; clocks of other machines may differ."""
        if self.is_master:
            self.runner.send_message(BEGIN, {"elapsed": now - since}, node)
        elif self.node is not None:
            self.node.begin(since)

    def deal(self, node: str, moments: list[float]) -> None:
        """Deal arrivals out to a node, as seconds since the schedule began."""
        if self.is_master:
            self.runner.send_message(DEAL, {"moments": moments}, node)
        elif self.node is not None:
            self.node.deal(moments)

    def _on_begin(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        if self.node is not None:
            self.node.begin(clock() - float(msg.data["elapsed"]))

    def _on_deal(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        if self.node is not None:
            self.node.deal(msg.data["moments"])

    # --- while it runs ---------------------------------------------------------------------------

    def _supervise(self) -> None:
        while self.running:
            gevent.sleep(PARCEL_S)
            if not self.running or self.collection is None:
                return
            if self.workers is not None:
                self.workers.look_for_lost()
            missed = hopeless(self) if self.options.fail_fast else None
            if missed is not None:
                self.stopped_because = f"--fail-fast: {missed} can no longer be met"
                LOG.warning("%s", self.stopped_because)
                gevent.spawn(self.end_run)
                return

    def awaits_workers(self) -> bool:
        """Whether a run without a page has not begun because workers are missing."""
        parsed = self.environment.parsed_options
        return bool(self.is_master and parsed.headless and self.collection is None)

    def interrupt(self) -> None:
        """Note that the run that goes on, or was to begin, is ended from outside."""
        self.interrupted = self.running or self.awaits_workers()

    def end_run(self) -> None:
        """End the run before its time; without a page there is nothing left to do then."""
        headless = self.environment.parsed_options.headless
        self.runner.quit() if headless else self.runner.stop()

    def view(self) -> View:
        """Return the sums of now, as objectives see them."""
        collection = self.collection or Collection(clock())
        now = clock()
        sent = collection.sent()
        scheduled = sent.sent + sent.dropped
        if self.schedule is not None:
            scheduled = self.schedule.scheduled(collection.ended or now)
        dropped = max(sent.dropped, scheduled - sent.sent) if collection.ended else sent.dropped
        return View(collection.operations, collection.duration(now), scheduled, dropped)

    def facts(self) -> Facts:
        """Return what the results of now are made of."""
        wanted = int(self.environment.parsed_options.expect_workers or 1) if self.is_master else 1
        return Facts(
            normal(self.environment.host or ""),
            tuple(cls.__name__ for cls in self.environment.user_classes),
            self.options,
            self.collection or Collection(clock()),
            self.view(),
            tuple(self.objectives),
            self.schedule.capacity if self.schedule else None,
            wanted,
            self.interrupted,
            self.stopped_because,
        )

    # --- the end ---------------------------------------------------------------------------------

    def finish(self) -> None:
        """End the run: no further request begins, what it made is deleted, the report is written.

        Whoever calls while another call is at it waits for that one.
        """
        if not self.running:
            self._finished.wait()
            return
        self.running = False
        if self.collection is not None:
            self.collection.ended = self._end_of_schedule(clock())
        try:
            if self.workers is not None:
                self._finish_workers(self.workers)
            elif self.node is not None:
                self._finish_node(self.node)
            if not self.is_worker:
                self._conclude()
        finally:
            self._finished.set()

    def _end_of_schedule(self, now: float) -> float:
        """Return when the run ended: a schedule that ran its course ended by itself before."""
        schedule, timed = self.schedule, self.run_time or self.options.shape
        if schedule is None or not timed or schedule.capacity is not None:
            return now
        return min(now, schedule.since + self.shape_seconds())

    def _finish_node(self, node: Node) -> None:
        node.close_gate()
        node.settle(min(node.options.request_timeout, SETTLE_S))
        node.give_up_flights()
        self._send(node.parcel())
        cleaning = Cleaning(node, node.options.clean_within)
        left = cleaning.run()
        node.ledger.close()
        self._send(node.parcel(done=True, left=left + node.trial_made, deleted=cleaning.deleted))

    def _on_finish(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        self.finish()

    def _finish_workers(self, workers: Workers) -> None:
        self.runner.send_message(FINISH, {})
        workers.wait(SETTLE_S + self.options.clean_within + 5)
        workers.clean_after_the_lost(self.options, normal(self.environment.host or ""))

    def known_secrets(self) -> list[str | None]:
        """Return every credential that may be echoed by a target."""
        renewed = self.node.tokens.used if self.node is not None else ()
        return [*secrets_in_environment(), *renewed]

    def _conclude(self) -> None:
        known = self.known_secrets()
        self.conclusion = publishable(conclude(self.facts()), known)
        try:
            write(self.conclusion, self.options.report_dir, known)
        except OSError as problem:
            LOG.error("--report-dir %s: %s", self.options.report_dir, problem.strerror)  # noqa: TRY400
            self.environment.process_exit_code = KIT_FAILED

    def _on_quitting(self, **_: Any) -> None:
        if self.running:
            # Nothing but a signal ends a run that has not been stopped first.
            self.interrupted = True
            self.finish()
        if not self.is_worker:
            self._hand_over()

    def _hand_over(self) -> None:
        """Say how it all ended; a run without a page has a report even where it never began."""
        if self._handed_over:
            return
        self._handed_over = True
        if self.conclusion is None and self.environment.parsed_options.headless:
            self._conclude()
        status, lines = self.environment.process_exit_code, []
        if self.conclusion is not None:
            status = status if status in SPOKEN_FOR else self.conclusion.exit_status
            report = f"report: {Path(self.options.report_dir, 'load.html')}"
            lines = [*self.conclusion.lines, report]
        self.environment.process_exit_code = status or 0
        if not hand_over(status or 0, lines):
            for line in lines:
                LOG.info("%s", line)
