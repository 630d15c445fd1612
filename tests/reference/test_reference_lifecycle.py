"""Archive, restore, delete, and who sees what, on the reference server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from reference_client import SECRET, Client, Clock
from starlette.applications import Starlette

from fixtures.reference.app import create_app
from fixtures.reference.config import Config
from fixtures.reference.tokens import mint

STATE = {"is_archived", "archived_at", "updated_at"}
BY_ID = [
    ("GET", ""),
    ("PUT", ""),
    ("DELETE", ""),
    ("PATCH", "/archive"),
    ("PATCH", "/restore"),
]


def test_archiving_changes_the_state_alone_and_moves_the_contact(
    owner: Client, clock: Clock
) -> None:
    contact = owner.create(tags=["a"])
    clock.advance(3)

    archived = owner.archive(contact["id"])

    assert {name for name in contact if archived[name] != contact[name]} == STATE
    assert archived["is_archived"] is True
    assert archived["archived_at"] == "2027-01-15T08:00:03.000Z"
    assert owner.read(contact["id"]) == archived
    assert owner.listed()["meta"]["total"] == 0
    assert owner.listed(archived="true")["contacts"] == [archived]


def test_archiving_twice_and_restoring_an_active_contact_change_nothing(
    owner: Client, clock: Clock
) -> None:
    contact = owner.create()

    assert owner.restore(contact["id"]) == contact
    archived = owner.archive(contact["id"])
    clock.advance(3)
    assert owner.archive(contact["id"]) == archived


def test_a_contact_is_archived_and_restored_again_and_again(owner: Client, clock: Clock) -> None:
    contact = owner.create()

    for _ in range(3):
        clock.advance(1)
        owner.archive(contact["id"])
        restored = owner.restore(contact["id"])
        assert {**restored, "updated_at": ""} == {**contact, "updated_at": ""}
        assert owner.listed_ids() == [contact["id"]]
        assert owner.listed_ids(archived="true") == []


@pytest.mark.parametrize("archived", [False, True])
def test_a_deleted_contact_is_gone_for_good(owner: Client, archived: bool) -> None:
    bystander = owner.create(first_name="Bernice")
    contact = owner.create(first_name="Wolfgang", email="w@example.com")
    if archived:
        contact = owner.archive(contact["id"])

    deleted = owner.delete(f"/contacts/{contact['id']}")

    assert deleted.status_code == 200
    assert deleted.json()["data"] == contact
    for method, suffix in BY_ID:
        body = {"city": "Taft"} if method == "PUT" else None
        answer = owner.request(method, f"/contacts/{contact['id']}{suffix}", json=body)
        assert answer.status_code == 404
    assert owner.listed_ids() == owner.found_ids() == [bystander["id"]]
    assert owner.listed_ids(archived="true") == []
    assert owner.found_ids(name="wolfgang") == owner.found_ids(email="w@") == []
    assert owner.read(bystander["id"]) == bystander


def test_an_upper_case_id_names_the_same_contact(owner: Client) -> None:
    contact = owner.create()

    assert owner.read(contact["id"].upper()) == contact


@pytest.mark.parametrize(("method", "suffix"), BY_ID)
def test_strangers_do_not_see_a_contact(
    owner: Client, stranger: Client, method: str, suffix: str
) -> None:
    contact = owner.create(first_name="Wolfgang")
    body = {"first_name": "Mine"} if method == "PUT" else None

    answer = stranger.request(method, f"/contacts/{contact['id']}{suffix}", json=body)

    assert answer.status_code == 404
    assert owner.read(contact["id"]) == contact
    assert stranger.listed()["meta"]["total"] == 0
    assert stranger.listed()["stats"]["total"] == 0
    assert stranger.found_ids(name="wolfgang") == []


def test_a_viewer_shares_the_account_but_may_not_delete(owner: Client, viewer: Client) -> None:
    contact = owner.create()

    refused = viewer.delete(f"/contacts/{contact['id']}")

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "FORBIDDEN"
    assert viewer.read(contact["id"]) == owner.read(contact["id"]) == contact


def test_a_viewer_is_told_nothing_of_foreign_contacts(stranger: Client, viewer: Client) -> None:
    contact = stranger.create()

    assert viewer.delete(f"/contacts/{contact['id']}").status_code == 404


def test_parallel_updates_of_different_fields_all_stick(app: Starlette, owner: Client) -> None:
    contact = owner.create()
    values = {name: f"new {name}" for name in ("city", "notes", "phone", "company", "last_name")}

    async def race() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, headers=owner.headers) as client:
            url = f"http://server/v1/contacts/{contact['id']}"
            await asyncio.gather(*(client.put(url, json={k: v}) for k, v in values.items()))

    asyncio.run(race())

    assert {name: owner.read(contact["id"])[name] for name in values} == values


def test_a_database_file_outlives_its_server(tmp_path: Path, clock: Clock) -> None:
    config = Config(SECRET, database=str(tmp_path / "contacts.db"), clock=clock)
    token = mint(SECRET, subject="owner", now=clock())
    first = create_app(config)
    contact = Client(first, token).create(tags=["a"])
    first.state.application.close()

    second = create_app(config)
    read = Client(second, token).read(contact["id"])
    second.state.application.close()

    assert read == contact
