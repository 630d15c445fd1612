"""No credential leaves the kit: not in curl lines, evidence, reasons, echoes, or cut-off texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_doubles import (
    AN_ID,
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
from conformance.kit.catalogue import Catalogue, Gate
from conformance.kit.credentials import Credential
from conformance.kit.exchange import REDACTED, Exchange, Redactor
from conformance.kit.expect import Finding
from conformance.kit.ledger import Ledger
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.settings import Settings
from conformance.kit.target import target_with
from conformance.kit.verdict import TestOutcome, clause_document, judge_clause

SECOND = jwt_of(sub="bob", exp=NOW + 3600)
RESTRICTED = jwt_of(sub="vic", exp=NOW + 3600)
EXPIRED = jwt_of(sub="ann", exp=NOW - 3600)
ALL_TOKENS = (TOKEN, SECOND, RESTRICTED, EXPIRED)
GATEWAY = "dXNlcjpwYXNzd29yZC1vZi10aGUtZ2F0ZXdheQ=="
PIECE = 16
"""Characters of a payload or signature whose appearance counts as a leak."""


def kinds() -> dict[str, Credential]:
    return {
        "bearer": credentials.bearer(TOKEN),
        "altered": credentials.altered(TOKEN),
        "cut short": credentials.cut_short(TOKEN),
        "unreadable": credentials.unreadable(TOKEN),
        "other scheme": credentials.other_scheme(TOKEN, "Basic"),
        "unsigned": credentials.unsigned(TOKEN),
        "resigned": credentials.resigned(TOKEN, "secret"),
        "lower case": credentials.lower_case_scheme(TOKEN),
        "api key": credentials.api_key(TOKEN),
    }


def leaks(text: str, token: str = TOKEN) -> list[str]:
    """Every piece of the token's claims and signature that stands in the text."""
    _, claims, signature = token.split(".")
    return [
        secret[i : i + PIECE]
        for secret in (claims, signature)
        for i in range(max(1, len(secret) - PIECE + 1))
        if secret[i : i + PIECE] in text
    ]


def redactor() -> Redactor:
    target = target_with("http://target.example/v1", TOKEN, SECOND, RESTRICTED, EXPIRED)
    return Redactor(target.secrets())


def echoing() -> Callable[[httpx.Request], Any]:
    """A target that sends every header back, in its own headers and in its body."""

    async def target(request: httpx.Request) -> httpx.Response:
        sent = {f"x-echo-{name}": value for name, value in request.headers.items()}
        body = {"success": False, "error": {"code": "BAD", "message": str(sent)}, "sent": sent}
        return httpx.Response(400, headers=sent, content=json.dumps(body))

    return target


@pytest.mark.parametrize("kind", kinds())
def test_a_curl_line_and_evidence_show_no_credential(settings: Settings, kind: str) -> None:
    async def act() -> Exchange:
        async with wire_to(echoing(), settings) as wire:
            return await client_on(wire).speaking_as(kinds()[kind]).get(AN_ID)

    x = run(act())
    shown = x.curl(redactor()) + json.dumps(x.as_evidence(redactor()))

    assert leaks(shown) == []
    assert "$CONTACTS_TOKEN" in shown or "{CONTACTS_TOKEN" in shown


def test_headers_of_the_user_are_shown_by_name_only(settings_with: Any) -> None:
    settings = settings_with(header=(("X-Gateway", f"Basic {GATEWAY}"),))

    async def act() -> Exchange:
        async with wire_to(echoing(), settings) as wire:
            return await client_on(wire).get(AN_ID)

    x = run(act())
    redact = Redactor([f"Basic {GATEWAY}"])
    shown = x.curl(redact) + json.dumps(x.as_evidence(redact))

    assert "X-Gateway" in shown
    assert GATEWAY not in shown


def test_private_response_headers_are_hidden_whole() -> None:
    x = exchange(headers={"set-cookie": "session=0123456789", "x-api-key": "k"})

    shown = x.as_evidence(Redactor())["response"]["headers"]

    assert shown == {"set-cookie": REDACTED, "x-api-key": REDACTED}


