"""Hooks of the suite's own, for what the layers above the kit supply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.kit.probe import Ground
from conformance.kit.settings import Settings
from conformance.kit.target import Target


@pytest.hookspec(firstresult=True)
def pytest_contacts_target(
    settings: Settings,
) -> tuple[Target, httpx.AsyncBaseTransport | None] | None:
    """Supply the target and, for a server in this process, the transport that reaches it."""


@pytest.hookspec(firstresult=True)
def pytest_contacts_ground(settings: Settings) -> Ground | None:
    """Supply a server in this process whose rate limit a trial may spend."""


@pytest.hookspec(firstresult=True)
def pytest_contacts_results(
    document: dict[str, Any], directory: Path, earlier: dict[str, Any] | None
) -> bool | None:
    """Write the results document wherever it is wanted, beside an earlier one where there is.

    Who takes it over whole returns True: then nobody else writes it.
    """


@pytest.hookspec(firstresult=True)
def pytest_contacts_summary(
    document: dict[str, Any], earlier: dict[str, Any] | None
) -> list[str] | None:
    """Return the lines that close the terminal output."""


@pytest.hookspec(firstresult=True)
def pytest_contacts_failure(clause: dict[str, Any], violation: dict[str, Any]) -> str | None:
    """Return one violation as a block of text for the terminal."""


@pytest.hookspec(firstresult=True)
def pytest_contacts_output(lines: list[str]) -> list[str] | None:
    """Return lines that a foreign program wrote, each inert on a terminal and in a CI log."""
