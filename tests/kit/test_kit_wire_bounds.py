"""The wire bounds what a target can do to a run: time, size, redirects, dead connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from kit_doubles import AN_ID, TOKEN, Recorder, client_on, run, success, wire_to

from conformance.kit.body import BODY_LIMIT
from conformance.kit.budget import Budget
from conformance.kit.exchange import Exchange
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.settings import Settings
from conformance.kit.wire import FAULT_TRIES, Wire

MakeSettings = Callable[..., Settings]
CHUNK = 1024 * 1024


async def forever() -> AsyncIterator[bytes]:
    yield b'{"success":'
    while True:
        await asyncio.sleep(0.005)
        yield b" "


async def megabytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * CHUNK


class Loopback:
    """A target on a socket that answers 200 and counts connections and requests."""

    def __init__(self, *, closes: bool = False, head: bytes = b"") -> None:
        self.connections = 0
        self.lines: list[bytes] = []
        self.url = ""
        self._closes = closes
        self._head = head

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.lines.append(head.partition(b"\r\n")[0])
                length = [
                    h[15:] for h in head.lower().split(b"\r\n") if h[:15] == b"content-length:"
                ]
                await reader.readexactly(int(length[0]) if length else 0)
                body = json.dumps({"success": True, "data": {"id": AN_ID}}).encode()
                start = self._head or b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                writer.write(start + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
                if self._closes:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(target: Loopback) -> AsyncIterator[Loopback]:
    server = await asyncio.start_server(target, "127.0.0.1", 0)
    async with server:
        target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield target


def over_sockets(settings: Settings, url: str) -> Wire:
    return Wire(settings, url, Budget(None, 10, lambda: 0))


def test_a_body_that_drips_forever_ends_with_the_request_timeout(
    settings_with: MakeSettings,
) -> None:
    async def target(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=forever())

    async def act() -> None:
        async with wire_to(target, settings_with(request_timeout=0.05)) as wire:
            await client_on(wire).archive(AN_ID)

    with pytest.raises(TargetUnavailable, match="no complete answer within --request-timeout"):
        run(act(), limit_s=3)


def test_a_silent_target_ends_with_the_request_timeout(settings_with: MakeSettings) -> None:
    asked = 0

    async def target(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async def act() -> None:
        async with wire_to(target, settings_with(request_timeout=0.02)) as wire:
            await client_on(wire).get(AN_ID)

    with pytest.raises(TargetUnavailable, match="--request-timeout"):
        run(act(), limit_s=3)
    assert asked == FAULT_TRIES


def test_a_body_beyond_the_size_limit_is_not_read_to_its_end(settings: Settings) -> None:
    async def target(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=megabytes(10_000))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire).archive(AN_ID)

    with pytest.raises(TargetUnavailable, match=f"beyond {BODY_LIMIT} bytes"):
        run(act())


def test_a_body_at_the_size_limit_is_read(settings: Settings) -> None:
    async def target(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=megabytes(BODY_LIMIT // CHUNK))

    async def act() -> int:
        async with wire_to(target, settings) as wire:
            return len((await client_on(wire).archive(AN_ID)).response.body)

    assert run(act()) == BODY_LIMIT


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(settings: Settings, status: int) -> None:
    target = Recorder(httpx.Response(status, headers={"location": "http://elsewhere.example/"}))

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            return await client_on(wire).list()

    assert run(act()).status == status
    assert [r.url.host for r in target.requests] == ["target.example"]


def test_cookies_of_the_target_are_not_sent_back(settings: Settings) -> None:
    target = Recorder(httpx.Response(200, headers={"set-cookie": "session=1"}, json={}))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire).list()
            await client_on(wire).list()

    run(act())

    assert "cookie" not in target.requests[1].headers


def test_headers_of_the_user_go_out_with_every_request(settings_with: MakeSettings) -> None:
    target = Recorder()
    settings = settings_with(header=(("X-Gateway", "open"), ("X-Preview", "pr-7")))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire).list()
            await client_on(wire).create({})

    run(act())

    assert [r.headers["x-gateway"] for r in target.requests] == ["open", "open"]
    assert {r.headers["authorization"] for r in target.requests} == {f"Bearer {TOKEN}"}


def test_one_connection_carries_requests_in_a_row(settings: Settings) -> None:
    async def act() -> Loopback:
        async with listening(Loopback()) as target, over_sockets(settings, target.url) as wire:
            for _ in range(5):
                await client_on(wire).list()
        return target

    target = run(act())

    assert (target.connections, len(target.lines)) == (1, 5)


def test_connections_never_pass_the_bound(settings_with: MakeSettings) -> None:
    settings = settings_with(concurrency=2)

    async def act() -> Loopback:
        async with listening(Loopback()) as target, over_sockets(settings, target.url) as wire:
            await asyncio.gather(*(client_on(wire).list() for _ in range(10)))
        return target

    target = run(act())

    assert target.connections <= 2
    assert len(target.lines) == 10


def test_a_create_after_the_target_hung_up_is_sent_once(settings: Settings) -> None:
    async def act() -> Loopback:
        async with (
            listening(Loopback(closes=True)) as target,
            over_sockets(settings, target.url) as wire,
        ):
            api = client_on(wire)
            assert (await api.list()).ok
            assert (await api.create({"first_name": "Jordan"})).ok
        return target

    target = run(act())

    assert target.lines == [b"GET /v1/contacts HTTP/1.1", b"POST /v1/contacts HTTP/1.1"]


def test_a_proxy_of_the_environment_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def act() -> bool:
        async with listening(Loopback()) as target, over_sockets(settings, target.url) as wire:
            return (await client_on(wire).list()).ok

    assert run(act())


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nbroken header\r\n",
    ],
)
def test_an_answer_that_is_no_http_is_unavailability(settings: Settings, head: bytes) -> None:
    async def act() -> None:
        async with (
            listening(Loopback(head=head)) as target,
            over_sockets(settings, target.url) as wire,
        ):
            await client_on(wire).archive(AN_ID)

    with pytest.raises(TargetUnavailable):
        run(act())


def test_observers_see_every_exchange_in_order(settings: Settings) -> None:
    seen: list[Exchange] = []

    async def act() -> None:
        async with wire_to(Recorder(success([])), settings) as wire:
            wire.observers.append(seen.append)
            for _ in range(3):
                await client_on(wire).list()

    run(act())

    assert [x.number for x in seen] == [1, 2, 3]
