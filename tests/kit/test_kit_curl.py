"""Curl lines repeat the request: bash gives back the very header, body and URL that were sent."""

from __future__ import annotations

import os
import subprocess

import pytest
from kit_doubles import (
    AN_ID,
    BASE_URL,
    NOW,
    TOKEN,
    Recorder,
    client_on,
    exchange,
    jwt_of,
    run,
    wire_to,
)

from conformance.kit import credentials
from conformance.kit.credentials import Credential
from conformance.kit.exchange import Exchange, Redactor
from conformance.kit.settings import Settings

SECOND = jwt_of(sub="bob")
TOKENS = {
    "one that ends as altered tokens do": TOKEN.rpartition(".")[0] + "." + "A" * 43,
    "an ordinary one": TOKEN,
    "one with dashes and underscores": TOKEN.rpartition(".")[0] + "._-_-" + "b" * 39,
    "one whose claims need padding": jwt_of(sub="annabel", exp=NOW + 1),
}
BODIES = {
    "JSON": b'{"first_name":"Jordan","contact_type":"buyer"}',
    "quotes": b"""{"notes":"it's \\"quoted\\""}""",
    "shell signs": b'{"notes":"$HOME `id` $(id) !! \\\\ %s"}',
    "what looks like a file": b"@body.json",
    "Unicode": '{"first_name":"Zoë 漢字 👩‍👩‍👧"}'.encode(),
    "control characters": b'{"notes":"a\tb\nc\x01"}',
    "invalid UTF-8": b'{"notes":"\xff\xfe"}',
    "nothing": b"",
}


def kinds(token: str) -> dict[str, Credential]:
    return {
        "bearer": credentials.bearer(token),
        "altered": credentials.altered(token),
        "cut short": credentials.cut_short(token),
        "unreadable": credentials.unreadable(token),
        "other scheme": credentials.other_scheme(token, "Basic"),
        "unsigned": credentials.unsigned(token),
        "unsigned, spelled otherwise": credentials.unsigned(token, "None"),
        "resigned": credentials.resigned(token, "secret"),
        "resigned with a longer key": credentials.resigned(token, "conformance-guess"),
        "lower case": credentials.lower_case_scheme(token),
        "api key": credentials.api_key(token),
        "no JWT": credentials.not_a_jwt(),
        "none": credentials.NO_CREDENTIAL,
    }


def arguments(line: str, **variables: str) -> list[bytes]:
    """The arguments with which bash calls curl for a line."""
    script = "curl() { printf '%s\\0' \"$@\"; }\n" + line
    done = subprocess.run(  # noqa: S603 - our own script
        ["bash", "-c", script],  # noqa: S607 - whichever bash there is
        env={**os.environ, "LC_ALL": "C.UTF-8", **variables},
        capture_output=True,
        check=True,
        timeout=10,
    )
    return done.stdout.split(b"\0")[:-1]


def after(option: str, given: list[bytes]) -> list[bytes]:
    """What follows each occurrence of an option."""
    return [given[i + 1] for i, word in enumerate(given) if word == option.encode()]


@pytest.mark.parametrize("name", TOKENS)
def test_the_shell_rebuilds_every_kind_of_credential(name: str) -> None:
    token = TOKENS[name]
    made = kinds(token)
    lines = [exchange(request_headers=c.shown).curl(Redactor([token])) for c in made.values()]

    given = arguments("; echo; ".join(lines), CONTACTS_TOKEN=token)

    sent = [f"{n}: {v}".encode() for c in made.values() for n, v in c.headers]
    assert after("-H", given) == sent


def test_other_accounts_have_variables_of_their_own() -> None:
    credential = credentials.bearer(SECOND, "$CONTACTS_SECOND_TOKEN", "the second token")
    line = exchange(request_headers=credential.shown).curl(Redactor([SECOND]))

    given = arguments(line, CONTACTS_SECOND_TOKEN=SECOND)

    assert after("-H", given) == [f"Authorization: Bearer {SECOND}".encode()]


def test_an_altered_token_differs_from_the_token_whatever_its_end() -> None:
    for token in TOKENS.values():
        ((_, value),) = credentials.altered(token).headers

        assert value != f"Bearer {token}"
        assert len(value) == len(f"Bearer {token}")


@pytest.mark.parametrize("name", BODIES)
def test_a_body_passes_the_shell_unchanged(settings: Settings, name: str) -> None:
    target = Recorder()

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            return await client_on(wire).create_raw(BODIES[name])

    given = arguments(run(act()).curl(Redactor()), CONTACTS_TOKEN=TOKEN)

    assert after("--data-raw", given) == [target.requests[0].content]
    assert after("-X", given) == [b"POST"]
    assert b"Content-Type: application/json" in after("-H", given)


def test_a_body_without_content_type_goes_out_without_one(settings: Settings) -> None:
    async def act() -> Exchange:
        async with wire_to(Recorder(), settings) as wire:
            return await client_on(wire).create_raw(b"{}", headers=())

    given = arguments(run(act()).curl(Redactor()))

    # An empty value keeps curl from adding a form's content type.
    assert b"Content-Type:" in after("-H", given)


@pytest.mark.parametrize("body", [b"x" * 5_000, b'{"a":"\0"}'])
def test_a_body_that_no_argument_can_hold_is_referred_to(body: bytes) -> None:
    line = exchange("create", sent=body).curl(Redactor())

    assert f"@body.json ({len(body)} bytes" in line


@pytest.mark.parametrize("search", ["q%e", "a b&c=d#e", "'\";--", "漢", "[1-3]{a,b}", "$HOME `id`"])
def test_a_url_passes_the_shell_unchanged(settings: Settings, search: str) -> None:
    target = Recorder()

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            return await client_on(wire).list(search=search)

    given = arguments(run(act()).curl(Redactor()))

    assert given[-1].decode() == str(target.requests[0].url)
    assert b"-X" not in given


def test_a_line_repeats_method_and_path(settings: Settings) -> None:
    async def act() -> Exchange:
        async with wire_to(Recorder(), settings) as wire:
            return await client_on(wire).archive(AN_ID)

    given = arguments(run(act()).curl(Redactor()))

    assert after("-X", given) == [b"PATCH"]
    assert given[-1].decode() == f"{BASE_URL}/contacts/{AN_ID}/archive"
