"""What the lives of contacts send: bodies whose loss would show."""

from __future__ import annotations

import random
from types import MappingProxyType
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from conformance.kit.client import Client
from conformance.kit.model import Book, Known, Person, plain
from conformance.scenes.life import Life
from fixtures.factories import ContactFactory
from fixtures.strategies import values_of

DRAWN = {name: st.lists(values_of(name), min_size=2, max_size=4) for name in schemas.UPDATE_FIELDS}


@settings(max_examples=50)
@given(st.fixed_dictionaries(DRAWN), st.integers(0, 2**32))
def test_an_update_changes_what_the_contact_holds(held: dict[str, list[Any]], seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - test data, not keys
    fields = {
        name: Known((plain(name, values[0]),), tuple(plain(name, v) for v in values[1:]))
        for name, values in held.items()
    }
    known = MappingProxyType({"Ann": Person(MappingProxyType(fields))})
    same = [{name: values[0] for name, values in held.items()}] * 3
    life = Life(cast("Client", None), ContactFactory(rng, rng), rng, Book(known), generated=same)

    for _ in range(len(fields)):
        for name, value in life._changes("Ann").items():
            assert plain(name, value) not in (*fields[name].values, *fields[name].past)
