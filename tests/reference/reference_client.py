"""A caller of a reference server in this process, and the clock that the server reads."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import httpx
from starlette.applications import Starlette

SECRET = "a secret of the self-tests, long enough for HS256"
START = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""

Record: TypeAlias = dict[str, Any]


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Client:
    """One caller; the shorthands below `request` return what stands under `data`."""

    def __init__(self, app: Starlette, token: str | None, address: str = "192.0.2.1") -> None:
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.transport = httpx.ASGITransport(app, client=(address, 50_000))

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def exchange() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self.transport, base_url="http://server/v1", headers=self.headers
            ) as client:
                return await client.request(method, path, **content)

        return asyncio.run(exchange())

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)

    def put(self, path: str, **content: Any) -> httpx.Response:
        return self.request("PUT", path, **content)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)

    def create(self, **fields: Any) -> Record:
        body = {"first_name": "Jordan", "contact_type": "buyer", **fields}
        return data_of(self.post("/contacts", json=body))

    def read(self, contact_id: str) -> Record:
        return data_of(self.get(f"/contacts/{contact_id}"))

    def change(self, contact_id: str, **fields: Any) -> Record:
        return data_of(self.put(f"/contacts/{contact_id}", json=fields))

    def archive(self, contact_id: str) -> Record:
        return data_of(self.request("PATCH", f"/contacts/{contact_id}/archive"))

    def restore(self, contact_id: str) -> Record:
        return data_of(self.request("PATCH", f"/contacts/{contact_id}/restore"))

    def listed(self, **parameters: Any) -> Record:
        return data_of(self.get("/contacts", params=parameters))

    def listed_ids(self, **parameters: Any) -> list[str]:
        return [contact["id"] for contact in self.listed(**parameters)["contacts"]]

    def found_ids(self, **parameters: Any) -> list[str]:
        response = self.get("/contacts/search", params=parameters)
        assert response.is_success, response.text
        return [contact["id"] for contact in response.json()["data"]]


def data_of(response: httpx.Response) -> Record:
    assert response.is_success, response.text
    data: Record = response.json()["data"]
    return data
