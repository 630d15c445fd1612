"""The schemas hold the documented facts, accept what is legal, refuse what is not, and agree."""

from __future__ import annotations

import copy
import json
import re
import socket
import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kit.schema_documents import faults, references

import schemas
from conformance.kit.catalogue import TITLE_LENGTH, Catalogue, Gate, Tier


def example(name: str) -> dict[str, Any]:
    """The example of a document that satisfies the schema of the same name."""
    path = schemas.DIRECTORY / "examples" / f"{name}.json"
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


LIST = example("list")
CONTACT: dict[str, Any] = LIST["data"]["contacts"][0]
ERROR = example("envelope-error")
RESULTS = example("results")
LOAD = example("load")
_ABSENT = object()


def altered(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the document with another value at a dotted path, or without that key."""
    result = copy.deepcopy(document)
    *parents, last = path.split(".")
    place: Any = result
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    if value is _ABSENT:
        del place[last]
    else:
        place[last] = value
    return result


# ── the facts ────────────────────────────────────────────────────────────────────────────────────


def test_the_numbers_of_fields_and_types_are_the_documented_ones() -> None:
    sent = (schemas.CREATE_FIELDS, schemas.UPDATE_FIELDS, schemas.CONTACT_TYPES)
    held = (schemas.CONTACT_FIELDS, schemas.TEXT_FIELDS, schemas.SERVER_FIELDS)

    assert [len(names) for names in sent] == [13, 13, 11]
    assert [len(names) for names in held] == [20, 14, 6]
    assert schemas.DATE_TIME_FIELDS == ("archived_at", "created_at", "updated_at")


def test_a_record_is_what_clients_send_and_what_the_server_owns() -> None:
    sent = {*schemas.CREATE_FIELDS, *schemas.UPDATE_FIELDS}

    assert sent | set(schemas.SERVER_FIELDS) == set(schemas.CONTACT_FIELDS)
    assert sent & set(schemas.SERVER_FIELDS) == set()


def test_create_and_update_differ_in_one_field_each() -> None:
    create, update = set(schemas.CREATE_FIELDS), set(schemas.UPDATE_FIELDS)

    assert create - update == {"license_number"}
    assert update - create == {"contact_status"}


def test_a_create_requires_first_name_and_contact_type() -> None:
    assert schemas.CREATE_REQUIRED == ("first_name", "contact_type")


def test_paging_limits_are_the_documented_ones() -> None:
    listed = (schemas.LIST_LIMIT_MIN, schemas.LIST_LIMIT_DEFAULT, schemas.LIST_LIMIT_MAX)
    searched = (schemas.SEARCH_LIMIT_MIN, schemas.SEARCH_LIMIT_DEFAULT, schemas.SEARCH_LIMIT_MAX)

    assert (schemas.PAGE_DEFAULT, schemas.PAGE_MIN) == (1, 1)
    assert listed == (1, 25, 100)
    assert searched == (1, 50, 100)


def test_the_rate_limit_is_the_vendor_s() -> None:
    assert (schemas.RATE_LIMIT_REQUESTS, schemas.RATE_LIMIT_WINDOW_S) == (500, 900)


def test_parameters_are_the_documented_ones() -> None:
    assert schemas.LIST_PARAMETERS == ("search", "type", "archived", "page", "limit")
    assert schemas.SEARCH_PARAMETERS == ("name", "email", "role", "limit")


def test_the_documented_error_codes_have_the_documented_style() -> None:
    codes = (schemas.NOT_FOUND_CODE, schemas.REFUSED_CODE, schemas.RATE_LIMITED_CODE)

    assert codes == ("NOT_FOUND", "VALIDATION_ERROR", "RATE_LIMIT_EXCEEDED")
    assert all(re.fullmatch(schemas.ERROR_CODE_PATTERN, code) for code in codes)


@pytest.mark.parametrize("code", ["", "NotFound", "NOT-FOUND", "_NOT", "NOT_", "NOT__FOUND"])
def test_other_styles_are_no_screaming_snake_case(code: str) -> None:
    assert not re.fullmatch(schemas.ERROR_CODE_PATTERN, code)


# ── loading ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_schema_is_valid_and_named_after_its_file(name: str) -> None:
    schema = schemas.load(name)

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"{name}.json"


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_reference_resolves_without_a_network(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a schema was fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    resolver = schemas.registry().resolver(base_uri=f"{name}.json")

    resolved = [resolver.lookup(reference) for reference in references(schemas.load(name))]

    assert all(isinstance(found.contents, dict) for found in resolved)


def test_schemas_and_validators_are_made_once() -> None:
    assert schemas.load("contact") is schemas.load("contact")
    assert schemas.validator("list") is schemas.validator("list")


def test_an_unknown_schema_is_answered_with_those_there_are() -> None:
    with pytest.raises(LookupError, match=r"no schema is named 'contcat'; there are contact, "):
        schemas.load("contcat")
    with pytest.raises(LookupError, match="platfrom"):
        schemas.validator("envelope-error", "platfrom")


def test_reading_facts_imports_no_validator() -> None:
    program = "import schemas, sys; print('jsonschema' in sys.modules)"

    run = subprocess.run(  # noqa: S603 - this interpreter, a fixed program
        [sys.executable, "-c", program],
        cwd=schemas.DIRECTORY.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert run.stdout.strip() == "False"


# ── records and envelopes ────────────────────────────────────────────────────────────────────────


def test_a_record_of_nulls_where_nothing_was_set_is_valid() -> None:
    unset = dict.fromkeys((*schemas.TEXT_FIELDS, "tags", "archived_at"))

    assert faults("contact", CONTACT) == []
    assert faults("contact", {**CONTACT, **unset}) == []


def test_further_fields_are_valid_everywhere() -> None:
    record = {**CONTACT, "owner_id": 3}
    answer = {**LIST, "timestamp": "now"}

    assert faults("contact", record) == []
    assert faults("list", answer) == []
    assert faults("contact-create", {"first_name": "A", "contact_type": "other", "x": 1}) == []


@pytest.mark.parametrize("field", schemas.CONTACT_FIELDS)
def test_a_record_without_a_documented_field_is_invalid(field: str) -> None:
    assert faults("contact", altered(CONTACT, field, _ABSENT)) == [""]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "7b0d9a523c0e4a8e9d435f0f6f0f4a11"),
        ("id", None),
        ("first_name", 3),
        ("full_name", []),
        ("email", {}),
        ("tags", "one"),
        ("tags", {}),
        ("is_archived", None),
        ("is_archived", 0),
        ("archived_at", ""),
        ("created_at", None),
        ("created_at", "2026-03-04T05:06:07"),
        ("updated_at", "2026-03-04"),
    ],
)
def test_a_record_with_a_value_of_another_type_is_invalid(field: str, value: object) -> None:
    assert faults("contact", altered(CONTACT, field, value)) == [field]


def test_a_tag_that_is_no_text_is_invalid() -> None:
    assert faults("contact", {**CONTACT, "tags": ["a", None]}) == ["tags.1"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("success", 1),
        ("data", _ABSENT),
        ("data.stats", []),
        ("data.contacts", {}),
        ("data.meta.total", "1"),
        ("data.meta.total", -1),
        ("data.meta.limit", 101),
        ("data.meta.page", 0),
        ("data.meta.hasMore", None),
        ("data.contacts.0.tags", 1),
    ],
)
def test_a_list_with_a_part_of_another_form_is_invalid(path: str, value: object) -> None:
    assert faults("list", LIST) == []
    assert len(faults("list", altered(LIST, path, value))) == 1


def test_a_search_has_its_count_beside_the_array() -> None:
    assert faults("search", {"success": True, "data": [CONTACT], "count": 3}) == []
    assert faults("search", {"success": True, "data": [CONTACT]}) == [""]
    assert faults("search", {"success": True, "data": [{}], "count": 1})


def test_a_contact_envelope_holds_a_record() -> None:
    assert faults("envelope-contact", {"success": True, "data": CONTACT}) == []
    assert faults("envelope-contact", {"success": True, "data": None}) == ["data"]
    assert faults("envelope-success", {"success": True, "data": None}) == []


def test_an_error_needs_no_more_than_the_reference_states() -> None:
    assert faults("envelope-error", {"success": False, "error": {}}) == []
    assert faults("envelope-error", {"success": True, "error": {}}) == ["success"]
    assert faults("envelope-error", {"success": False, "error": "no"}) == ["error"]


@pytest.mark.parametrize("path", ["timestamp", "error.code", "error.message", "success"])
def test_an_error_needs_what_the_platform_states(path: str) -> None:
    assert faults("envelope-error", ERROR, "platform") == []
    assert faults("envelope-error", altered(ERROR, path, _ABSENT), "platform")
    assert faults("envelope-error", altered(ERROR, path, ""), "platform")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"contact_type": "buyer"}, ""),
        ({"first_name": "Ann"}, ""),
        ({"first_name": None, "contact_type": "buyer"}, "first_name"),
        ({"first_name": " ", "contact_type": "buyer"}, "first_name"),
        ({"first_name": "Ann", "contact_type": "Buyer"}, "contact_type"),
        ({"first_name": "Ann", "contact_type": "buyer", "email": "ann"}, "email"),
        ({"first_name": "Ann", "contact_type": "buyer", "email": "ann @example.com"}, "email"),
        ({"first_name": "Ann", "contact_type": "buyer", "tags": "a"}, "tags"),
        ({"first_name": "Ann", "contact_type": "buyer", "tags": [1]}, "tags.0"),
        ([], ""),
    ],
)
def test_a_create_body_that_the_contract_refuses_is_invalid(body: object, place: str) -> None:
    assert faults("contact-create", body) == [place]


def test_a_create_body_with_null_for_an_optional_field_is_left_to_the_server() -> None:
    optional = set(schemas.CREATE_FIELDS) - set(schemas.CREATE_REQUIRED)
    body = {"first_name": "Ann", "contact_type": "buyer", **dict.fromkeys(optional)}

    assert faults("contact-create", body) == []


def test_an_update_body_may_be_empty_and_its_type_any_text() -> None:
    assert faults("contact-update", {}) == []
    assert faults("contact-update", {"contact_type": "landlord"}) == []
    assert faults("contact-update", {"email": "@example.com"}) == ["email"]


# ── results ──────────────────────────────────────────────────────────────────────────────────────


def test_results_as_documented_are_valid() -> None:
    assert faults("results", RESULTS) == []
    assert faults("load", LOAD) == []


@pytest.mark.parametrize("key", RESULTS)
def test_results_without_a_documented_key_are_invalid(key: str) -> None:
    assert faults("results", altered(RESULTS, key, _ABSENT))


@pytest.mark.parametrize("key", LOAD)
def test_load_results_without_a_documented_key_are_invalid(key: str) -> None:
    assert faults("load", altered(LOAD, key, _ABSENT))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("verdict", "passed"),
        ("exit_status", 0),
        ("exit_status", 7),
        ("gate", "observed"),
        ("kit.catalogue_sha256", "abc"),
        ("clauses.0.status", "skipped"),
        ("clauses.0.status", "not_evaluated"),
        ("clauses.0.violations", []),
        ("clauses.0.violations.0.curl", _ABSENT),
        ("clauses.0.tier", "observed"),
        ("requests.by_operation.list", -1),
        ("requests.p50_ms", "3"),
    ],
)
def test_results_that_contradict_themselves_are_invalid(path: str, value: object) -> None:
    assert faults("results", altered(RESULTS, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("verdict", "failed"),
        ("exit_status", 6),
        ("reasons", ["late"]),
        ("arrivals.dropped", -1),
        ("limiter.kind", "leaky"),
        ("objectives.0.verdict", "passed"),
        ("total.latency_ms.service", _ABSENT),
    ],
)
def test_load_results_that_contradict_themselves_are_invalid(path: str, value: object) -> None:
    assert faults("load", altered(LOAD, path, value))


def test_results_and_catalogue_use_the_same_terms() -> None:
    terms = schemas.load("results")["$defs"]

    assert terms["tier"]["enum"] == list(Tier)
    assert terms["gate"]["enum"] == list(Gate)
    assert terms["clause"]["properties"]["title"]["maxLength"] == TITLE_LENGTH
    assert all(re.search(terms["clause_id"]["pattern"], clause.id) for clause in Catalogue.load())


def test_schemas_cite_only_clauses_that_exist() -> None:
    files = [
        path for path in schemas.DIRECTORY.iterdir() if path.suffix in (".json", ".yaml", ".toml")
    ]
    groups = "|".join(Catalogue.load().groups())
    cited = {
        clause
        for path in files
        for clause in re.findall(rf"\b(?:{groups})-[0-9]+\b", path.read_text("utf-8"))
    }

    assert cited <= set(Catalogue.load().ids())
