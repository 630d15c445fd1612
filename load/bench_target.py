"""`python -m load.bench_target`: a target that answers faster than any generator asks.

A benchmark of generators needs a target that is not what it measures: this one keeps contacts in
memory and their JSON ready to send. It knows as much of the API as `AddressBook` uses, and listens
on loopback only, on a free port that it prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import schemas

PAGE = 25
HEADERS = (
    "Content-Type: application/json\r\nRateLimit-Limit: 1000000\r\n"
    "RateLimit-Remaining: 999999\r\nRateLimit-Reset: 900\r\n"
)


class Book:
    """The contacts by id, and by last name, as JSON texts."""

    def __init__(self) -> None:
        """Start with enough to fill a page."""
        self.by_id: dict[str, str] = {}
        self.by_name: dict[str, str] = {}
        for number in range(PAGE):
            self.create({"first_name": "Filler", "last_name": f"Number{number}"})
        self._page = ",".join(list(self.by_id.values())[:PAGE])

    def create(self, fields: dict[str, Any]) -> str:
        """Store a contact and return its JSON."""
        now = datetime.now(UTC).isoformat()
        blank = dict.fromkeys(schemas.CONTACT_FIELDS)
        own = {"id": str(uuid.uuid4()), "tags": [], "created_at": now, "updated_at": now}
        name = f"{fields.get('first_name')} {fields.get('last_name')}"
        state = {"is_archived": False, "archived_at": None, "contact_type": "buyer"}
        record = {**blank, **own, **state, "full_name": name, **fields}
        text = json.dumps(record)
        self.by_id[record["id"]] = text
        self.by_name[str(fields.get("last_name"))] = text
        return text

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, str]:
        """Return status and body of one request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix("/v1/contacts").strip("/")
        if method == "POST":
            return 201, _success(self.create(json.loads(body)))
        if path == "search":
            query = parse_qs(parts.query)
            found = [t for n, t in self.by_name.items() if n.startswith(query["name"][0])]
            return 200, _success(f"[{','.join(found)}]", f',"count":{len(found)}')
        if not path:
            return 200, self._list(parse_qs(parts.query))
        if method == "DELETE":
            return 200, _success(self.by_id.pop(path, "{}"))
        text = self.by_id.get(unquote(path))
        return (200, _success(text)) if text else (404, NOT_FOUND)

    def _list(self, query: dict[str, list[str]]) -> str:
        page, limit = query.get("page", ["1"])[0], query.get("limit", ["25"])[0]
        if "search" in query:
            records = self.by_name.get(query["search"][0], "")
        else:
            records = "" if "archived" in query else self._page
        meta = f'{{"page":{page},"limit":{limit},"total":75,"totalPages":3,"hasMore":true}}'
        return _success(f'{{"contacts":[{records}],"stats":{{}},"meta":{meta}}}')


NOT_FOUND = '{"success":false,"error":{"code":"NOT_FOUND","message":"no such contact"}}'


def _success(data: str, more: str = "") -> str:
    return f'{{"success":true,"data":{data}{more}}}'


class Connection(asyncio.Protocol):
    """One connection: requests one after the other, kept alive."""

    def __init__(self, book: Book) -> None:
        """Bind to the contacts."""
        self._book = book
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            length = _length(head)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            method, target, _ = head.split(" ", 2)
            status, text = self._book.answer(method, target, body)
            content = text.encode()
            first = f"HTTP/1.1 {status} X\r\n{HEADERS}Content-Length: {len(content)}\r\n\r\n"
            if self._transport is not None:
                self._transport.write(first.encode() + content)


def _length(head: str) -> int:
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


async def serve() -> None:
    """Serve until stdin ends, which it does with the process that started this one."""
    book, loop = Book(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(book), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}/v1\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
