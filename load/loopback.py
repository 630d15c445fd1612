"""Whom load may be sent to: loopback, or a target that the user says is theirs."""

from __future__ import annotations

import os
import socket
from urllib.parse import SplitResult, urlsplit

from conformance.kit.hosts import is_loopback, production_behind

ALLOW_PRODUCTION = "CONTACTS_ALLOW_PRODUCTION"
DEFAULT_PATH = "/v1"


def free_port() -> int:
    """Return a port that nobody listens on at 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def normal(url: str) -> str:
    """Return a base URL without a trailing slash; one without a path gets `/v1`."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/") or DEFAULT_PATH
    return f"{parts.scheme}://{parts.netloc}{path}"


def on_loopback(url: str) -> bool:
    """Whether a URL's host is loopback."""
    parts = _parts(url)
    return parts is not None and is_loopback(parts.hostname or "")


def refusal(url: str, *, owned: bool) -> str | None:
    """Return why no load is sent to a URL, in one line that says what to do; None where it is."""
    parts = _parts(url)
    if parts is None:
        # What is no URL may yet hold a password.
        shown = "" if "@" in url else f" {url[:200]}"
        return f"--host{shown}: give an absolute http(s) URL such as http://127.0.0.1:8000/v1"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "--host: leave user, password, query and fragment out; use --token"
    host = parts.hostname or ""
    if os.environ.get(ALLOW_PRODUCTION) != "1" and (why := production_behind(host)) is not None:
        return f"--host {url[:200]}: {why}; add --allow-production if you mean it"
    if not is_loopback(host) and not owned:
        return (
            f"--host {url[:200]}: this is no loopback address; load is sent to a target that is "
            "yours only: add --i-own-this-target"
        )
    return None


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 - reading it raises where it is none
    except ValueError:
        return None
    return parts if usable else None
