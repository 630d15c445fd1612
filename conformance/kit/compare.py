"""Comparing what was sent with what came back. Pure; the rulings' latitude stands here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import schemas

CLIENT_FIELDS = (*schemas.CREATE_FIELDS, "contact_status")
"""Fields that clients set, on create or on update."""

LIFE_FIELDS = ("is_archived", "archived_at", "updated_at")
"""Fields that archive and restore change themselves (ARCHIVE-03)."""


def differing(
    one: Mapping[str, Any], other: Mapping[str, Any], names: Iterable[str]
) -> dict[str, tuple[Any, Any]]:
    """Return the fields whose values differ, each with both values.

    The order of tags is CREATE-16's to judge, so here they are compared without it.
    """
    return {
        name: (one.get(name), other.get(name))
        for name in names
        if _comparable(name, one.get(name)) != _comparable(name, other.get(name))
    }


def differing_from_each(
    ones: Iterable[Mapping[str, Any]], other: Mapping[str, Any], names: Iterable[str]
) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which a record differs from each of several that show the same contact.

    Where a create and a list disagree, OBJ-09 tells: either is a value that may be kept.
    """
    each = [differing(one, other, list(names)) for one in ones]
    return {name: pair for name, pair in each[-1].items() if all(name in d for d in each)}


def _comparable(name: str, value: Any) -> Any:
    if name == "tags" and isinstance(value, list):
        return sorted(value, key=repr)
    return value


def told(differences: Mapping[str, tuple[Any, Any]]) -> str:
    """Return differences in words."""
    return "; ".join(
        f"{name}: {_short(was)} became {_short(now)}" for name, (was, now) in differences.items()
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def coerced(sent: Any, stored: Any) -> bool:
    """Whether a value of another JSON type was stored under a common coercion (rule 12).

    A number or boolean may be kept as its JSON text, a single text for tags as the array of it.
    """
    if isinstance(sent, bool | int | float):
        return bool(stored == json.dumps(sent))
    if isinstance(sent, list):
        plain = all(isinstance(item, str | bool | int | float) for item in sent)
        return plain and stored == [i if isinstance(i, str) else json.dumps(i) for i in sent]
    return isinstance(sent, str) and stored == [sent]


def holds_in_bounds(value: Any, least: int, most: int | None = None) -> bool:
    """Whether a value is an integer (no boolean) within the bounds."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return value >= least and (most is None or value <= most)
