"""Examples drawn before any is sent: repeatable, not the simplest, and nothing else happens."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from conformance.kit.explore import sample
from fixtures.strategies import Case, malformed_email_bodies, no_objects, odd_words, wrong_types

KINDS = [
    malformed_email_bodies("create"),
    wrong_types("create"),
    no_objects("create"),
    odd_words("token"),
]


@pytest.mark.parametrize("strategy", KINDS)
def test_a_seed_repeats_its_examples(strategy: st.SearchStrategy[Case]) -> None:
    once, again = (sample(strategy, count=3, seed=7) for _ in range(2))

    assert once == again
    assert len(once) == 3


@pytest.mark.parametrize("strategy", KINDS)
def test_seeds_differ_in_their_examples(strategy: st.SearchStrategy[Case]) -> None:
    drawn = [repr(sample(strategy, count=1, seed=seed)) for seed in range(12)]

    assert len(set(drawn)) > 6


def test_the_simplest_examples_are_left_out() -> None:
    for seed in range(10):
        assert 0 not in sample(st.integers(0, 10**9), count=1, seed=seed)


def test_a_space_with_few_examples_gives_them_all() -> None:
    assert set(sample(st.booleans(), count=5, seed=1)) == {True, False}