@pytest.mark.parametrize("token", ALL_TOKENS)
def test_every_token_of_the_target_is_redacted(token: str) -> None:
    for text in (token, f"Bearer {token}", json.dumps({"a": token}), token.rpartition(".")[2]):
        assert leaks(redactor()(text), token) == []


def test_a_token_the_kit_never_saw_is_redacted_by_its_form() -> None:
    refreshed = jwt_of(sub="ann", exp=NOW + 7200)

    assert Redactor()(f'{{"token":"{refreshed}"}}') == f'{{"token":"{REDACTED}"}}'


@pytest.mark.parametrize("form", ["plain", "JSON", "URL"])
def test_a_secret_is_redacted_in_every_spelling(form: str) -> None:
    secret = 'pass"word/with\\signs&more'
    spelt = {
        "plain": secret,
        "JSON": json.dumps(secret)[1:-1],
        "URL": str(httpx.QueryParams({"q": secret}))[2:],
    }

    assert Redactor([secret])(f"<{spelt[form]}>") == f"<{REDACTED}>"


@given(st.integers(min_value=0, max_value=len(TOKEN)))
def test_a_token_cut_anywhere_is_not_readable(length: int) -> None:
    text = f"echoed Bearer {TOKEN[:length]}"

    assert leaks(redactor()(text)) == []


@given(st.integers(min_value=PIECE, max_value=len(GATEWAY)))
def test_an_opaque_secret_cut_anywhere_is_not_readable(length: int) -> None:
    text = Redactor([GATEWAY])(f"echoed {GATEWAY[:length]}...")

    assert GATEWAY[:PIECE] not in text


def test_a_header_value_that_is_a_json_word_hides_nothing() -> None:
    assert Redactor(["true"])('{"success": true}') == '{"success": true}'


def test_texts_without_secrets_stay_as_they_are() -> None:
    text = "eyJhbGciOiJub25lIn0.$(echo $CONTACTS_TOKEN | cut -d. -f2). and application/json"

    assert redactor()(text) == text


def test_a_violation_shows_no_token_that_the_target_echoed() -> None:
    clause = Catalogue.load()["ENV-01"]
    for padding in range(0, 320, 7):
        actual = ("x" * padding + f" Bearer {TOKEN}")[:300]
        finding = Finding(f"not {TOKEN}"[:60], actual, exchange(body={"echo": TOKEN}))
        outcome = TestOutcome(clause.id, "a test", "violated", 1, (finding,))
        verdict = judge_clause(clause, [outcome], Gate.REQUIRED)

        document = clause_document(verdict, redactor())

        assert leaks(json.dumps(document)) == []


def test_a_credential_that_cannot_be_sent_is_not_quoted_in_the_reason(settings: Settings) -> None:
    async def act() -> None:
        transport = httpx.AsyncHTTPTransport()
        async with wire_to(transport, settings) as wire:
            await client_on(wire, token=f"{TOKEN}\n").get(AN_ID)

    with pytest.raises(TargetUnavailable) as caught:
        run(act())
    assert leaks(redactor()(caught.value.reason)) == []


def test_settings_credentials_and_targets_print_no_secret(settings_with: Any) -> None:
    settings = settings_with(
        second_token=SECOND,
        expired_token=EXPIRED,
        token_command=f"echo {TOKEN}",
        header=(("X-Gateway", GATEWAY),),
    )
    target = target_with("http://target.example/v1", TOKEN, SECOND, RESTRICTED, EXPIRED)

    printed = repr(settings) + repr(target) + "".join(map(repr, kinds().values()))

    assert [t for t in ALL_TOKENS if leaks(printed, t)] == []
    assert GATEWAY not in printed


def test_the_ledger_and_requests_hold_no_credential(settings: Settings, tmp_path: Any) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", {"run": "1"})
    target = Recorder()

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            return await client_on(wire, ledger).create({"first_name": "Jordan"})

    x = run(act())
    ledger.close()

    assert leaks((tmp_path / "ledger.jsonl").read_text() + repr(x.request)) == []
    assert target.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
