"""A reference server behind TLS that speaks HTTP/2 and HTTP/1.1, as the client chooses."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config
from kit.gate_runs import Served
from starlette.types import Message, Receive, Scope, Send


class Secured:
    """Serves the application of a reference server, and counts what its clients do.

    `versions` counts requests by the version of HTTP, `peers` by the connection.
    """

    def __init__(self, served: Served, directory: Path, offers: tuple[str, ...]) -> None:
        self.served = served
        self.versions: Counter[str] = Counter()
        self.peers: Counter[Any] = Counter()
        authority, self.ca_bundle = trustme.CA(), directory / "authority.pem"
        certificate, key = directory / "certificate.pem", directory / "key.pem"
        issued = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(self.ca_bundle)
        issued.private_key_pem.write_to_path(key)
        issued.cert_chain_pems[0].write_to_path(certificate)
        self.config = Config()
        self.config.certfile, self.config.keyfile = str(certificate), str(key)
        self.config.alpn_protocols = list(offers)
        self.config.bind = [f"fd://{served.listener.detach()}"]
        self.config.errorlog = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.versions[scope["http_version"]] += 1
        self.peers[scope["client"]] += 1
        # hypercorn loses the connection where an answer comes before the body has arrived.
        arrived = [await receive()]
        while arrived[-1].get("more_body"):
            arrived.append(await receive())
        rest = iter(arrived)

        async def replayed() -> Message:
            return next(rest, None) or await receive()

        await self.served.app(scope, replayed, send)

    def options(self) -> dict[str, str]:
        """The environment variables with which the gate finds its way here."""
        given = self.served.options()
        url = given["CONTACTS_BASE_URL"].replace("http:", "https:")
        return {**given, "CONTACTS_BASE_URL": url, "CONTACTS_CA_BUNDLE": str(self.ca_bundle)}


@contextmanager
def secured(directory: Path, *offers: str) -> Iterator[Secured]:
    """Serve on an event loop in a thread of its own; `offers` are names of RFC 7301."""
    server = Secured(Served(), directory, offers)
    ends: list[Any] = []
    started = threading.Event()

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(ended.set))
        started.set()
        await serve(server, server.config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    started.wait(10)
    try:
        yield server
    finally:
        ends[0]()
        thread.join()
        server.served.app.state.application.close()
