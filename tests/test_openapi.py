"""The OpenAPI document is valid, describes the documented operations, and agrees with the schemas."""

from __future__ import annotations

from typing import Any

import pytest
from kit.schema_documents import faults, references
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.readers import read_from_filename

import schemas

OPERATIONS = {
    "listContacts": ("get", "/contacts", {200, 400, 401, 429, 500}),
    "createContact": ("post", "/contacts", {201, 400, 401, 429, 500}),
    "searchContacts": ("get", "/contacts/search", {200, 400, 401, 429, 500}),
    "getContact": ("get", "/contacts/{id}", {200, 401, 404, 429, 500}),
    "updateContact": ("put", "/contacts/{id}", {200, 400, 401, 404, 429, 500}),
    "deleteContact": ("delete", "/contacts/{id}", {200, 401, 403, 404, 429, 500}),
    "archiveContact": ("patch", "/contacts/{id}/archive", {200, 401, 404, 429, 500}),
    "restoreContact": ("patch", "/contacts/{id}/restore", {200, 401, 404, 429, 500}),
}
RULED_STATUSES = {
    "createContact": {413, 415},
    "getContact": {400},
    "updateContact": {409, 413, 415},
    "deleteContact": {400},
    "archiveContact": {400},
    "restoreContact": {400},
}


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    document, _ = read_from_filename(str(schemas.OPENAPI_FILE))
    return dict(document)


def test_the_openapi_document_is_valid() -> None:
    document, base_uri = read_from_filename(str(schemas.OPENAPI_FILE))

    assert list(OpenAPIV31SpecValidator(document, base_uri=base_uri).iter_errors()) == []


def test_the_openapi_document_has_the_eight_operations(openapi: dict[str, Any]) -> None:
    methods = ("get", "post", "put", "patch", "delete")
    found = {
        item[method]["operationId"]: (method, path)
        for path, item in openapi["paths"].items()
        for method in methods
        if method in item
    }

    assert found == {name: place[:2] for name, place in OPERATIONS.items()}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_statuses_are_the_documented_and_the_ruled_ones(
    openapi: dict[str, Any], operation: str
) -> None:
    method, path, documented = OPERATIONS[operation]
    listed = {int(status) for status in openapi["paths"][path][method]["responses"]}

    assert listed == documented | RULED_STATUSES.get(operation, set())


def test_parameters_of_the_openapi_document_are_those_of_the_schemas(
    openapi: dict[str, Any],
) -> None:
    prefix = "./parameters.json#/$defs/"
    described = {
        parameter["schema"]["$ref"].removeprefix(prefix): parameter["name"]
        for parameter in openapi["components"]["parameters"].values()
    }

    assert described == {
        "path/properties/id": "id",
        **{f"list/properties/{name}": name for name in schemas.LIST_PARAMETERS},
        **{f"search/properties/{name}": name for name in schemas.SEARCH_PARAMETERS},
    }


def test_references_of_the_openapi_document_name_schema_files(openapi: dict[str, Any]) -> None:
    files = {reference.partition("#")[0] for reference in references(openapi)} - {""}

    assert files <= {f"./{name}.json" for name in schemas.NAMES}
    assert files >= {"./contact-create.json", "./contact-update.json", "./list.json"}


def test_examples_of_the_openapi_document_are_valid(openapi: dict[str, Any]) -> None:
    for operation, schema in (("post", "contact-create"), ("put", "contact-update")):
        path = "/contacts" if operation == "post" else "/contacts/{id}"
        content = openapi["paths"][path][operation]["requestBody"]["content"]["application/json"]

        assert content["schema"]["$ref"] == f"./{schema}.json"
        for example in content["examples"].values():
            assert faults(schema, example["value"]) == []
