"""Connections to the target: how they are made and pooled, and what may break on them.

HTTP/1.1 is spoken, and with --http2 what the server chooses while TLS is set up (RFC 7301; RFC
9113, 3.2). No environment variable and no file of the user's changes that: no proxy, no netrc.
"""

from __future__ import annotations

import ssl
from importlib import import_module
from typing import Any

import httpx

from conformance.kit.settings import Settings

KEEPALIVE_S = 1.5
"""Shorter than the idle time-out of common servers, so that a reused connection is alive."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL)
TIMED_OUT = (TimeoutError, httpx.TimeoutException)
_FAULTS = (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError)


def transport_to(
    base_url: str, settings: Settings, local_address: str | None
) -> httpx.AsyncHTTPTransport:
    """Return the pool of connections to a base URL; none is opened yet.

    Over HTTP/2 one connection carries all requests, over HTTP/1.1 as many as are in flight.
    """
    verify: Any = False if settings.insecure else (settings.ca_bundle or True)
    if base_url.startswith("http:"):
        verify = False  # No TLS on this target: skip the cost of loading the CA bundle.
    if isinstance(verify, str):
        verify = ssl.create_default_context(cafile=verify)
    limits = httpx.Limits(max_connections=settings.concurrency, keepalive_expiry=KEEPALIVE_S)
    return httpx.AsyncHTTPTransport(
        verify=verify,
        trust_env=False,
        limits=limits,
        local_address=local_address,
        http2=settings.http2,
    )


def faults(settings: Settings) -> tuple[type[Exception], ...]:
    """Return what sending and reading raise where no usable answer comes."""
    if not settings.http2:
        return _FAULTS
    # httpx lets what breaks HTTP/2 in the middle of a body through as it is.
    return (*_FAULTS, import_module("h2.exceptions").H2Error)


def why(problem: BaseException) -> str:
    """Return in a few words what broke."""
    if isinstance(problem, TIMED_OUT):
        return "no complete answer within --request-timeout"
    return f"{type(problem).__name__}: {problem}"[:300]
