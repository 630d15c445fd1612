"""A body may be hostile: an outcome comes of it, never an exception, and little of it is kept."""

from __future__ import annotations

import json

import pytest
from load_desk import ONE, Desk, answered

from load.recorder import ERROR_LENGTH, FAILED, OK, THROTTLED

NESTED = b'{"success":true,"data":{"id":"x","more":' + b"[" * 600 + b"]" * 600 + b"}}"
HOSTILE = {
    "nothing": b"",
    "binary": bytes(range(256)),
    "no utf-8": b'{"success":true,"data":{"id":"\xff"}}',
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(ONE).encode(),
    "nan": b'{"success":true,"data":{"id":NaN}}',
    "beyond every number": b'{"success":true,"data":{"id":1e999}}',
    "a huge integer": b'{"success":true,"data":{"id":' + b"9" * 5_000 + b"}}",
    "a 65-bit integer": b'{"success":true,"data":{"id":18446744073709551616}}',
    "a lone surrogate": b'{"success":true,"data":{"id":"\\ud800"}}',
    "nul": b'{"success":true,"data":{"id":"\\u0000"}}',
    "nested 600 deep": NESTED,
    "nested 100000 deep": b"[" * 100_000,
    "a key twice": b'{"success":true,"success":true,"data":{"id":1,"id":2}}',
    "a long text": b'{"success":true,"data":{"id":"' + b"<script>" * 50_000 + b'"}}',
    "many keys": json.dumps({"success": True, "data": {str(n): n for n in range(5_000)}}).encode(),
    "null": b"null",
    "a text": b'"success"',
    "two documents": b"{}{}",
    "a key of nothing": b'{"success":true,"data":{"":{"":[]}}}',
    "records of every type": b'{"success":true,"data":[null,1,"x",[],{}],"count":5}',
    "contacts of every type": (
        b'{"success":true,"data":{"contacts":[null,1,"x",[],{}],"stats":0,"meta":{}}}'
    ),
}


@pytest.mark.parametrize("status", [200, 404, 429, 500])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_has_an_outcome(desk: Desk, name: str, status: int) -> None:
    for operation in ("get", "list", "search", "create"):
        reply = desk.ask(answered(HOSTILE[name], status), operation)

        assert reply.outcome in ((THROTTLED,) if status == 429 else (OK, FAILED))
    assert sum(t.requests for t in desk.node.recorder.operations.values()) == 4
    assert not desk.node.flights


def test_what_a_target_says_is_cut_before_it_is_kept(desk: Desk) -> None:
    desk.ask(answered(HOSTILE["a long text"]))

    assert max(len(text) for text in desk.errors()) <= ERROR_LENGTH
