"""Create and update: which values the reference server stores, and which it refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from reference_client import Client, Clock

import schemas

VALUES: dict[str, Any] = {
    "first_name": "Zoë",
    "last_name": "O'Neil-李",
    "contact_type": "title_officer",
    "contact_status": "past client",
    "email": "zoe.oneil+x@mail.example.org",
    "phone": "+1 661 555 0123",
    "company": "<script>alert(1)</script>",
    "license_number": "DRE-0042",
    "street_address": "../../etc/passwd",
    "city": "Bakersfield",
    "state": "CA",
    "zip_code": "93301",
    "notes": "'; DROP TABLE contacts; -- {{7*7}} \u202eabc e\u0301 👩‍👩‍👧\t\r\n",
    "tags": ["b", "a", "ü", "b"],
}
CREATE_VALUES = {name: VALUES[name] for name in schemas.CREATE_FIELDS}
UPDATE_VALUES = {name: VALUES[name] for name in schemas.UPDATE_FIELDS}
TEXTS = sorted({*schemas.CREATE_FIELDS, *schemas.UPDATE_FIELDS} - {"tags"})
UNFIT = ["\x00", "a\x00b", "\x07", "\x1b[0m", "\x0b", "\x1f"]
BAD_EMAILS = [
    "",
    "x",
    "x.example.com",
    "@example.com",
    "x@",
    "a b@example.com",
    "a@b c.com",
    "a@@b",
]
GOOD_EMAILS = [
    "a+b@example.com",
    "a.b.c@x-y.example.org",
    "123@example.net",
    "o'x_%*@a.b.example.com",
]


def test_a_minimal_contact_is_active_and_empty(owner: Client) -> None:
    contact = owner.create()

    assert contact == {
        **dict.fromkeys(schemas.CONTACT_FIELDS),
        "id": contact["id"],
        "first_name": "Jordan",
        "full_name": "Jordan",
        "contact_type": "buyer",
        "tags": [],
        "is_archived": False,
        "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
    }
    assert owner.read(contact["id"]) == contact


def test_all_fields_of_a_create_are_stored_as_sent(owner: Client) -> None:
    contact = owner.create(**CREATE_VALUES)

    assert {name: contact[name] for name in CREATE_VALUES} == CREATE_VALUES
    assert contact["full_name"] == "Zoë O'Neil-李"
    assert owner.read(contact["id"]) == contact


@pytest.mark.parametrize("contact_type", schemas.CONTACT_TYPES)
def test_each_documented_type_is_accepted(owner: Client, contact_type: str) -> None:
    created = owner.create(contact_type=contact_type)
    changed = owner.change(owner.create()["id"], contact_type=contact_type)

    assert (created["contact_type"], changed["contact_type"]) == (contact_type, contact_type)


@pytest.mark.parametrize("value", ["broker", "Buyer", "BUYER", "", " buyer", None, 1, True, [], {}])
def test_other_types_are_refused(owner: Client, value: Any) -> None:
    contact = owner.create()

    created = owner.post("/contacts", json={"first_name": "Jo", "contact_type": value})
    updated = owner.put(f"/contacts/{contact['id']}", json={"contact_type": value})

    assert (created.status_code, updated.status_code) == (400, 400)


@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "\u3000", 1, True, [], {}])
def test_a_blank_or_missing_first_name_is_refused(owner: Client, value: Any) -> None:
    contact = owner.create()

    created = owner.post("/contacts", json={"first_name": value, "contact_type": "buyer"})
    updated = owner.put(f"/contacts/{contact['id']}", json={"first_name": value})

    assert (created.status_code, updated.status_code) == (400, 400)
    assert owner.read(contact["id"]) == contact


@pytest.mark.parametrize("missing", schemas.CREATE_REQUIRED)
def test_the_required_fields_are_required(owner: Client, missing: str) -> None:
    body = {"first_name": "Jo", "contact_type": "buyer"}
    del body[missing]

    response = owner.post("/contacts", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["details"][0]["field"] == missing


@pytest.mark.parametrize("email", BAD_EMAILS)
def test_malformed_emails_are_refused(owner: Client, email: str) -> None:
    contact = owner.create()

    created = owner.post(
        "/contacts", json={"first_name": "Jo", "contact_type": "buyer", "email": email}
    )
    updated = owner.put(f"/contacts/{contact['id']}", json={"email": email})

    assert (created.status_code, updated.status_code) == (400, 400)


@pytest.mark.parametrize("email", GOOD_EMAILS)
def test_unusual_emails_are_accepted(owner: Client, email: str) -> None:
    assert owner.create(email=email)["email"] == email


@pytest.mark.parametrize("value", [1, 1.5, True, {}, ["x"]])
@pytest.mark.parametrize("name", TEXTS)
def test_other_json_types_are_refused_for_text(owner: Client, name: str, value: Any) -> None:
    contact = owner.create()
    required = {"first_name": "Jo", "contact_type": "buyer"}

    created = owner.post("/contacts", json={**required, name: value})
    updated = owner.put(f"/contacts/{contact['id']}", json={"city": "Taft", name: value})

    assert created.status_code == (400 if name in schemas.CREATE_FIELDS else 201)
    assert updated.status_code == (400 if name in schemas.UPDATE_FIELDS else 200)
    assert (owner.read(contact["id"]) == contact) is (name in schemas.UPDATE_FIELDS)


@pytest.mark.parametrize("tags", ["a", 1, {}, True, [1], ["a", None], [["a"]]])
def test_tags_are_an_array_of_strings(owner: Client, tags: Any) -> None:
    body = {"first_name": "Jo", "contact_type": "buyer", "tags": tags}

    assert owner.post("/contacts", json=body).status_code == 400


@pytest.mark.parametrize("text", UNFIT)
def test_control_characters_are_refused(owner: Client, text: str) -> None:
    base = {"first_name": "Jo", "contact_type": "buyer"}

    for field in ({"notes": text}, {"first_name": f"x{text}"}, {"tags": [text]}):
        assert owner.post("/contacts", json={**base, **field}).status_code == 400


@pytest.mark.parametrize("half", [b"\\ud800", b"\\udc00", b"\\udc00\\ud800"])
def test_lone_surrogates_are_refused(owner: Client, half: bytes) -> None:
    body = b'{"first_name": "x%s", "contact_type": "buyer"}' % half

    assert owner.post("/contacts", content=body).status_code == 400


@pytest.mark.parametrize(
    ("name", "length"), [("notes", 1_000), ("notes", 100_000), ("first_name", 5_000)]
)
def test_long_texts_are_stored_whole(owner: Client, name: str, length: int) -> None:
    assert owner.create(**{name: "é" * length})[name] == "é" * length


@pytest.mark.parametrize("name", sorted({*TEXTS, "tags"} - {"first_name", "contact_type"}))
def test_null_clears_an_optional_field(owner: Client, name: str) -> None:
    contact = owner.create(**CREATE_VALUES)

    changed = owner.change(contact["id"], **{name: None})

    assert changed[name] == (None if name != "license_number" else contact[name])
    assert owner.read(contact["id"]) == changed


def test_server_owned_and_unknown_fields_are_ignored(owner: Client) -> None:
    foreign = {
        "id": "11111111-1111-4111-8111-111111111111",
        "full_name": "Someone Else",
        "is_archived": True,
        "archived_at": "2020-01-01T00:00:00Z",
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "account": "stranger",
        "deleted_at": "2020-01-01T00:00:00Z",
        "first_name_key": "x",
        "unheard of": 1,
    }

    created = owner.create(**foreign, contact_status="lead")
    changed = owner.change(created["id"], **foreign, license_number="L1")

    assert created["id"] != foreign["id"]
    assert created["full_name"] == "Jordan"
    assert created["is_archived"] is False
    assert created["contact_status"] is None
    assert changed == created


def test_equal_creates_give_two_contacts(owner: Client) -> None:
    first, second = owner.create(email="x@example.com"), owner.create(email="x@example.com")

    assert first["id"] != second["id"]
    assert owner.listed()["meta"]["total"] == 2


@pytest.mark.parametrize("name", schemas.UPDATE_FIELDS)
def test_an_update_changes_the_field_sent_alone(owner: Client, clock: Clock, name: str) -> None:
    contact = owner.create(last_name="Lee")
    clock.advance(2)

    changed = owner.change(contact["id"], **{name: UPDATE_VALUES[name]})

    full_name = {"first_name": "Zoë Lee", "last_name": "Jordan O'Neil-李"}.get(name, "Jordan Lee")
    assert changed == {
        **contact,
        name: UPDATE_VALUES[name],
        "full_name": full_name,
        "updated_at": "2027-01-15T08:00:02.000Z",
    }
    assert owner.read(contact["id"]) == changed


def test_an_update_changes_all_fields_together(owner: Client) -> None:
    contact = owner.create()

    changed = owner.change(contact["id"], **UPDATE_VALUES)

    assert {name: changed[name] for name in UPDATE_VALUES} == UPDATE_VALUES
    assert changed["id"] == contact["id"]
    assert changed["created_at"] == contact["created_at"]
    assert owner.change(contact["id"], **UPDATE_VALUES) == changed


def test_an_empty_update_changes_nothing(owner: Client, clock: Clock) -> None:
    contact = owner.create(tags=["a"])
    clock.advance(5)

    assert owner.change(contact["id"]) == contact


def test_updated_at_rises_with_every_change_even_when_the_clock_does_not(
    owner: Client, clock: Clock
) -> None:
    contact = owner.create()

    first = owner.change(contact["id"], city="Taft")
    clock.advance(-10)
    second = owner.archive(contact["id"])

    assert contact["updated_at"] < first["updated_at"] < second["updated_at"]
    assert second["archived_at"] == second["updated_at"]


def test_a_refused_update_names_all_problems_and_changes_nothing(owner: Client) -> None:
    contact = owner.create()

    response = owner.put(
        f"/contacts/{contact['id']}", json={"city": "Taft", "email": "x", "phone": 1}
    )

    fields = [detail["field"] for detail in response.json()["error"]["details"]]
    assert fields == ["email", "phone"]
    assert owner.read(contact["id"]) == contact


def test_tags_are_replaced_as_a_whole(owner: Client) -> None:
    contact = owner.create(tags=["a", "b"])

    assert owner.change(contact["id"], tags=["c"])["tags"] == ["c"]
    assert owner.change(contact["id"], tags=[])["tags"] == []


def test_an_archived_contact_can_be_updated_and_stays_archived(owner: Client) -> None:
    contact = owner.archive(owner.create()["id"])

    changed = owner.change(contact["id"], city="Taft")

    assert changed["is_archived"] is True
    assert changed["archived_at"] == contact["archived_at"]


def test_timestamps_are_milliseconds_in_utc(owner: Client, clock: Clock) -> None:
    clock.advance(0.0625)

    assert re.fullmatch(r"2027-01-15T08:00:00\.062Z", owner.create()["created_at"])
