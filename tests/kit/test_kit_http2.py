"""HTTP/2 where it is asked for and offered: one connection for a whole run, and its own faults."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived
from h2.exceptions import ProtocolError
from kit.gate_runs import Gate
from kit.secure import Secured, secured
from kit_doubles import AN_ID, NOW, TOKEN, client_on, run

from conformance.kit.budget import Budget
from conformance.kit.exchange import Exchange
from conformance.kit.ledger import Ledger
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.settings import Settings, UsageProblem, resolve
from conformance.kit.wire import Wire

H2, H1 = "h2", "http/1.1"
FEW = ("--clause", "CREATE-01", "--clause", "LIST-0[1-4]", "--clause", "DELETE-01")
BODY = json.dumps({"success": True, "data": {"id": AN_ID}}).encode()
Make = Callable[..., Secured]


@pytest.fixture
def offering(tmp_path: Path) -> Iterator[Make]:
    """Makes servers behind TLS that offer what they are told to."""
    with ExitStack() as stack:
        yield lambda *offers: stack.enter_context(secured(tmp_path, *offers))


def test_a_whole_run_passes_over_one_connection_of_http_2(gate: Gate, offering: Make) -> None:
    server = offering(H2, H1)

    ended = gate.run("--http2", **server.options())

    assert ended.status == 0, ended.screen
    assert set(server.versions) == {"2"}
    assert ended.document["requests"]["http_versions"] == {"HTTP/2": server.versions["2"]}
    # A connection that idles for long is left, so a slow machine may see a second one.
    assert len(server.peers) <= 3
    assert server.peers.most_common(1)[0][1] > server.versions.total() / 2


def test_a_few_clauses_take_one_connection_of_http_2(gate: Gate, offering: Make) -> None:
    server = offering(H2, H1)

    ended = gate.run(*FEW, CONTACTS_HTTP2="1", **server.options())

    assert ended.status == 0, ended.screen
    assert set(server.versions) == {"2"}
    assert len(server.peers) == 1


@pytest.mark.parametrize(("offers", "options"), [((H2, H1), ()), ((H1,), ("--http2",))])
def test_http_1_1_is_spoken_where_either_side_wants_it(
    gate: Gate, offering: Make, offers: tuple[str, ...], options: tuple[str, ...]
) -> None:
    server = offering(*offers)

    ended = gate.run(*FEW, *options, **server.options())

    assert ended.status == 0, ended.screen
    assert set(server.versions) == {"1.1"}
    assert set(ended.document["requests"]["http_versions"]) == {"HTTP/1.1"}


def test_the_sweep_speaks_it_too(gate: Gate, offering: Make) -> None:
    server = offering(H2)
    header = {"run": "r1", "base_url": server.options()["CONTACTS_BASE_URL"]}
    gate.directory.mkdir()
    ledger = Ledger(gate.directory / "ledger.jsonl", header)
    ledger.created(ledger.intend("first", None), AN_ID)
    ledger.close()

    ended = gate.sweep(CONTACTS_HTTP2="1", **server.options())

    assert ended.status == 0, ended.screen
    assert set(server.versions) == {"2"}


def test_without_its_package_it_is_a_usage_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "h2.connection", None)

    with pytest.raises(UsageProblem, match=r"--http2: the package h2 cannot be .* leave .* out"):
        resolve({"http2": True}, {}, now=NOW)


def test_a_target_without_tls_is_told_that_nobody_offers_it(tmp_path: Path) -> None:
    given = {"http2": True, "token": TOKEN, "report_dir": str(tmp_path)}

    plain, secure = (
        resolve({**given, "base_url": f"{scheme}://127.0.0.1/v1"}, {}, now=NOW)
        for scheme in ("http", "https")
    )

    assert any("HTTP/1.1 is spoken" in notice for notice in plain.notices)
    assert secure.notices == ()


class Stream:
    """A stream that carries one request, and the server's end of its connection."""

    def __init__(self, connection: H2Connection, number: int, writer: asyncio.StreamWriter) -> None:
        self.connection = connection
        self.number = number
        self.writer = writer

    def answer(self, body: bytes = BODY, *, whole: bool = True, length: int | None = None) -> None:
        more = [] if length is None else [("content-length", str(length))]
        headers = [(":status", "200"), ("content-type", "application/json"), *more]
        self.connection.send_headers(self.number, headers)
        self.connection.send_data(self.number, body, end_stream=whole)
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.connection.data_to_send())


