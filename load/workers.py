"""The workers of a run as its master sees them: who gets arrivals, who was lost, who has finished."""

from __future__ import annotations

import logging
from typing import Any

import gevent
from locust import runners

from load import credentials
from load.cleaning import Cleaning
from load.collection import Collection
from load.node import Node, clock
from load.options import Options

LOG = logging.getLogger("load")


class Workers:
    """The workers of one run: `runner` knows who is connected, `collection` what they reported."""

    def __init__(self, runner: Any, collection: Collection) -> None:
        """Bind to the master's runner and to the collection of one run."""
        self._runner, self._collection = runner, collection

    def receivers(self, now: float) -> list[str]:
        """Return the workers that get arrivals now, in a fixed order."""
        alive = {client.id for client in self._runner.clients.running}
        alive |= {client.id for client in self._runner.clients.spawning}
        sendable = [node for node in self._collection.sendable(now) if node in alive]
        # Before the first parcels came, everybody who runs is as good as any.
        return sendable or (sorted(alive) if not self._collection.nodes else [])

    def look_for_lost(self) -> None:
        """Count as lost whoever is gone without having finished."""
        known = self._runner.clients
        for node, report in self._collection.nodes.items():
            gone = node not in known or known[node].state == runners.STATE_MISSING
            if gone and not report.done and report.lost is None:
                at = self._collection.duration(clock())
                LOG.warning("worker %s was lost after %.1f s", node, at)
                self._collection.lose(node, f"lost after {at:.1f} s")

    def wait(self, within_s: float) -> None:
        """Wait until all have finished or were lost; who has not by then counts as lost."""
        collection = self._collection
        until = clock() + within_s
        while clock() < until:
            self.look_for_lost()
            known = {client.id for client in self._runner.clients.all}
            ended = all(report.done or report.lost for report in collection.nodes.values())
            if ended and known <= collection.nodes.keys():
                break
            gevent.sleep(0.05)
        for node, report in collection.nodes.items():
            if not report.done:
                collection.lose(node, "did not finish in time")

    def clean_after_the_lost(self, options: Options, base_url: str) -> None:
        """Delete what lost workers had reported as made; only this node knows of it now."""
        reports = self._collection.nodes.values()
        lost = [report for report in reports if report.lost and report.live]
        if not lost:
            return
        node = Node(options, credentials.from_environment(), base_url, "master")
        cleaning = Cleaning(node, options.clean_within)
        for report in lost:
            cleaning.take_over(report.live)
        lost[0].left += cleaning.run()
        lost[0].deleted += cleaning.deleted
        node.ledger.close()
