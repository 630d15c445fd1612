"""What a schema says of a document, and what a document refers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemas


def faults(name: str, document: Any, definition: str | None = None) -> list[str]:
    """The dotted places at which a document breaks a schema."""
    errors = schemas.validator(name, definition).iter_errors(document)
    return [".".join(map(str, error.absolute_path)) for error in errors]


def references(node: Any) -> Iterator[str]:
    """Every `$ref` in a document, at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