def goes_away(stream: Stream) -> None:
    """The server shuts down, and has not looked at the request."""
    stream.connection.close_connection(last_stream_id=0)


def goes_away_midway(stream: Stream) -> None:
    """The server shuts down in the middle of a body."""
    stream.answer(BODY[:5], whole=False)
    stream.connection.close_connection(error_code=ErrorCodes.INTERNAL_ERROR)


def resets(stream: Stream) -> None:
    """The server resets the stream, and the connection stays."""
    stream.connection.reset_stream(stream.number, ErrorCodes.REFUSED_STREAM)


def resets_midway(stream: Stream) -> None:
    """The server resets the stream in the middle of a body."""
    stream.answer(BODY[:5], whole=False)
    stream.connection.reset_stream(stream.number)


def says_too_much(stream: Stream) -> None:
    """The body is shorter than its content-length: h2 raises an error of its own."""
    stream.answer(BODY, length=len(BODY) + 100)


def pushes_nonsense(stream: Stream) -> None:
    """A frame for a stream that nobody opened follows half of a body."""
    stream.answer(BODY[:5], whole=False)
    stream.writer.write(b"\0\0\x01\0\0" + (99).to_bytes(4, "big") + b"x")


def hangs_up_midway(stream: Stream) -> None:
    """The connection ends in the middle of a body."""
    stream.answer(BODY[:5], whole=False)
    stream.writer.close()


def says_no_status(stream: Stream) -> None:
    """The status is no number."""
    stream.connection.send_headers(stream.number, [(":status", "ok")], end_stream=True)


BREAKING = [
    *(goes_away, goes_away_midway, resets, resets_midway, says_too_much),
    *(pushes_nonsense, hangs_up_midway, says_no_status),
]


class Breaking:
    """Answers over HTTP/2 as `turn` does, which is told how many connections there were."""

    def __init__(self, turn: Callable[[Stream, int], None]) -> None:
        self.connections = 0
        self.requests = 0
        self._turn = turn

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        connection = H2Connection(H2Configuration(client_side=False))
        # Its checks of what is sent would keep a server from breaking the protocol.
        connection.config.validate_outbound_headers = False
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        with suppress(OSError, ProtocolError):
            while data := await reader.read(65_536):
                for event in connection.receive_data(data):
                    if isinstance(event, RequestReceived):
                        self.requests += 1
                        self._turn(Stream(connection, event.stream_id, writer), number)
                writer.write(connection.data_to_send())
        writer.close()


def asked(
    server: Breaking, settings_with: Callable[..., Settings], directory: Path, times: int
) -> list[Exchange | Exception]:
    """Ask a server several things at once, and once more; return what came of each."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(directory / "authority.pem")
    context.set_alpn_protocols([H2])
    bundle = str(directory / "authority.pem")
    settings = settings_with(http2=True, ca_bundle=bundle, request_timeout=0.5)

    async def act() -> list[Exchange | Exception]:
        listener = await asyncio.start_server(server, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        async with listener, Wire(settings, url, Budget(None, 10, lambda: 0)) as wire:
            api = client_on(wire)
            asking = [api.get(AN_ID) for _ in range(times)]
            said = await asyncio.gather(*asking, return_exceptions=True)
            return said + await asyncio.gather(api.get(AN_ID), return_exceptions=True)

    return run(act(), limit_s=30)


@pytest.mark.parametrize("fault", BREAKING)
def test_a_fault_of_http_2_is_a_lost_answer(
    fault: Callable[[Stream], None], settings_with: Callable[..., Settings], tmp_path: Path
) -> None:
    server = Breaking(lambda stream, _connection: fault(stream))

    said = asked(server, settings_with, tmp_path, 4)

    assert [type(x) for x in said] == [TargetUnavailable] * 5
    assert server.requests >= 5


def test_after_a_shutdown_of_the_connection_another_carries_on(
    settings_with: Callable[..., Settings], tmp_path: Path
) -> None:
    server = Breaking(lambda s, number: goes_away_midway(s) if number == 1 else s.answer())

    said = asked(server, settings_with, tmp_path, 4)

    assert [getattr(x, "status", x) for x in said] == [200] * 5
    assert server.connections == 2


def test_a_connection_that_hangs_carries_nothing_more(
    settings_with: Callable[..., Settings], tmp_path: Path
) -> None:
    server = Breaking(lambda s, number: None if number == 1 else s.answer())

    said = asked(server, settings_with, tmp_path, 4)

    assert [getattr(x, "status", x) for x in said] == [200] * 5
    assert server.connections == 2
