"""The stock: contacts made before the run, for scenarios that read."""

from __future__ import annotations

from gevent.pool import Pool

from load.node import Node, clock
from load.session import Session
from load.transport import Transport

PARALLEL = 8
WITHIN_S = 15.0


def prepare(node: Node) -> None:
    """Make the stock; a target that refuses or fails leaves it short, which the run shows."""
    transport = Transport(node.base_url, node.connection, concurrency=PARALLEL)
    session = Session(node, transport.client, transport.prefix, _unreported)
    until = clock() + WITHIN_S

    def make(_: int) -> None:
        if clock() > until:
            return
        reply, contact = session.create(node.bodies.next())
        node.prepared_requests += 1
        if contact is not None and reply.ok:
            node.stock.append(contact)

    Pool(PARALLEL).map(make, range(node.options.stock))
    transport.close()
    # What was sent beforehand is no part of what is measured.
    node.recorder.parcel()
    node.samples.clear()


def _unreported(**_: object) -> None:
    """Tell locust nothing."""
