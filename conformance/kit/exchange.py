"""One request and its response, as evidence: what was sent, what came, how to repeat it.

An exchange never holds a credential in the form it shows: headers are kept as they are displayed,
and texts pass through a `Redactor` on their way out. No I/O here.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

OPERATIONS = ("list", "create", "search", "get", "update", "delete", "archive", "restore")
"""The eight documented operations; any other request is the operation `other`."""

ARCHIVED_REFUSALS = (403, 409, 422, 423)
"""Refusals of an update of an archived contact that count as documented, beside 400 (UPDATE-12)."""
REDACTED = "[redacted]"
BODY_SHOWN = 64_000
"""Characters of a body kept as evidence: a page of a hundred contacts, so that its JSON is whole."""
HEADER_SHOWN = 4_000
BODY_TYPED = 4_000
"""Bytes of a body up to which a curl line holds it."""
# The signature may be missing: a text may have been cut before it came here.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")
_JSON_WORDS = {"true", "false", "null"}
PREFIX_HIDDEN = 16
"""Characters of a secret from which on its beginning, left of a cut, is hidden too."""
_PRIVATE_HEADERS = {"set-cookie", "cookie", "authorization", "proxy-authorization", "x-api-key"}


class Redactor:
    """Replaces known secrets, and whatever looks like a JWT, in any text."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        """Remember the secrets; empty ones and ones under 4 characters are passed over."""
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Hide this text from now on, its last dot-separated part (a signature) included."""
        if not secret or len(secret) < 4 or secret in _JSON_WORDS:
            return
        hidden = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
        signature = secret.rpartition(".")[2]
        if len(signature) >= PREFIX_HIDDEN:
            hidden.add(signature)
        # A new set: another thread may be going through the one there is.
        self._secrets = self._secrets | hidden

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        text = _JWT.sub(REDACTED, text)
        for secret in self._secrets:
            # The header of a JWT is no secret, and a curl line that forges one shows it.
            if len(secret) > PREFIX_HIDDEN and not secret.startswith("eyJ"):
                text = _without_beginning(text, secret)
        return text


def _without_beginning(text: str, secret: str) -> str:
    start = text.find(secret[:PREFIX_HIDDEN])
    while start >= 0:
        end = start + PREFIX_HIDDEN
        while text[end : end + 1] and text[start : end + 1] == secret[: end + 1 - start]:
            end += 1
        text = text[:start] + REDACTED + text[end:]
        start = text.find(secret[:PREFIX_HIDDEN])
    return text


@dataclass(frozen=True)
class Request:
    """What was sent. `headers` are in display form: credentials appear as shell variables."""

    operation: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    allows: tuple[int, ...] = ()
    """Statuses that a ruling allows for this request beside the documented ones (ENV-08)."""


@dataclass(frozen=True)
class Response:
    """What came back. Header names are in lower case; `elapsed_s` includes the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float


class NotJson:
    """Stands for a body that is not JSON; `reason` says why."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        self.reason = reason

    def __repr__(self) -> str:
        """Return the reason, as a report shows it."""
        return f"<{self.reason}>"


@dataclass(frozen=True)
class Exchange:
    """A request with its response; `started` and `ended` are seconds since the epoch."""

    number: int
    scene: str
    request: Request
    response: Response
    started: float = 0.0
    ended: float = 0.0

    @property
    def operation(self) -> str:
        """The documented operation, or `other`."""
        return self.request.operation

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @cached_property
    def json(self) -> Any:
        """The parsed body, or a `NotJson`."""
        if not self.response.body:
            return NotJson("an empty body")
        try:
            return json.loads(self.response.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as problem:
            return NotJson(f"no JSON: {type(problem).__name__}")

    def at(self, *path: str) -> Any:
        """Return the value at a path of keys in the body, or None where a step is missing."""
        value = self.json
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    @cached_property
    def contact(self) -> dict[str, Any]:
        """`data` where it is an object, else an empty one."""
        data = self.at("data")
        return data if isinstance(data, dict) else {}

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The contact records in the answer, whichever operation it belongs to."""
        data = self.at("data")
        if self.operation == "list":
            data = self.at("data", "contacts")
        elif self.operation != "search":
            data = [data] if isinstance(data, dict) else []
        return [r for r in data if isinstance(r, dict)] if isinstance(data, list) else []

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the records in the answer, in order; of another type, as their text."""
        return [str(record.get("id")) for record in self.records]

    @property
    def line(self) -> str:
        """The exchange in one line: method, path and query, status, time."""
        milliseconds = self.response.elapsed_s * 1000
        return f"{self.request.method} {self.target} -> {self.status} ({milliseconds:.0f} ms)"

    @property
    def target(self) -> str:
        """The path and query of the request, cut to a readable length."""
        rest = self.request.url.partition("://")[2]
        target = "/" + rest.partition("/")[2]
        return target if len(target) <= 160 else target[:157] + "..."

    def curl(self, redact: Redactor) -> str:
        """Return the shell command that repeats the request; credentials are variables."""
        parts = ["curl", "-i"]
        if self.request.method != "GET":
            parts += ["-X", self.request.method]
        for name, value in self.request.headers:
            parts += ["-H", _shell_header(f"{name}: {value}")]
        if self.request.body is not None:
            parts += _shell_body(self.request.body)
            if "content-type" not in (name.lower() for name, _ in self.request.headers):
                parts += ["-H", "Content-Type:"]  # Else curl adds that of a form.
        return redact(" ".join([*parts, shlex.quote(self.request.url)]))

    def as_evidence(self, redact: Redactor) -> dict[str, Any]:
        """Return the exchange as the results file shows it: redacted, bodies cut to size."""
        return {
            "operation": self.operation,
            "request": {
                "method": self.request.method,
                "url": redact(self.request.url),
                "headers": {name: redact(value) for name, value in self.request.headers},
                "body": _shown_body(self.request.body, redact),
            },
            "response": {
                "status": self.status,
                "headers": {
                    name: REDACTED if name in _PRIVATE_HEADERS else redact(value)[:HEADER_SHOWN]
                    for name, value in self.response.headers.items()
                },
                "body": _shown_body(self.response.body, redact),
                "elapsed_ms": round(self.response.elapsed_s * 1000, 1),
            },
        }


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON (RFC 8259, 6)")


def sent_object(exchange: Exchange) -> dict[str, Any]:
    """Return the JSON object that was sent, or an empty one."""
    try:
        value = json.loads(exchange.request.body or b"null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def path_id(exchange: Exchange) -> str:
    """Return the id in the request's path, as it was sent; empty where there is none."""
    _, _, rest = exchange.request.url.partition("?")[0].rpartition("/contacts/")
    return rest.partition("/")[0]


def _shown_body(body: bytes | None, redact: Redactor) -> str | None:
    if body is None:
        return None
    text = redact(body[: BODY_SHOWN * 4].decode("utf-8", "replace"))
    if len(text) <= BODY_SHOWN:
        return text
    return f"{text[:BODY_SHOWN]}... ({len(body)} bytes in all)"


def _shell_header(text: str) -> str:
    # Double quotes let the shell fill in $CONTACTS_TOKEN; a header without it stays literal.
    return f'"{text}"' if "$" in text else shlex.quote(text)


def _shell_body(body: bytes) -> list[str]:
    if len(body) > BODY_TYPED or b"\0" in body:
        hint = f"@body.json ({len(body)} bytes: see the request body in the report)"
        return ["--data-binary", f"'{hint}'"]
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return ["--data-raw", shlex.quote(text)]
    return ["--data-raw", "$'" + "".join(f"\\x{byte:02x}" for byte in body) + "'"]
