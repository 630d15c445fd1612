"""A target of the load side in this process: contacts without a server, answers without a wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import gevent

from load.transport import Answered

BASE = "http://127.0.0.1:9/v1"
TYPE = {"content-type": "application/json"}


def answered(status: int, body: Any = None, **headers: Any) -> Answered:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, TYPE | named, content)


class Target:
    """An in-process target that holds contacts; `handler` may answer first."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.archived: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.closed = 0
        self.handler: Callable[[str, str], Answered | None] = lambda _method, _path: None

    def send(self, method: str, path: str, *_: object, **__: object) -> Answered:
        self.asked.append((method, path))
        gevent.sleep(0)
        said = self.handler(method, path)
        if said is not None:
            return said
        return self._delete(path) if method == "DELETE" else self._find(path)

    def _delete(self, path: str) -> Answered:
        found = self.names.pop(unquote(path.rpartition("/")[2]), None)
        return answered(200 if found else 404, {"success": bool(found), "data": {}})

    def _find(self, path: str) -> Answered:
        query = parse_qs(urlsplit(path).query)
        in_archive = query["archived"] == ["true"]
        records = [
            {"id": contact_id, "last_name": name}
            for contact_id, name in self.names.items()
            if name.lower() == query["search"][0].lower()
            and (contact_id in self.archived) == in_archive
        ]
        return answered(200, {"success": True, "data": {"contacts": records, "meta": {}}})

    def close(self) -> None:
        self.closed += 1
