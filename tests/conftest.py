"""What the self-tests share: repeatable examples, a clean environment, whole runs of the gate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings
from kit.gate_runs import Gate, Served, in_a_thread

from conformance.kit import hosts
from conformance.kit.settings import ENVIRONMENT_PREFIX

collect_ignore = [] if find_spec("locust") else ["load"]
"""The load side has an environment of its own: locust is kept out of the others."""

settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, max_examples=50
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every `CONTACTS_*` variable, so that a developer's target is never spoken to."""
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no name be found, so that no resolver is asked for a made-up target."""
    monkeypatch.setattr(hosts, "look_up", lambda _host: hosts.Found())


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "reports")


@pytest.fixture
def served_with() -> Iterator[Callable[..., Served]]:
    """Makes servers, each with a limiter of its own."""
    with ExitStack() as stack:
        yield lambda *limiter: stack.enter_context(in_a_thread(Served(*limiter)))


@pytest.fixture
def served(served_with: Callable[..., Served]) -> Served:
    return served_with()
