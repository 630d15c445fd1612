"""The first request: does the target answer, and does it take the token?"""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from load.credentials import Tokens

TIMEOUT_S = 15.0


class Unusable(Exception):
    """The target cannot be loaded; the text is one line that says why and what to do."""


def greet(base_url: str, tokens: Tokens, *, insecure: bool, ca_bundle: str | None) -> None:
    """Ask for one contact.

    Raises:
        Unusable: nothing answers, the token is refused, or this is no Contacts API.
    """
    status, body = _ask(base_url, tokens, insecure=insecure, ca_bundle=ca_bundle)
    if status == 401:
        raise Unusable("--token: the target refuses it (401); log in again")
    enveloped = isinstance(body, dict) and "success" in body
    if status in (404, 405) or not enveloped:
        raise Unusable(
            f"--host {base_url}: no Contacts API at this path (status {status}); "
            "give the URL under which /contacts lives, such as https://host/v1"
        )


def _ask(
    base_url: str, tokens: Tokens, *, insecure: bool, ca_bundle: str | None
) -> tuple[int, Any]:
    parts = urlsplit(base_url)
    _check_bundle(ca_bundle)
    try:
        connection = _connection(parts.scheme, parts.netloc, insecure, ca_bundle)
        connection.request("GET", f"{parts.path}/contacts?limit=1", headers=tokens.headers)
        answer = connection.getresponse()
        text = answer.read(1_000_000)
    except (OSError, http.client.HTTPException) as problem:
        name = type(problem).__name__
        raise Unusable(f"--host {base_url}: no answer ({name}); is the server running?") from None
    try:
        return answer.status, json.loads(text)
    except (ValueError, RecursionError):
        return answer.status, None


def _check_bundle(ca_bundle: str | None) -> None:
    if ca_bundle is None:
        return
    if not Path(ca_bundle).is_file():
        raise Unusable(f"--ca-bundle {ca_bundle}: no such file")
    try:
        ssl.create_default_context(cafile=ca_bundle)
    except OSError:  # An SSLError is one.
        remedy = "no certificate can be read from it; give a file in PEM form"
        raise Unusable(f"--ca-bundle {ca_bundle}: {remedy}") from None


def _connection(
    scheme: str,
    place: str,
    insecure: bool,
    ca_bundle: str | None,
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(place, timeout=TIMEOUT_S)
    context = ssl.create_default_context(cafile=ca_bundle)
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(place, timeout=TIMEOUT_S, context=context)
