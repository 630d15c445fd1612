"""The Contacts API as data: JSON Schemas, and the facts that other layers read from them.

Field names, enum values, defaults and limits stand in the JSON files beside this module and
nowhere else. The module knows nothing of servers, clients or tests, and imports none of them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from referencing import Registry

DIRECTORY = Path(__file__).resolve().parent
NAMES = tuple(sorted(path.stem for path in DIRECTORY.glob("*.json")))
"""Every schema that `load` and `validator` know, without the `.json`."""
OPENAPI_FILE = DIRECTORY / "openapi.yaml"
ASSERTED_FORMATS = ("date-time", "uuid")
"""Formats that `validator` asserts (OBJ-02, OBJ-04); the others only describe."""


@cache
def load(name: str) -> dict[str, Any]:
    """The schema in `<name>.json`, read once; shared by all callers, so never to be altered.

    Raises:
        LookupError: no schema has this name.
    """
    if name not in NAMES:
        raise LookupError(f"no schema is named {name!r}; there are {', '.join(NAMES)}")
    document: dict[str, Any] = json.loads((DIRECTORY / f"{name}.json").read_text("utf-8"))
    return document


@cache
def validator(name: str, definition: str | None = None) -> Draft202012Validator:
    """A validator of one schema, or of one entry of its `$defs`, with `ASSERTED_FORMATS`.

    References between the files resolve offline. jsonschema is imported at the first call, so
    that a server which only reads facts needs no such dependency.

    Raises:
        LookupError: no schema, or no definition in it, has this name.
    """
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415 - see above

    if definition is None:
        schema = load(name)
    else:
        load(name)["$defs"][definition]
        schema = {"$ref": f"{name}.json#/$defs/{definition}"}
    return Draft202012Validator(
        schema,
        registry=registry(),
        format_checker=FormatChecker(ASSERTED_FORMATS),
    )


@cache
def registry() -> Registry[Any]:
    """The schemas under the names by which they refer to each other; it fetches nothing."""
    from referencing import Registry, Resource  # noqa: PLC0415 - as in validator

    resources = (Resource.from_contents(load(name)) for name in NAMES)
    return Registry().with_resources((r.contents["$id"], r) for r in resources).crawl()


def _parameter(place: str, name: str, keyword: str) -> int:
    value: int = load("parameters")["$defs"][place]["properties"][name][keyword]
    return value


def _names(place: str) -> tuple[str, ...]:
    return tuple(load("parameters")["$defs"][place]["properties"])


_RECORD: dict[str, dict[str, Any]] = load("contact")["properties"]

CONTACT_FIELDS = tuple(_RECORD)
"""The 20 fields of a record, in documented order (OBJ-01)."""
SERVER_FIELDS = tuple(name for name, schema in _RECORD.items() if schema.get("readOnly"))
"""The 6 fields that the server alone sets (CREATE-14, UPDATE-09)."""
TEXT_FIELDS = tuple(
    name for name, schema in _RECORD.items() if schema.get("$ref") == "#/$defs/text"
)
"""The 14 fields that hold text or null, `full_name` among them (OBJ-03)."""
DATE_TIME_FIELDS = tuple(
    name for name, schema in _RECORD.items() if schema.get("format") == "date-time"
)
"""The 3 fields that hold a date-time (OBJ-04)."""
CREATE_FIELDS = tuple(load("contact-create")["properties"])
"""The 13 fields of a create, in documented order (CREATE-02)."""
CREATE_REQUIRED = tuple(load("contact-create")["required"])
"""The fields that a create cannot do without (CREATE-06, CREATE-07)."""
UPDATE_FIELDS = tuple(load("contact-update")["properties"])
"""The 13 fields of an update, in documented order (UPDATE-01)."""
CONTACT_TYPES: tuple[str, ...] = tuple(load("contact-create")["$defs"]["contact_type"]["enum"])
"""The 11 documented contact types (CREATE-04)."""

LIST_PARAMETERS = _names("list")
SEARCH_PARAMETERS = _names("search")
PAGE_DEFAULT = _parameter("list", "page", "default")
PAGE_MIN = _parameter("list", "page", "minimum")
LIST_LIMIT_DEFAULT = _parameter("list", "limit", "default")
LIST_LIMIT_MIN = _parameter("list", "limit", "minimum")
LIST_LIMIT_MAX = _parameter("list", "limit", "maximum")
SEARCH_LIMIT_DEFAULT = _parameter("search", "limit", "default")
SEARCH_LIMIT_MIN = _parameter("search", "limit", "minimum")
SEARCH_LIMIT_MAX = _parameter("search", "limit", "maximum")

RATE_LIMIT_REQUESTS = _parameter("headers", "RateLimit-Limit", "default")
"""Requests that the vendor allows one client address in a window (LIMIT-06)."""
RATE_LIMIT_WINDOW_S = _parameter("headers", "RateLimit-Reset", "default")
"""Length of the vendor's window in seconds (LIMIT-03)."""

_ERROR: dict[str, Any] = load("envelope-error")["$defs"]

ERROR_CODE_PATTERN: str = _ERROR["code"]["pattern"]
"""A regular expression for the whole of an error code (ENV-05)."""
NOT_FOUND_CODE: str = _ERROR["not_found"]["const"]
REFUSED_CODE: str = _ERROR["refused"]["const"]
RATE_LIMITED_CODE: str = _ERROR["limited"]["const"]
