"""The deep profile: as many examples as asked, and the smallest one that fails."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from kit.gate_runs import Gate, GateRun, Served, in_a_thread

from conformance.kit.embedded import minted_target
from fixtures.mutants import all_mutants
from fixtures.reference import serving
from fixtures.reference.config import Config


class Mutated(Served):
    """A mutant on a socket, with room for a deep run."""

    def __init__(self, name: str) -> None:
        key = secrets.token_urlsafe(32)
        self.app = all_mutants()[name].app(Config(key, rate_limit=10**9))
        self.store = self.app.state.application.contacts.store
        self.on_request = lambda _method, _path: None
        self.twist = None
        self.listener = serving.listen("127.0.0.1", 0)
        self.target = minted_target(serving.base_url(self.listener, "/v1"), key)


def mutated(name: str) -> AbstractContextManager[Served]:
    return in_a_thread(Mutated(name))


@pytest.fixture
def lenient() -> Iterator[Served]:
    with mutated("create_refused.emails-are-not-judged") as served:
        yield served


@pytest.fixture
def careless() -> Iterator[Served]:
    with mutated("archive.archive-is-not-stored") as served:
        yield served


def expectations(run: GateRun, clause: str) -> list[str]:
    return [v["expected"] for v in run.clauses[clause]["violations"]]


def test_a_deep_run_tries_every_kind_of_payload_and_passes_the_reference_server(gate: Gate) -> None:
    run = gate.run("--profile", "deep", "--examples", "3")

    assert run.status == 0, run.screen
    assert run.document["budget"]["max"] is None
    assert {i for i, c in run.clauses.items() if c["status"] == "not_evaluated"} == set()
    assert {c["status"] for c in run.clauses.values()} == {"passed", "observed"}
    assert run.document["leftovers"] == []


def test_more_examples_are_more_requests(gate: Gate) -> None:
    options = ("--profile", "deep", "--clause", "CREATE-08", "--seed", "5")

    few = gate.run(*options, "--examples", "2").document["requests"]["total"]
    more = gate.run(*options, "--examples", "12").document["requests"]["total"]

    assert more >= few + 10


def test_the_example_of_a_breach_is_shrunk(gate: Gate, lenient: Served) -> None:
    options = ("--profile", "deep", "--examples", "40", "--clause", "CREATE-08", "--seed", "3")

    run = gate.run(*options, **lenient.options())

    assert run.status == 1, run.screen
    (told,) = [e for e in expectations(run, "CREATE-08") if "--seed 3" in e]
    (example,) = re.findall(r"\{.*\}", told)
    assert len(json.loads(example)["email"]) == 1
    assert lenient.remaining() == 0


def test_the_story_of_a_disagreement_is_shrunk(gate: Gate, careless: Served) -> None:
    options = ("--profile", "deep", "--examples", "10", "--clause", "LIFE-01", "--seed", "3")

    run = gate.run(*options, **careless.options())

    assert run.status == 1, run.screen
    _, _, story = expectations(run, "LIFE-01")[0].partition("after: ")
    assert story.startswith("create Ann; archive Ann; ")
    assert story.count(";") == 2
    assert careless.remaining() == 0
