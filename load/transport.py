"""HTTP for the load side, over geventhttpclient: what FastHttpUser itself sends with.

Its plain client costs half of what locust's session around it does; the difference pays for
checking every answer. Redirects are never followed, and TLS is verified unless told otherwise.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.ssl
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.client import HTTPClient, HTTPClientPool

BLOCK = 65_536
BODY_MOST = 8 * 1024 * 1024
FAILURES = (OSError, HTTPParseError, ValueError)
"""What sending raises where no usable answer comes; time-outs and TLS errors are OSErrors."""


@dataclass(frozen=True)
class Connection:
    """How connections are made."""

    timeout_s: float = 30.0
    insecure: bool = False
    ca_bundle: str | None = None

    def keywords(self) -> dict[str, Any]:
        """Return the options of geventhttpclient."""
        return {
            "connection_timeout": min(self.timeout_s, 10.0),
            "network_timeout": self.timeout_s,
            "block_size": BLOCK,
            "insecure": self.insecure,
            "ssl_context_factory": context_factory(self.insecure, self.ca_bundle),
        }


@cache
def context_factory(insecure: bool, ca_bundle: str | None) -> Callable[..., ssl.SSLContext]:
    """Return a factory that makes one TLS context and hands it to every connection."""

    @cache
    def context() -> ssl.SSLContext:
        made = gevent.ssl.create_default_context(cafile=ca_bundle)
        if insecure:
            # Asked for with --insecure, for targets with certificates of their own making.
            made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    return lambda **_: context()


@dataclass(frozen=True)
class Answered:
    """An answer: header names are in lower case, the values of repeated ones in a list."""

    status: int
    headers: Mapping[str, Any]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header; repeated ones as one list (RFC 9110, 5.3), None where there is none."""
        value = self.headers.get(name)
        return value if value is None or isinstance(value, str) else ", ".join(value)


class NoAnswer(Exception):
    """No usable answer came; the text says why in a few words, the same ones for the same cause."""


class Transport:
    """Sends to one base URL over a pool of connections."""

    def __init__(
        self,
        base_url: str,
        connection: Connection,
        *,
        concurrency: int = 1,
        source_address: str | None = None,
    ) -> None:
        """Prepare; nothing is connected before the first request."""
        self.prefix = urlsplit(base_url).path.rstrip("/")
        self._within_s = connection.timeout_s
        self.client: HTTPClient = HTTPClient.from_url(
            _origin(base_url), concurrency=concurrency, **connection.keywords()
        )
        if source_address is not None:
            _bind(self.client, source_address)

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        within_s: float | None = None,
    ) -> Answered:
        """Send one request; `path` begins after the base URL and is percent-encoded.

        `within_s` is a bound below the connection's own.

        Raises:
            NoAnswer: none came, or none that is HTTP.
        """
        target = self.prefix + path
        bound = self._within_s if within_s is None else min(within_s, self._within_s)
        return exchange(self.client, method, target, headers, body, within_s=bound)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def exchange(
    client: HTTPClient,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    within_s: float | None = None,
) -> Answered:
    """Send one request over a client of geventhttpclient; `within_s` bounds its whole body too.

    Raises:
        NoAnswer: no usable answer came in time.
    """
    try:
        with gevent.Timeout(within_s, TimeoutError):
            response = client.request(method, target, body=body, headers=headers)
            content = response.read() if response.message_complete else _read(response)
    except FAILURES as problem:
        raise NoAnswer(why(problem)) from problem
    return Answered(response.status_code, response.info(), content)


def _read(response: Any) -> bytes:
    """Return the body, block by block, so that an endless one is not taken in."""
    body = bytearray()
    for block in response:
        body += block
        if len(body) > BODY_MOST:
            response.release()
            raise NoAnswer(f"a body of more than {BODY_MOST >> 20} MiB")
    return bytes(body)


def why(problem: BaseException) -> str:
    """Return the cause in words that do not change from one time to the next."""
    if isinstance(problem, TimeoutError | socket.timeout):
        return "no answer within --request-timeout"
    if isinstance(problem, ConnectionRefusedError):
        return "connection refused"
    if isinstance(problem, ConnectionError):
        return "connection closed"
    if isinstance(problem, ssl.SSLCertVerificationError):
        return "the certificate cannot be verified"
    return f"no HTTP answer: {type(problem).__name__}"


def pool(connection: Connection) -> HTTPClientPool:
    """Return the pool of one user: it sends one request at a time."""
    return HTTPClientPool(concurrency=1, **connection.keywords())


def pooled_client(clients: HTTPClientPool, base_url: str) -> HTTPClient:
    """Return the pool's client for a base URL."""
    return clients.get_client(_origin(base_url))


def _origin(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _bind(client: HTTPClient, address: str) -> None:
    """Let the client's connections start from an address; it offers no option for this."""
    pool_of = client._connection_pool  # noqa: SLF001
    create = pool_of._create_tcp_socket  # noqa: SLF001

    def bound(family: int, kind: int, protocol: int) -> Any:
        made = create(family, kind, protocol)
        made.bind((address, 0))
        return made

    setattr(pool_of, "_create_tcp_socket", bound)  # noqa: B010 - a method is replaced
