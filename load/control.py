"""The run as locust sees it: its events, its messages between nodes, its end.

One `Control` per locust process. Where there are no workers it both sends and collects; else the
master collects and deals out arrivals, and the workers send.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.event import Event
from locust import runners
from locust.runners import MasterRunner, WorkerRunner

from load import checks, credentials, options, settings, stock
from load.arrivals import ArrivalClock, Dealer
from load.cleaning import Cleaning
from load.collection import Collection, View
from load.loopback import normal, refusal
from load.node import Node, clock
from load.objectives import Objective
from load.probing import Driver, Stopped, as_data, tokens_of
from load.report import Conclusion, conclude, hand_over, write
from load.shaping import StagedShape
from load.shapes import SHAPES, Capacity
from load.transport import NoAnswer
from load.trial import plan_for

LOG = logging.getLogger("load")
PARCEL, BEGIN, DEAL, FINISH = (f"contacts_{n}" for n in ("parcel", "begin", "deal", "finish"))
PARCEL_S = 1.0
DEALING_S = 0.1
SETTLE_S = 12.0
BEGIN_IN_S = 0.2
_ATTRIBUTE = "contacts_control"


def install(events: Any) -> None:
    """Listen to locust; called once, by the locustfile."""
    events.init_command_line_parser.add_listener(options.add_to)
    events.init.add_listener(_on_init)


def _on_init(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
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
    """Put the limiter on trial from this process; returns when it is over or the run closes."""
    control_of(environment).run_trial()


def _on_trial(node: Node) -> tuple[str, str, str | None]:
    """Return base URL, token and second token of the server whose limiter is tried.

    The embedded server that is loaded has no limit to speak of: a second one goes on trial.
    """
    if os.environ.get(settings.EMBEDDED_URL) == node.base_url:
        names = (settings.PROBE_URL, settings.PROBE_TOKEN, settings.PROBE_SECOND_TOKEN)
        url, first, second = (os.environ[name] for name in names)
        return url, first, second
    return node.base_url, node.tokens.token, os.environ.get(credentials.SECOND_TOKEN)


class Control:
    """What one locust process does for a run."""

    def __init__(self, environment: Any, runner: Any) -> None:
        """Take the process's role from its runner."""
        self.environment, self.runner = environment, runner
        self.is_worker = isinstance(runner, WorkerRunner)
        self.is_master = isinstance(runner, MasterRunner)
        self.node: Node | None = None
        self.collection: Collection | None = None
        self.dealer: Dealer | None = None
        self.capacity: Capacity | None = None
        self.conclusion: Conclusion | None = None
        self.objectives: list[Objective] = []
        self.running = False
        self.interrupted = False
        self.stopped_because: str | None = None
        self.dealing_since: float | None = None
        self.run_time = 0.0
        self._begun: set[str] = set()
        self._finished = Event()
        self._finished.set()

    @property
    def options(self) -> options.Options:
        """The options as they are now: the web page may have changed some."""
        return options.from_namespace(self.environment.parsed_options)

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
            self.environment.process_exit_code = 4
            gevent.spawn(self.runner.quit)
            raise RuntimeError(refused)
        self._finished.clear()
        self.running = True
        if not self.is_worker:
            self._start_collecting(chosen)
        if not self.is_master:
            self._start_node(chosen)

    def _start_collecting(self, chosen: options.Options) -> None:
        self.objectives = chosen.objectives()
        self.collection = Collection(clock())
        self.dealer, self.dealing_since, self.capacity = None, None, None
        self._begun.clear()
        if chosen.shape == "step":
            step_s = chosen.shape_time or SHAPES["step"].seconds
            self.capacity = Capacity(chosen.arrival_rate, step_s, self._missed_in_step)
        gevent.spawn(self._supervise)

    def _start_node(self, chosen: options.Options) -> None:
        checks.compile_all()
        name, seed = "local", chosen.seed
        if self.is_worker:
            # Nodes must not write the same names, nor draw the same chances.
            name, seed = str(self.runner.client_id), seed + max(0, self.runner.worker_index)
        tokens = credentials.from_environment()
        values = {**vars(chosen), "seed": seed}
        base_url = normal(self.environment.host or "")
        self.node = Node(options.Options(**values), tokens, base_url, name)
        self.node.open_model = chosen.arrival_rate > 0
        if any(getattr(each, "needs_stock", False) for each in self.environment.user_classes):
            stock.prepare(self.node)
        gevent.spawn(self.node.watch)
        gevent.spawn(self._report_regularly, self.node)
        gevent.spawn(self._renew_token, self.node)
        if self.collection is not None:
            self.collection.started = clock()

    def _report_regularly(self, node: Node) -> None:
        while not node.closing:
            gevent.sleep(PARCEL_S)
            if not node.closing:
                self._send(node.parcel())

    def _renew_token(self, node: Node) -> None:
        while not node.closing:
            wait = node.tokens.renew_in()
            if wait is None:
                return
            gevent.sleep(wait + 0.1)
            try:
                gevent.get_hub().threadpool.apply(node.tokens.renew)
            except credentials.NoToken as problem:
                LOG.warning("%s", problem)
                gevent.sleep(5)

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
        if self.is_worker or not self.running or self.dealer is not None:
            return
        chosen = self.options
        if chosen.arrival_rate > 0:
            arrivals = ArrivalClock(chosen.arrivals, chosen.seed)
            self.dealer = Dealer(arrivals, self.rate_at)
            self.dealing_since = clock() + BEGIN_IN_S
            if self.collection is not None:
                self.collection.started = self.dealing_since
            gevent.spawn(self._deal)

    def rate_at(self, at: float) -> float:
        """Return the arrivals per second that are wanted at a moment of the schedule."""
        chosen = self.options
        if self.capacity is not None:
            return self.capacity.rate
        if chosen.shape is None and not self.run_time:
            return chosen.arrival_rate
        level = SHAPES[chosen.shape or "steady"].level(at, self.shape_seconds())
        return chosen.arrival_rate * (level or 0.0)

    def shape_seconds(self) -> float:
        """Return how long the shape lasts."""
        chosen = self.options
        asked = chosen.shape_time or self.run_time or self.environment.parsed_options.run_time
        return float(asked or SHAPES[chosen.shape or "steady"].seconds)

    def _deal(self) -> None:
        dealer, since = self.dealer, self.dealing_since
        while self.running and dealer is not None and since is not None:
            now = clock()
            for node, moments in dealer.tick(now - since, self._receivers(now)).items():
                self._deal_to(node, moments, now - since)
            if self.capacity is not None and self.collection is not None:
                self._step(now - since)
            gevent.sleep(DEALING_S)

    def _receivers(self, now: float) -> list[str]:
        if not self.is_master or self.collection is None:
            return ["local"]
        alive = {client.id for client in self.runner.clients.running}
        alive |= {client.id for client in self.runner.clients.spawning}
        sendable = [node for node in self.collection.sendable(now) if node in alive]
        # Before the first parcels came, everybody who runs is as good as any.
        return sendable or (sorted(alive) if not self.collection.nodes else [])

    def _deal_to(self, node: str, moments: list[float], now: float) -> None:
        if not self.is_master:
            if self.node is not None:
                self.node.started = self.dealing_since or clock()
                self.node.deal(moments)
                if node not in self._begun:
                    gevent.spawn(self.node.keep_time)
        else:
            if node not in self._begun:
                self.runner.send_message(BEGIN, {"elapsed": now}, node)
            self.runner.send_message(DEAL, {"moments": moments}, node)
        self._begun.add(node)

    def _on_begin(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        if self.node is not None:
            self.node.started = clock() - float(msg.data["elapsed"])
            gevent.spawn(self.node.keep_time)

    def _on_deal(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        if self.node is not None:
            self.node.deal(msg.data["moments"])

    def _step(self, now: float) -> None:
        capacity, collection = self.capacity, self.collection
        if capacity is None or collection is None:
            return
        if not capacity.settled(now):
            collection.step.clear()
        elif capacity.advance(now):
            LOG.info("%.1f/s held; now %.1f/s", capacity.held, capacity.rate)
            collection.step.clear()

    def _missed_in_step(self) -> str | None:
        if self.collection is None or self.capacity is None:
            return None
        view = View(self.collection.step, self.capacity.step_s)
        for objective in self.objectives:
            # A rate is what the search varies; it is no threshold of a single step.
            if objective.what != "rate" and objective.verdict(objective.actual(view)) == "missed":
                return objective.expression
        return None

    # --- while it runs ---------------------------------------------------------------------------

    def _supervise(self) -> None:
        while self.running:
            gevent.sleep(PARCEL_S)
            if not self.running or self.collection is None:
                return
            self._look_for_lost_workers(self.collection)
            hopeless = self._hopeless() if self.options.fail_fast else None
            if hopeless is not None:
                self.stopped_because = f"--fail-fast: {hopeless} can no longer be met"
                LOG.warning("%s", self.stopped_because)
                gevent.spawn(self._stop_run)
                return

    def _look_for_lost_workers(self, collection: Collection) -> None:
        if not self.is_master:
            return
        known = self.runner.clients
        for node, report in collection.nodes.items():
            gone = node not in known or known[node].state == runners.STATE_MISSING
            if gone and not report.done and report.lost is None:
                at = collection.duration(clock())
                LOG.warning("worker %s was lost after %.1f s", node, at)
                collection.lose(node, f"lost after {at:.1f} s")

    def _stop_run(self) -> None:
        headless = self.environment.parsed_options.headless
        self.runner.quit() if headless else self.runner.stop()

    def _hopeless(self) -> str | None:
        if self.capacity is not None or self.collection is None:
            return None
        left = self._seconds_left()
        view, to_come = self.view(), self._most_to_come(left)
        for objective in self.objectives:
            if objective.hopeless(view, to_come, left):
                return objective.expression
        return None

    def _seconds_left(self) -> float:
        asked = self.environment.parsed_options.run_time
        by_shape = self.options.shape or self.run_time
        total = self.shape_seconds() if by_shape else float(asked or 0.0)
        if not total or self.collection is None:
            return float("inf")
        return max(0.0, total - self.collection.duration(clock()))

    def _most_to_come(self, seconds: float) -> float:
        if self.collection is None:
            return float("inf")
        if self.options.arrival_rate:
            return self.options.arrival_rate * seconds * 2
        best = self.collection.best_second or self.collection.total().requests
        return best * 2 * seconds

    def view(self) -> View:
        """Return the sums of now, as objectives see them."""
        collection = self.collection or Collection(clock())
        now = clock()
        sent = collection.sent()
        scheduled = sent.sent + sent.dropped
        if self.dealer is not None and self.dealing_since is not None:
            until = collection.ended or now
            scheduled = self.dealer.scheduled(until - self.dealing_since)
        dropped = max(sent.dropped, scheduled - sent.sent) if collection.ended else sent.dropped
        return View(collection.operations, collection.duration(now), scheduled, dropped)

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
            if self.is_master:
                self._finish_workers()
            elif self.node is not None:
                self._finish_node(self.node)
            if not self.is_worker:
                self._conclude()
        finally:
            self._finished.set()

    def _end_of_schedule(self, now: float) -> float:
        """Return when the run ended: a schedule that ran its course ended by itself before."""
        timed = self.run_time or self.options.shape
        if self.dealing_since is None or not timed or self.capacity is not None:
            return now
        return min(now, self.dealing_since + self.shape_seconds())

    def _finish_node(self, node: Node) -> None:
        node.close_gate()
        node.settle(min(node.options.request_timeout, SETTLE_S))
        self._send(node.parcel())
        cleaning = Cleaning(node, node.options.clean_within)
        left = cleaning.run()
        node.ledger.close()
        self._send(node.parcel(done=True, left=left + node.trial_made, deleted=cleaning.deleted))

    def _on_finish(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 - locust's
        self.finish()

    def _finish_workers(self) -> None:
        collection = self.collection
        if collection is None:
            return
        self.runner.send_message(FINISH, {})
        until = clock() + SETTLE_S + self.options.clean_within + 5
        while clock() < until:
            self._look_for_lost_workers(collection)
            if all(report.done or report.lost for report in collection.nodes.values()):
                break
            gevent.sleep(0.05)
        for node, report in collection.nodes.items():
            if not report.done:
                collection.lose(node, "did not finish in time")
        self._clean_after_the_lost(collection)

    def _clean_after_the_lost(self, collection: Collection) -> None:
        """Delete what lost workers had reported as made; only this node knows of it now."""
        lost = [report for report in collection.nodes.values() if report.lost and report.live]
        if not lost:
            return
        base_url = normal(self.environment.host or "")
        node = Node(self.options, credentials.from_environment(), base_url, "master")
        cleaning = Cleaning(node, self.options.clean_within)
        for report in lost:
            cleaning.take_over(report.live)
        lost[0].left += cleaning.run()
        lost[0].deleted += cleaning.deleted
        node.ledger.close()

    def _conclude(self) -> None:
        self.conclusion = conclude(self)
        write(self.conclusion, self.options.report_dir)
        for line in self.conclusion.lines:
            LOG.info("%s", line)

    def _on_quitting(self, **_: Any) -> None:
        if self.running:
            # Nothing but a signal ends a run that has not been stopped first.
            self.interrupted = True
            self.finish()
        if self.is_worker:
            return
        status = self.environment.process_exit_code
        if self.conclusion is not None:
            status = self.conclusion.exit_status
        elif status is None:
            status = 6 if self.environment.parsed_options.headless else 0
        self.environment.process_exit_code = status
        hand_over(status)

    # --- the limiter on trial --------------------------------------------------------------------

    def run_trial(self) -> None:
        """Carry out a trial from this node."""
        node = self.node
        if node is None:
            return
        url, first, second = _on_trial(node)
        trial = plan_for(url, seed=node.options.seed, second_token=second is not None)
        driver = Driver(
            url,
            node.connection,
            tokens_of(first, second),
            observe=lambda shot, answer: self._observe(node, shot, answer),
            say=lambda line: LOG.info("limiter: %s", line),
            stopped=lambda: node.closing,
            extra=node.tokens.extra,
        )
        node.in_flight += 1
        try:
            with contextlib.suppress(Stopped):
                driver.run(trial)
        except NoAnswer as problem:
            LOG.error("limiter: %s", problem)
        finally:
            node.trial_final[:] = [as_data(answer) for answer in trial.answers]
            node.trial_made[:] = driver.clean(trial, node.options.clean_within)
            driver.close()
            node.in_flight -= 1

    def _observe(self, node: Node, shot: Any, answer: Any) -> None:
        node.trial.append(as_data(answer))
        self.environment.events.request.fire(
            request_type="PROBE" if answer.status != 429 else "429",
            name=f"probe {shot.operation}",
            response_time=(answer.answered - answer.sent) * 1000,
            response_length=0,
            exception=None,
            context={},
        )
