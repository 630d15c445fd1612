"""Bodies and headers that no API should send: made from right answers, so that they get far.

A mutation of a right answer passes the first checks and meets the code behind them; a body of
random bytes meets the first check alone. Both are repeatable from a seed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

DEPTH = 30_000
LONG = 70_000
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7.5, -0.0, 1e308, 2**63, 10**400, 10**5000),
    *(float("nan"), float("inf"), float("-inf")),
    *("", " ", "\0", "\ud800", "a\udfffb", "\u202e", "\x1b[2J", "<script>", "%s{0}$(id)", "../.."),
    *("x" * LONG, "2026-13-45T99:99:99Z", "9999999-01-01T00:00:00+99:99", "null", "İ", "é"),
    *([], {}, [[]], [None], [1, "a", {}], {"id": {"id": []}}, {"": ""}, {"\ud800": 1}),
)
"""Values of every type, at their edges."""
NUMBERS = ("", "-1", "1.5", "1e9", "9" * 400, "0x10", "٣", " 7 ", "7, 8", "NaN", "soon", "\xff")
HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ratelimit-limit", NUMBERS),
    ("ratelimit-remaining", NUMBERS),
    ("ratelimit-reset", NUMBERS),
    ("date", ("", "yesterday", "Tue, 99 Foo 99999 99:99:99 GMT", "0", "\xff", "9" * 400)),
    (
        "content-type",
        ("", "text/html", "application/json; charset=utf-7", "json", ";;;", "\xff", "a" * LONG),
    ),
    ("location", ("http://[::1", "\xff", "//")),
    ("set-cookie", ("a=\xff", "=" * 5000)),
    ("x-request-id", ("\t", "\xff" * 300)),
    ("retry-after", ("-1", "soon", "9" * 400, "Tue, 99 Foo 99999 99:99:99 GMT", "0")),
)
STATUSES = (100, 102, 199, 200, 201, 204, 205, 206, 299, 304, 400, 404, 409, 418, 500, 501, 599)
NO_BODY = (*range(100, 200), 204, 205, 304)


class Mangler:
    """Wraps an application; `share` of its answers go out mangled, each in some ways at random."""

    def __init__(self, app: Starlette, seed: int, share: float) -> None:
        self.count = 0
        self.state = app.state
        self._app = app
        self._rng = random.Random(seed)  # noqa: S311 - test data
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        start, body = answer[0], b"".join(part.get("body", b"") for part in answer[1:])
        headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        if self._rng.random() < self._share:
            self.count += 1
            start["status"], body = mangled(self._rng, start["status"], headers, body)
        headers["content-length"] = str(len(body))
        raw = [(n.encode(), v.encode("latin-1", "replace")) for n, v in headers.items()]
        await send({**start, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def mangled(
    rng: random.Random, status: int, headers: dict[str, str], body: bytes
) -> tuple[int, bytes]:
    """Return another status and body, or change a header in place."""
    draw = rng.random()
    if draw < 0.70:
        body = _changed(rng, body)
    elif draw < 0.80:
        body = rng.choice(TEXTS)(rng, body)
    elif draw < 0.95:
        name, values = rng.choice(HEADERS)
        headers[name] = rng.choice(values)
    else:
        status = rng.choice(STATUSES)
    return status, b"" if status in NO_BODY else body


def _changed(rng: random.Random, body: bytes) -> bytes:
    """Return the body with one to three of its values replaced, dropped or copied elsewhere."""
    try:
        value = {"": json.loads(body)}
    except ValueError:
        return body
    for _ in range(rng.randint(1, 3)):
        if places := list(_places(value)):
            _change(rng, *rng.choice(places))
    return _encoded(value.get(""))


def _change(rng: random.Random, place: Any, key: Any) -> None:
    draw = rng.random()
    if draw < 0.7:
        place[key] = deepcopy(rng.choice(ODD))
    elif draw < 0.85:
        del place[key]
    elif isinstance(place, list):
        place.append(deepcopy(place[key]))
    else:
        place[rng.choice(list(place))] = deepcopy(place[key])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in a JSON value: its container and its key."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        for key in list(part) if isinstance(part, dict) else range(len(part)):
            yield part, key
            if isinstance(part[key], dict | list):
                waiting.append(part[key])


def _encoded(value: Any) -> bytes:
    # Python refuses to print so long a number, and a target does not.
    text = json.dumps(_printable(value))
    return text.replace(f'"{BIG}"', "1" + "0" * 5000).encode()


BIG = "\u2603 a number of five thousand digits"


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _printable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_printable(each) for each in value]
    return BIG if value == ODD[10] and isinstance(value, int) else value


Text = Callable[[random.Random, bytes], bytes]


def _noise(rng: random.Random, _body: bytes) -> bytes:
    return rng.randbytes(rng.randrange(400))


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _flipped(rng: random.Random, body: bytes) -> bytes:
    flipped = bytearray(body)
    for _ in range(min(3, len(body))):
        flipped[rng.randrange(len(body))] = rng.randrange(256)
    return bytes(flipped)


def _deep(rng: random.Random, _body: bytes) -> bytes:
    opening, closing = rng.choice([(b"[", b"]"), (b'{"data":', b"}")])
    return opening * DEPTH + b"1" + closing * DEPTH


def _nested(_rng: random.Random, _body: bytes) -> bytes:
    return b'{"success":true,"data":' + b"[" * 900 + b"]" * 900 + b"}"


def _doubled_keys(_rng: random.Random, body: bytes) -> bytes:
    return b'{"success":false,"data":[],"success":1,' + body[1:]


def _other_coding(rng: random.Random, body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-32", "utf-8-sig"]))


TEXTS: tuple[Text, ...] = (
    *(_noise, _cut, _flipped, _deep, _nested, _doubled_keys, _other_coding),
    lambda _rng, _body: b"",
    lambda _rng, _body: b'"\\ud800"',
    lambda _rng, _body: b"NaN",
    lambda _rng, _body: b"9" * LONG,
)
