"""A target in memory with the few operations that cleaning up and scenes need."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
from kit_doubles import contact, error_body, success


class House:
    """Keeps contacts; `answers` may replace the answer to a method after its effect.

    While `keeps` is true, a delete deletes nothing.
    """

    def __init__(self, **answers: Callable[[], httpx.Response]) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.keeps = False
        self.requests: list[str] = []
        self._answers = answers

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.method)
        effect = {"POST": self._create, "GET": self._list, "DELETE": self._delete}
        usual = effect[request.method](request)
        replaced = self._answers.get(request.method)
        return usual if replaced is None else replaced()

    def _create(self, request: httpx.Request) -> httpx.Response:
        self.made += 1
        contact_id = f"00000000-0000-4000-8000-{self.made:012d}"
        self.contacts[contact_id] = contact(**json.loads(request.content), id=contact_id)
        return success(self.contacts[contact_id], 201)

    def _list(self, request: httpx.Request) -> httpx.Response:
        query = parse_qs(request.url.query.decode())
        wanted, archived = query.get("search", [""])[0].lower(), query.get("archived") == ["true"]
        found = [
            c
            for c in self.contacts.values()
            if c["is_archived"] is archived and wanted in json.dumps(c).lower()
        ]
        return success({"contacts": found, "stats": {}, "meta": {}})

    def _delete(self, request: httpx.Request) -> httpx.Response:
        contact_id = request.url.path.rpartition("/")[2]
        gone = self.contacts.get(contact_id)
        if not self.keeps:
            self.contacts.pop(contact_id, None)
        return httpx.Response(404, json=error_body()) if gone is None else success(gone)
