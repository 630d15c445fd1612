"""Credentials: what goes into the Authorization header, and how it is shown.

A token is never shown. Each credential carries a shell expression built on `$CONTACTS_TOKEN`
that rebuilds it, so that a curl line reproduces even a forged one. Nothing here verifies a
signature: forging is the point (AUTH-02, AUTH-03).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Any

TOKEN_VARIABLE = "$CONTACTS_TOKEN"  # noqa: S105 - the name of a variable, not its value
SECOND_VARIABLE = "$CONTACTS_SECOND_TOKEN"
ALTERED_TAIL = "A" * 10
CUT = 10
"""Characters: more than padding alone, fewer than any signature has."""
UNREADABLE = "bm90LWpzb24"
"""The text `not-json` in base64url."""
_COMPACT = re.compile(r"[A-Za-z0-9_=.-]*")


class NotAJwt(ValueError):
    """The text is not a JSON Web Token in compact form (RFC 7519, 3)."""


@dataclass(frozen=True)
class Credential:
    """Headers that authenticate a request, and the shell form in which a report shows them."""

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    shown: tuple[tuple[str, str], ...]
    label: str


def bearer(token: str, variable: str = TOKEN_VARIABLE, label: str = "token") -> Credential:
    """Return the Bearer credential (RFC 6750, 2.1) of a token, shown as `variable`."""
    return _authorization(f"Bearer {token}", f"Bearer {variable}", label)


NO_CREDENTIAL = Credential((), (), "no credentials")


def _authorization(value: str, shown: str, label: str) -> Credential:
    return Credential((("Authorization", value),), (("Authorization", shown),), label)


def not_a_jwt() -> Credential:
    """Return a Bearer credential whose token is plain text (AUTH-02)."""
    return _authorization("Bearer not-a-jwt", "Bearer not-a-jwt", "a token that is no JWT")


def altered(token: str) -> Credential:
    """Return the token with the end of its signature overwritten (AUTH-02).

    Ten characters change, as the last one alone may carry nothing but padding bits. A signature
    that already ends so gets another end.
    """
    tail = ALTERED_TAIL if not token.endswith(ALTERED_TAIL) else "B" * 10
    value = token[: -len(tail)] + tail
    shown = f"Bearer ${{CONTACTS_TOKEN%{'?' * len(tail)}}}{tail}"
    return _authorization(f"Bearer {value}", shown, "a token whose signature was altered")


def cut_short(token: str) -> Credential:
    """Return the token without the end of its signature (AUTH-02).

    Whoever compares only as many characters as were sent accepts it.
    """
    shown = f"Bearer ${{CONTACTS_TOKEN%{'?' * CUT}}}"
    return _authorization(f"Bearer {token[:-CUT]}", shown, "a token whose signature was cut short")


def unreadable(token: str) -> Credential:
    """Return the token with claims that are no JSON: three parts, but no JWT (AUTH-02)."""
    header, _, signature = token.split(".")
    parts = [f"$(echo {TOKEN_VARIABLE} | cut -d. -f{n})" for n in (1, 3)]
    shown = f"Bearer {parts[0]}.{UNREADABLE}.{parts[1]}"
    value = f"Bearer {header}.{UNREADABLE}.{signature}"
    return _authorization(value, shown, "a token whose claims are no JSON")


def other_scheme(token: str, scheme: str) -> Credential:
    """Return the valid token under another authentication scheme (AUTH-02)."""
    value, shown = f"{scheme} {token}", f"{scheme} {TOKEN_VARIABLE}"
    return _authorization(value, shown, f"the token under the scheme {scheme}")


def unsigned(token: str, algorithm: str = "none") -> Credential:
    """Return the token's claims under `alg: none`, however spelled, with no signature (AUTH-03)."""
    header = _encode(f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode())
    value = f"Bearer {header}.{token.split('.')[1]}."
    shown = f"Bearer {header}.$(echo {TOKEN_VARIABLE} | cut -d. -f2)."
    return _authorization(value, shown, f"a JWT with alg {algorithm}")


def resigned(token: str, key: str) -> Credential:
    """Return the token's claims under HS256 with a guessed key (AUTH-03)."""
    header = _encode(b'{"alg":"HS256","typ":"JWT"}')
    signing_input = f"{header}.{token.split('.')[1]}"
    digest = hmac.new(key.encode(), signing_input.encode(), hashlib.sha256).digest()
    shown = (
        f"Bearer $(m={header}.$(echo {TOKEN_VARIABLE} | cut -d. -f2); printf %s.%s $m "
        f"$(printf %s $m | openssl dgst -sha256 -hmac '{key}' -binary | basenc --base64url | tr -d =))"
    )
    label = f"a JWT signed with the guessed key {key!r}"
    return _authorization(f"Bearer {signing_input}.{_encode(digest)}", shown, label)


def lower_case_scheme(token: str) -> Credential:
    """Return the valid token under `bearer`, as RFC 9110, 11.1 allows (AUTH-07)."""
    return _authorization(f"bearer {token}", f"bearer {TOKEN_VARIABLE}", "the scheme in lower case")


def api_key(token: str) -> Credential:
    """Return an `X-API-Key` header and no Authorization (AUTH-05)."""
    shown = (("X-API-Key", TOKEN_VARIABLE),)
    return Credential((("X-API-Key", token),), shown, "an X-API-Key alone")


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, unverified.

    Raises:
        NotAJwt: the text has not three parts, or header or claims are no JSON objects.

    """
    parts = token.split(".")
    if len(parts) != 3:
        raise NotAJwt(f"{len(parts)} dot-separated parts instead of 3")
    if not _COMPACT.fullmatch(token):
        raise NotAJwt("it holds a character that base64url has not")
    _decode_object(parts[0], "header")
    return _decode_object(parts[1], "claims set")


def expires_at(token: str) -> float | None:
    """Return the `exp` claim in seconds since the epoch, or None without a usable one."""
    expiry = claims(token).get("exp")
    if isinstance(expiry, bool) or not isinstance(expiry, int | float):
        return None
    return float(expiry)


def _decode_object(part: str, name: str) -> dict[str, Any]:
    try:
        padded = part + "=" * (-len(part) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (binascii.Error, ValueError, RecursionError):
        raise NotAJwt(f"the {name} is not base64url-encoded JSON") from None
    if not isinstance(value, dict):
        raise NotAJwt(f"the {name} is no JSON object")
    return value


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
