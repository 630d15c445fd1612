"""A session over a wire that answers as told, and the answers that it may be told to give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from load import node as node_module
from load import session
from load.credentials import Tokens
from load.data import Bodies
from load.node import Node
from load.options import Options
from load.session import Reply, Session
from load.transport import Answered

TOKEN = "opaque-token-of-this-test"
TYPE = {"content-type": "application/json"}
CONTACT: dict[str, Any] = {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "first_name": "Jordan",
    "last_name": "Lee",
    "full_name": "Jordan Lee",
    "email": "jordan@example.com",
    "phone": None,
    "contact_type": "buyer",
    "contact_status": None,
    "company": None,
    "license_number": None,
    "street_address": None,
    "city": None,
    "state": None,
    "zip_code": None,
    "notes": None,
    "tags": ["one"],
    "is_archived": False,
    "archived_at": None,
    "created_at": "2026-07-15T14:32:10.000Z",
    "updated_at": "2026-07-15T14:32:10.000Z",
}
META = {"total": 1, "page": 1, "limit": 25, "totalPages": 1, "hasMore": False}
ONE = {"success": True, "data": CONTACT}
LIST = {"success": True, "data": {"contacts": [CONTACT], "stats": {}, "meta": META}}
SEARCH = {"success": True, "data": [CONTACT], "count": 1}
GOOD = {"list": LIST, "search": SEARCH} | dict.fromkeys(
    ("get", "create", "update", "delete", "archive", "restore"), ONE
)
ERROR = {
    "success": False,
    "error": {"code": "NOT_FOUND", "message": "no such contact"},
    "timestamp": "2026-07-15T14:32:10.000Z",
}


def answered(body: Any, status: int = 200, **headers: Any) -> Answered:
    """Return an answer; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, TYPE | named, content)


@dataclass
class Desk:
    """A session over a wire that answers as told, and everything it left behind."""

    node: Node
    session: Session
    sent: list[tuple[str, str, dict[str, str], bytes]]
    told: list[dict[str, Any]]
    answers: list[Answered | Exception] = field(default_factory=list)

    def ask(self, answer: Answered | Exception, operation: str = "get", **options: Any) -> Reply:
        self.answers.append(answer)
        return self.session.send(operation, "/x" if operation == "get" else "", **options)

    def errors(self) -> list[str]:
        return [text for _, text in self.node.recorder.errors]


@contextmanager
def desk_in(directory: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Desk]:
    # One prepared body is enough where nothing is made.
    monkeypatch.setattr(node_module, "Bodies", lambda seed: Bodies(seed, 1))
    chosen = Options(report_dir=str(directory), seed=1, **{"validate_every": 1} | options)
    node = Node(chosen, Tokens(TOKEN), "http://127.0.0.1:9/v1")
    told: list[dict[str, Any]] = []
    bound = Session(node, object(), "/v1", lambda **event: told.append(event))
    desk = Desk(node, bound, [], told)

    def exchange(
        _client: object, method: str, target: str, headers: dict[str, str], body: bytes, **_: object
    ) -> Answered:
        desk.sent.append((method, target, headers, body))
        answer = desk.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(session, "exchange", exchange)
    yield desk
    node.ledger.close()
