"""Servers that are hard on tokens: one refuses them early, one quotes whatever it was sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kit.gate_runs import Served
from starlette.types import Message, Receive, Scope, Send

from fixtures.reference.tokens import mint

SECRET_HEADERS = ("authorization", "x-gateway")


class Revoking(Served):
    """Refuses its first token, which has not run out, from the request of a number on."""

    def __init__(self, after: int) -> None:
        super().__init__()
        secret = self.app.state.application.config.secret
        self.fresh = mint(secret, subject="ann", account="acme", ttl_s=9_000)
        self.refused = 0
        self._left = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._left -= 1
        if self._left < 0 and _header(scope, "authorization") == f"Bearer {self.target.token}":
            self.refused += 1
            altered = b"Bearer " + self.target.token[:-12].encode() + b"A" * 12
            others = [(n, v) for n, v in scope["headers"] if n != b"authorization"]
            scope = {**scope, "headers": [*others, (b"authorization", altered)]}
        await super().__call__(scope, receive, send)


class Quoting(Served):
    """Sends credentials back in headers and cookies; `twist` may in bodies."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = " ".join(_header(scope, name) for name in SECRET_HEADERS)
        quoted = [
            (b"x-echo", sent.encode()),
            (b"x-echo-quoted", quote(sent, safe="").encode()),
            (b"set-cookie", b"session=" + sent.replace(" ", "").encode()),
        ]

        async def loudly(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *quoted]}
            await send(message)

        await super().__call__(scope, receive, loudly)


def in_every_text(headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """Put credentials into a field of records, and beside them, as they are and quoted."""
    sent = " ".join(headers.get(name, "") for name in SECRET_HEADERS)
    both = f"{sent} {quote(sent, safe='')}"
    data = body.get("data")
    if isinstance(data, dict) and "id" in data:
        body = {**body, "data": {**data, "created_at": both}}
    return {**body, "echo": both}


def _header(scope: Scope, name: str) -> str:
    return next((v.decode("latin-1") for n, v in scope["headers"] if n == name.encode()), "")
