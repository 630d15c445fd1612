"""What hypothesis generates for a window: few requests, recorded as they are, repeated by a seed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from kit.gate_runs import Gate, GateRun, Served, in_a_thread

from conformance.kit.embedded import minted_target
from fixtures.mutants import all_mutants
from fixtures.reference import serving
from fixtures.reference.config import Config

LENIENT = "create_refused.emails-are-not-judged"


class Lenient(Served):
    """The reference server, but any text is an email to it."""

    def __init__(self) -> None:
        key = secrets.token_urlsafe(32)
        self.app = all_mutants()[LENIENT].app(Config(key))
        self.store = self.app.state.application.contacts.store
        self.on_request = lambda _method, _path: None
        self.twist = None
        self.listener = serving.listen("127.0.0.1", 0)
        self.target = minted_target(serving.base_url(self.listener, "/v1"), key)


@pytest.fixture
def lenient() -> Iterator[Served]:
    with in_a_thread(Lenient()) as served:
        yield served


def found(run: GateRun) -> list[str]:
    violations = run.clauses["CREATE-08"]["violations"]
    return [v["expected"] for v in violations if "--seed" in v["expected"]]


def test_a_breach_shows_the_example_and_the_seed_that_repeats_it(
    gate: Gate, lenient: Served
) -> None:
    options = ("--clause", "CREATE-08", "--seed", "7")

    first = gate.run(*options, **lenient.options())
    second = gate.run(*options, **lenient.options())

    assert (first.status, second.status) == (1, 1), first.screen
    assert len(found(first)) == 1
    assert "--seed 7 repeats it" in found(first)[0]
    assert "email" in found(first)[0]
    assert found(first) == found(second)
    assert lenient.remaining() == 0


def test_a_window_sends_one_example_of_a_kind_though_it_breaks(gate: Gate, lenient: Served) -> None:
    run = gate.run("--clause", "CREATE-08", **lenient.options())

    assert run.status == 1
    # Nothing is tried again to make it smaller: one create, and its deletion.
    assert run.document["requests"]["by_scene"]["generated"] == 3
