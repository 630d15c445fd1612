"""A faulty network: a proxy on loopback that breaks answers on their way, as a rule tells it.

A rule is asked about each request and names the fault that its answer meets, or none. Requests are
bounded in number, and a fault that would last ends with the connection or with the proxy.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

REQUESTS_MOST = 20_000
LASTS_S = 60.0
"""The longest that any fault lasts."""
LATE_S = 0.05
MEGABYTE = b" " * 2**20
HUGE_MB = 100
BOMB_MB = 2_048
LAYERS = 3
"""Encodings around the nested bomb: each is a hundred times smaller than what it holds, or more."""
REQUEST_MOST = 2**22
CLOSING = (b"connection:", b"keep-alive:")


@dataclass
class Turn:
    """One request on its way to the server, and the connection that waits for the answer."""

    number: int
    head: bytes
    body: bytes
    upstream: tuple[str, int]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        """The path and query of the request."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    async def forward(self) -> tuple[bytes, bytes]:
        """Let the server have the request; return the head of its answer, and the body."""
        reader, writer = await asyncio.open_connection(*self.upstream)
        try:
            lines = [x for x in self.head.split(b"\r\n") if not x.lower().startswith(CLOSING)]
            writer.write(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]) + self.body)
            answer = await reader.read(-1)
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        kept = [x for x in head.split(b"\r\n") if not x.lower().startswith(CLOSING)]
        return b"\r\n".join(kept), body

    async def send(self, head: bytes, body: bytes = b"", *headers: bytes) -> None:
        """Send an answer; `headers` replace those of the same name."""
        replaced = tuple(h.partition(b":")[0].lower() + b":" for h in headers)
        lines = [x for x in head.split(b"\r\n") if not x.lower().startswith(replaced or (b"\0",))]
        self.writer.write(b"\r\n".join([*lines, *headers]) + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def page(self, status: bytes, *headers: bytes) -> None:
        """Send a page as gateways make them."""
        body = b"<html><head><title>%s</title></head><body>nginx</body></html>" % status
        kind = (b"Content-Type: text/html", b"Content-Length: %d" % len(body))
        await self.send(b"HTTP/1.1 " + status, body, *kind, *headers)

    async def hung_up(self) -> None:
        """Wait until the client gives up."""
        await self.reader.read(1)

    def reset(self) -> None:
        """End the connection with an RST instead of a FIN."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Fault = Callable[[Turn], Awaitable[bool]]
"""Answers a request wrongly; returns whether the connection may carry another."""
Rule = Callable[[Turn], Fault | None]
OK = b"HTTP/1.1 200 OK"
JSON = b"Content-Type: application/json"


async def reset_before(turn: Turn) -> bool:
    """The connection breaks before the server has seen the request."""
    turn.reset()
    return False


async def reset_after(turn: Turn) -> bool:
    """The server has done its work, and nobody learns of it."""
    await turn.forward()
    turn.reset()
    return False


async def reset_midway(turn: Turn) -> bool:
    """The connection breaks in the middle of the body."""
    head, body = await turn.forward()
    await turn.send(head, body[: len(body) // 2])
    turn.reset()
    return False


async def late(turn: Turn) -> bool:
    """The answer is right, and comes late."""
    answer = await turn.forward()
    await asyncio.sleep(LATE_S)
    await turn.send(*answer)
    return True


async def bad_gateway(turn: Turn) -> bool:
    """The gateway finds no server."""
    await turn.page(b"502 Bad Gateway")
    return True


async def unavailable(turn: Turn) -> bool:
    """The gateway is out of servers for the moment."""
    await turn.page(b"503 Service Unavailable", b"Retry-After: 0")
    return True


async def gateway_timeout(turn: Turn) -> bool:
    """The server takes longer than the gateway waits, and does its work all the same."""
    await turn.forward()
    await turn.page(b"504 Gateway Timeout")
    return True


async def too_short(turn: Turn) -> bool:
    """The body is shorter than the answer says."""
    head, body = await turn.forward()
    await turn.send(head, body, b"Content-Length: %d" % (len(body) + 100))
    return False


async def too_long(turn: Turn) -> bool:
    """The body goes on after its end; what is left over lies in the way of the next answer."""
    head, body = await turn.forward()
    await turn.send(head, body, b"Content-Length: %d" % (len(body) // 2))
    return True


async def duplicated(turn: Turn) -> bool:
    """Each chunk of the body arrives twice."""
    head, body = await turn.forward()
    pieces = [body[i : i + 50] for i in range(0, len(body), 50)]
    lines = [x for x in head.split(b"\r\n") if not x.lower().startswith(b"content-length")]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(p), p) * 2 for p in pieces)
    await turn.send(b"\r\n".join(lines), chunks + b"0\r\n\r\n", b"Transfer-Encoding: chunked")
    return True


async def dripping(turn: Turn) -> bool:
    """One byte of the body a second."""
    head, body = await turn.forward()
    await turn.send(head)
    for byte in body:
        await asyncio.sleep(1)
        turn.writer.write(bytes([byte]))
    return True


async def silent(turn: Turn) -> bool:
    """No answer ever comes."""
    await turn.hung_up()
    return False


async def huge(turn: Turn) -> bool:
    """A hundred megabytes of JSON."""
    length = b"Content-Length: %d" % (HUGE_MB * len(MEGABYTE) + 2)
    await turn.send(OK, b"[", JSON, length)
    for _ in range(HUGE_MB):
        turn.writer.write(MEGABYTE)
        await turn.writer.drain()
    turn.writer.write(b"]")
    return True


async def bomb(turn: Turn) -> bool:
    """Two gigabytes, packed into two megabytes."""
    return await _packed(turn, gzipped(1), b"gzip")


async def nested_bomb(turn: Turn) -> bool:
    """Two gigabytes, packed over and over into a few kilobytes."""
    return await _packed(turn, gzipped(LAYERS), b", ".join([b"gzip"] * LAYERS))


async def _packed(turn: Turn, body: bytes, coding: bytes) -> bool:
    length = b"Content-Length: %d" % len(body)
    await turn.send(OK, body, JSON, length, b"Content-Encoding: " + coding)
    return True


@cache
def gzipped(layers: int) -> bytes:
    """Return a bomb of that many layers."""
    # Members of gzip may follow each other, so one megabyte is packed once.
    packed = gzip.compress(MEGABYTE, 9) * BOMB_MB
    for _ in range(layers - 1):
        packed = gzip.compress(packed, 9)
    return packed


async def invalid_text(turn: Turn) -> bool:
    """Bytes that are no UTF-8 stand inside the strings of the body."""
    head, body = await turn.forward()
    await turn.send(head, body.replace(b"a", b"\xff"))
    return True


async def unpacked(turn: Turn) -> bool:
    """The answer says gzip, and is none."""
    head, body = await turn.forward()
    await turn.send(head, body, b"Content-Encoding: gzip")
    return True


async def redirect(turn: Turn) -> bool:
    """A redirect to the same place, for ever."""
    await turn.page(b"302 Found", b"Location: " + turn.path.encode("latin-1"))
    return True


async def hanging_up(turn: Turn) -> bool:
    """The answer is right, and the connection ends after it without a word."""
    await turn.send(*await turn.forward())
    return False


async def no_http(turn: Turn) -> bool:
    """Something else listens here."""
    turn.writer.write(b"220 mail.example ESMTP ready\r\n")
    await turn.writer.drain()
    return False


async def endless_head(turn: Turn) -> bool:
    """Header after header, and never a body."""
    turn.writer.write(OK)
    number = 0
    while not turn.writer.is_closing():
        number += 1
        turn.writer.write(b"\r\nX-Number-%d: " % number + b"9" * 1000)
        await turn.writer.drain()
    return False


async def interim(turn: Turn) -> bool:
    """One interim answer after the other, and never a final one."""
    while not turn.writer.is_closing():
        turn.writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 20)
        await turn.writer.drain()
        await asyncio.sleep(0.01)
    return False


LASTING: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        *(reset_before, reset_after, reset_midway, bad_gateway, unavailable, gateway_timeout),
        *(too_short, too_long, duplicated, dripping, silent, huge, bomb, nested_bomb),
        *(invalid_text, unpacked, redirect, no_http, endless_head, interim),
    )
}
"""The faults after which no answer is right."""


class Weather:
    """Faults by chance: of a hundred answers one is lost in a reset, and one is a 503."""

    def __init__(self, seed: int, share: float = 0.01) -> None:
        self.faults: list[str] = []
        self._rng = random.Random(seed)  # noqa: S311 - test data
        self._share = share

    def __call__(self, _turn: Turn) -> Fault | None:
        drawn = self._rng.random() / self._share
        if drawn >= 2:
            return None
        broken = (reset_before, reset_after)[int(drawn * 2) % 2]
        fault = broken if drawn < 1 else unavailable
        self.faults.append(fault.__name__)
        return fault


@dataclass
class Proxy:
    """Stands between the gate and a server; `rule` chooses the fault of each answer."""

    upstream: tuple[str, int]
    rule: Rule
    url: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request that came."""

    async def serve(self, ready: Callable[[asyncio.Event], None]) -> None:
        """Serve until the event is set that `ready` is given."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=REQUEST_MOST)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        ended = asyncio.Event()
        ready(ended)
        await ended.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._turn(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, TimeoutError):
            pass
        finally:
            with suppress(RuntimeError):  # The loop may have ended before.
                writer.close()

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [x[15:] for x in head.lower().split(b"\r\n") if x[:15] == b"content-length:"]
        body = await reader.readexactly(int(lengths[0]) if lengths else 0)
        turn = Turn(len(self.lines) + 1, head, body, self.upstream, reader, writer)
        self.lines.append((turn.method, turn.path))
        if turn.number > REQUESTS_MOST:
            return False
        fault = self.rule(turn)
        async with asyncio.timeout(LASTS_S):
            if fault is not None:
                return await fault(turn)
            await turn.send(*await turn.forward())
        return True


@contextmanager
def faulty(base_url: str, rule: Rule) -> Iterator[Proxy]:
    """Put a proxy in front of the server at a URL, on an event loop in a thread of its own."""
    address = urlsplit(base_url)
    proxy = Proxy((address.hostname or "", address.port or 80), rule)
    started = threading.Event()
    ends: list[Callable[[], None]] = []

    def ready(ended: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(ended.set))
        started.set()

    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(ready)))
    thread.start()
    started.wait(10)
    try:
        yield proxy
    finally:
        ends[0]()
        thread.join()
