"""Hosts that take leave to touch: the vendor's production by whatever name, and all but loopback.

The gate, the sweep and the load side ask here before their first request. Imports the standard
library alone, as the processes of the load side have no httpx.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

PRODUCTION_HOST = "api.actuallycare.com"
LOOKUP_S = 3.0
"""The longest that a look-up is waited for: one that fails or is slow is no obstacle."""


@dataclass(frozen=True)
class Found:
    """What a look-up says of a host: its canonical names, and its addresses as text."""

    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()


LookUp = Callable[[str], Found]


def look_up(host: str) -> Found:
    """Ask the system's resolver, its hosts file included.

    Raises:
        OSError: it knows no such host, or gives no answer.
        ValueError: no host has such a name.

    """
    rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    names = {plain(row[3]) for row in rows if row[3]}
    return Found(frozenset(names), frozenset(str(row[4][0]) for row in rows))


def plain(host: str) -> str:
    """Return a host of a URL in the one spelling that is compared (RFC 3986, 3.2.2; RFC 3490, 4)."""
    bare = unquote(host).strip("[]").rstrip(".")
    with suppress(UnicodeError):  # An empty label, say: compared as it stands.
        bare = bare.encode("idna").decode("ascii")
    return bare.rstrip(".").lower()


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own loopback."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def production_behind(host: str, find: LookUp | None = None) -> str | None:
    """Return why a host counts as the vendor's production, in a clause; None where it does not.

    It does by its name, by its canonical name, and by an address that both share; `find` looks
    names up in place of the resolver, and may raise what `look_up` raises.
    """
    name = plain(host)
    if name == PRODUCTION_HOST:
        return "this is the vendor's production"
    if is_loopback(name):
        return None
    this, production = _found((name, PRODUCTION_HOST), find or look_up)
    if this.names & {PRODUCTION_HOST, *production.names}:
        return f"{name} is another name of {PRODUCTION_HOST}: this is the vendor's production"
    shared = sorted(_outside(this.addresses) & _outside(production.addresses))
    if shared:
        return f"{name} is at {shared[0]}, as {PRODUCTION_HOST} is: this is the vendor's production"
    return None


def _found(hosts: tuple[str, ...], find: LookUp) -> list[Found]:
    found: dict[str, Found] = {}

    def ask(host: str) -> None:
        with suppress(OSError, ValueError):
            found[host] = find(host)

    # The resolver has a time-out of its own, of many seconds, and cannot be told another.
    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    until = time.monotonic() + LOOKUP_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [found.get(host, Found()) for host in hosts]


def _outside(addresses: frozenset[str]) -> set[str]:
    """Return addresses in one spelling, without those that a blocked name is sent to."""
    read = [ipaddress.ip_address(text.partition("%")[0]) for text in addresses]
    bare = [getattr(address, "ipv4_mapped", None) or address for address in read]
    return {str(a) for a in bare if not (a.is_loopback or a.is_unspecified)}
