"""Envelopes, routing, bodies and credentials of the reference server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jwt
import pytest
from reference_client import SECRET, START, Client
from starlette.applications import Starlette

import schemas
from fixtures.reference.app import Application, create_app
from fixtures.reference.config import Config
from fixtures.reference.contacts import Contacts
from fixtures.reference.tokens import Caller, mint

UNKNOWN = "00000000-0000-4000-8000-000000000000"
OPERATIONS = [
    ("GET", "/contacts"),
    ("POST", "/contacts"),
    ("GET", "/contacts/search"),
    ("GET", f"/contacts/{UNKNOWN}"),
    ("PUT", f"/contacts/{UNKNOWN}"),
    ("DELETE", f"/contacts/{UNKNOWN}"),
    ("PATCH", f"/contacts/{UNKNOWN}/archive"),
    ("PATCH", f"/contacts/{UNKNOWN}/restore"),
]
MALFORMED_IDS = [
    "abc",
    "42",
    UNKNOWN[:-1],
    UNKNOWN + "0",
    UNKNOWN + "%0A",
    UNKNOWN.replace("-", ""),
    "a%2Fb",
    "%00",
    "%F0%9F%98%80",
    "search%0A",
]


def test_successes_match_the_schemas(owner: Client) -> None:
    contact = owner.create(last_name="Lee", email="jordan@example.com", tags=["a"])

    listed = owner.get("/contacts").json()
    found = owner.get("/contacts/search").json()
    read = owner.get(f"/contacts/{contact['id']}").json()

    schemas.validator("list").validate(listed)
    schemas.validator("search").validate(found)
    schemas.validator("envelope-contact").validate(read)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_asks_for_credentials(anonymous: Client, method: str, path: str) -> None:
    response = anonymous.request(method, path)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    schemas.validator("envelope-error").validate(response.json())


def test_errors_carry_code_message_timestamp_and_details(owner: Client) -> None:
    response = owner.post("/contacts", json={"first_name": 1, "email": "x"})

    body = response.json()
    assert response.status_code == 400
    assert body["success"] is False
    assert body["error"]["code"] == "VALIDATION_ERROR"
    assert body["error"]["message"]
    assert {detail["field"] for detail in body["error"]["details"]} == {
        "first_name",
        "contact_type",
        "email",
    }
    assert datetime.fromisoformat(body["timestamp"]).timestamp() == START


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("GET", "/contacts/", 404, "NOT_FOUND"),
        ("GET", f"/contacts/{UNKNOWN}/", 404, "NOT_FOUND"),
        ("GET", "/Contacts", 404, "NOT_FOUND"),
        ("PATCH", "/contacts", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/contacts", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/contacts/search", 405, "METHOD_NOT_ALLOWED"),
        ("GET", f"/contacts/{UNKNOWN}/archive", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_unknown_paths_and_methods_answer_in_the_envelope(
    owner: Client, method: str, path: str, status: int, code: str
) -> None:
    response = owner.request(method, path)

    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.headers["content-type"] == "application/json"
    assert "ratelimit-remaining" in response.headers


def test_405_names_all_methods_of_the_path(owner: Client) -> None:
    response = owner.request("PATCH", "/contacts")

    assert response.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", MALFORMED_IDS)
@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("PATCH", "/archive"),
        ("PATCH", "/restore"),
    ],
)
def test_malformed_ids_are_not_found(owner: Client, path: str, method: str, suffix: str) -> None:
    body = {"notes": "x"} if method == "PUT" else None

    response = owner.request(method, f"/contacts/{path}{suffix}", json=body)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "NOT_FOUND"


def test_a_line_feed_does_not_extend_a_fixed_path(owner: Client) -> None:
    assert owner.get("/contacts%0A").status_code == 404
    assert owner.get("/contacts/search%0A").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"first_name": "Jo", "contact_type": ',
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b"NaN",
        b'{"first_name": NaN, "contact_type": "buyer"}',
        b"\xef\xbb\xbf{}",
        b'{"first_name": "\xff", "contact_type": "buyer"}',
        '{"first_name": "Jo", "contact_type": "buyer"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"first_name": ' + b"9" * 5_000 + b"}",
    ],
    ids=range(15),
)
def test_bodies_that_are_no_json_object_are_refused(owner: Client, raw: bytes) -> None:
    contact = owner.create()

    created = owner.post("/contacts", content=raw)
    updated = owner.put(f"/contacts/{contact['id']}", content=raw)

    assert (created.status_code, updated.status_code) == (400, 400)
    assert created.json()["error"]["code"] == "VALIDATION_ERROR"
    assert owner.listed()["meta"]["total"] == 1


def test_a_body_of_a_mebibyte_is_read_and_one_byte_more_is_not(owner: Client) -> None:
    frame = '{"first_name":"Jo","contact_type":"buyer","notes":"%s"}'
    largest = frame % ("n" * (1024 * 1024 - len(frame) + 2))

    accepted = owner.post("/contacts", content=largest)
    refused = owner.post("/contacts", content=largest + " ")

    assert accepted.status_code == 201
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_the_content_type_of_a_body_does_not_matter(owner: Client) -> None:
    body = json.dumps({"first_name": "Jo", "contact_type": "buyer"})

    response = owner.post("/contacts", content=body, headers={"Content-Type": "text/plain"})

    assert response.status_code == 201


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
    return ".".join((*encoded, ""))


def signed(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


BAD_CREDENTIALS: dict[str, Callable[[str], dict[str, str]]] = {
    "no scheme": lambda token: {"Authorization": token},
    "basic": lambda _: {"Authorization": "Basic b3duZXI6c2VjcmV0"},
    "other scheme": lambda token: {"Authorization": f"Token {token}"},
    "no token": lambda _: {"Authorization": "Bearer"},
    "blank token": lambda _: {"Authorization": "Bearer  "},
    "no jwt": lambda _: {"Authorization": "Bearer abc"},
    "not ascii": lambda _: {"Authorization": "Bearer é.é.é"},
    "altered": lambda token: {"Authorization": f"Bearer {token[:-3]}AAA"},
    "cut": lambda token: {"Authorization": f"Bearer {token.rpartition('.')[0]}."},
    "alg none": lambda _: {"Authorization": f"Bearer {unsigned({'sub': 'owner', 'exp': 2e9})}"},
    "guessed key": lambda _: {
        "Authorization": f"Bearer {mint('secret' * 6, subject='owner', now=START)}"
    },
    "expired": lambda _: {
        "Authorization": f"Bearer {mint(SECRET, subject='owner', now=START, ttl_s=-1)}"
    },
    "expires now": lambda _: {
        "Authorization": f"Bearer {mint(SECRET, subject='owner', now=START, ttl_s=0)}"
    },
    "not valid yet": lambda _: signed(sub="owner", exp=START + 60, nbf=START + 1),
    "times of text": lambda _: signed(sub="owner", exp="tomorrow"),
    "no expiry": lambda _: signed(sub="owner"),
    "no subject": lambda _: signed(exp=START + 60),
    "subject of a number": lambda _: signed(sub=1, exp=START + 60),
    "api key": lambda token: {"X-API-Key": token},
    "deep header": lambda _: {
        "Authorization": "Bearer "
        + base64.urlsafe_b64encode(b"[" * 30_000).decode().rstrip("=")
        + ".e30.AAAA"
    },
}


@pytest.mark.parametrize("make", BAD_CREDENTIALS.values(), ids=BAD_CREDENTIALS)
def test_bad_credentials_are_refused_before_the_body(
    anonymous: Client,
    owner: Client,
    token: Callable[..., str],
    make: Callable[[str], dict[str, str]],
) -> None:
    headers = [(name.encode(), value.encode()) for name, value in make(token()).items()]

    response = anonymous.post("/contacts", content=b"{", headers=headers)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "UNAUTHORIZED"
    assert owner.listed()["meta"]["total"] == 0


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "BeArEr"])
def test_the_scheme_is_case_insensitive(
    anonymous: Client, token: Callable[..., str], scheme: str
) -> None:
    response = anonymous.get("/contacts", headers={"Authorization": f"{scheme} {token()}"})

    assert response.status_code == 200


def test_a_fault_of_the_server_says_nothing_of_its_inside(
    config: Config, token: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Contacts):
        async def get_contact(self, caller: Caller, contact_id: str) -> dict[str, Any]:
            raise RuntimeError(f"{caller} {contact_id}")

    app = create_app(config, contacts_factory=Broken)
    response = Client(app, token()).get(f"/contacts/{UNKNOWN}")
    app.state.application.close()

    assert response.status_code == 500
    assert response.json()["error"]["code"] == "INTERNAL_ERROR"
    assert UNKNOWN not in response.text
    assert "get failed" in caplog.text


def test_a_body_that_breaks_off_stores_nothing(app: Starlette, owner: Client) -> None:
    parts = iter(
        [
            {"type": "http.request", "body": b'{"first_name": ', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", owner.headers["Authorization"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/contacts", "headers": headers}
    asyncio.run(app({**scope, "query_string": b"", "client": ("192.0.2.1", 1)}, receive, send))

    assert sent[0]["status"] == 400
    assert owner.listed()["meta"]["total"] == 0


def test_every_layer_can_be_replaced(config: Config, token: Callable[..., str]) -> None:
    class Teapot(Application):
        def success_status(self, operation: str) -> int:
            return 418 if operation == "list" else 200

    app = create_app(config, application_factory=Teapot)
    response = Client(app, token()).get("/contacts")
    app.state.application.close()

    assert response.status_code == 418


def test_the_application_is_reachable_from_the_app(app: Starlette) -> None:
    assert isinstance(app.state.application, Application)
