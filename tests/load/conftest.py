"""What the self-tests of the load side share: whole runs in processes, their servers, and doubles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from load_desk import Desk, desk_in
from load_runs import Runs
from load_target import BASE, Target

from load import cleaning
from load import node as node_module
from load.credentials import Tokens
from load.data import Bodies
from load.node import Node
from load.options import Options


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Starts processes of the load side; none outlives its test."""
    with Runs(tmp_path) as started:
        yield started


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target that what a cleaning sends comes to."""
    made = Target()
    monkeypatch.setattr(cleaning, "Transport", lambda *_args, **_options: made)
    return made


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node of a run that has not begun."""
    # Few prepared bodies are enough where little is sent.
    monkeypatch.setattr(node_module, "Bodies", lambda seed: Bodies(seed, 2))
    made = Node(Options(report_dir=str(tmp_path), seed=1, stock=6), Tokens("t"), BASE)
    yield made
    made.ledger.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A session whose answers a test tells beforehand."""
    with desk_in(tmp_path, monkeypatch) as opened:
        yield opened
