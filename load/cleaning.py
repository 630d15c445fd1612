"""Deleting what a run made: in parallel, within a time, and saying what is left."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import gevent
import orjson
from gevent.pool import Pool

from conformance.kit.ledger import Entry
from conformance.kit.limiter import RATE_LIMITED, whole
from load.node import MAIN, Node, clock
from load.renewal import REFUSED
from load.transport import NoAnswer, Transport

PARALLEL = 16
LOOKED_FOR_MOST = 50
TRIES = 3
SLICE_S = 0.1
RESOURCE = "/contacts"


class Cleaning:
    """One cleaning up of a node; `deleted` counts what it deleted."""

    def __init__(self, node: Node, within_s: float) -> None:
        """Prepare; `within_s` bounds the whole of it."""
        self.node = node
        self.deleted = 0
        self.until = clock() + within_s
        self._transport = Transport(node.base_url, node.connection, concurrency=PARALLEL)

    def take_over(self, ids: Iterable[str]) -> None:
        """Take the contacts of a node that is lost into the ledger of this one."""
        for contact_id in ids:
            self.node.ledger.found(MAIN, contact_id)

    def run(self) -> list[str]:
        """Delete everything, and return the ids (or names) of what may remain."""
        pool = Pool(PARALLEL)
        lost = self.node.ledger.lost(MAIN)
        pool.map(self._look_for, lost[:LOOKED_FOR_MOST])
        pool.map(self._remove, self.node.ledger.live(MAIN))
        self._transport.close()
        left = [str(entry.id) for entry in self.node.ledger.live(MAIN)]
        unsure = [" ".join(entry.words) for entry in self.node.ledger.lost(MAIN) if entry.words]
        return left + unsure

    def _over(self) -> bool:
        return self.node.abandoned or clock() >= self.until

    def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than the cleaning up may take."""
        until = clock() + seconds
        while clock() < until and not self._over():
            gevent.sleep(SLICE_S)

    def _remove(self, entry: Entry) -> None:
        status, _ = self._ask("DELETE", f"{RESOURCE}/{quote(str(entry.id), safe='')}")
        if status in (200, 204, 404):
            self.deleted += 1
            self.node.gone(str(entry.id))

    def _look_for(self, entry: Entry) -> None:
        """Find a contact whose create was never answered; without one, settle it as refused."""
        word = entry.words[1] if len(entry.words) > 1 else ""
        for archived in ("false", "true") if word else ():
            query = f"?search={quote(word, safe='')}&archived={archived}&limit=100"
            status, body = self._ask("GET", RESOURCE + query)
            if status != 200:
                return
            for contact_id in _ids_named(body, word):
                self.node.created(entry, contact_id)
                return
        self.node.ledger.settle(entry, "refused")

    def _ask(self, method: str, path: str) -> tuple[int | None, bytes]:
        for _ in range(TRIES):
            if self._over():
                return None, b""
            try:
                left_s = max(SLICE_S, self.until - clock())
                used = self.node.tokens.token
                answer = self._transport.send(
                    method, path, self.node.tokens.headers, within_s=left_s
                )
            except NoAnswer:
                self._sleep(2 * SLICE_S)
                continue
            if answer.status == REFUSED and self.node.renewal.after(used):
                continue
            if answer.status != RATE_LIMITED:
                return answer.status, answer.body
            wait = float(whole(answer.header("retry-after")) or 1)
            self._sleep(wait)
        return None, b""


def _ids_named(body: bytes, word: str) -> list[str]:
    try:
        records = orjson.loads(body)["data"]["contacts"]
        return [str(r["id"]) for r in records if str(r.get("last_name")).lower() == word.lower()]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return []
