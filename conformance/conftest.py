"""Wiring: the plugin and the scenes are loaded, and the reports hang on the plugin's hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import reports.terminal
import reports.write
from conformance.scenes import MODULES

pytest_plugins = [
    "conformance.kit.plugin",
    *(f"conformance.scenes.{module}" for module in MODULES),
]


def pytest_contacts_results(
    document: dict[str, Any], directory: Path, earlier: dict[str, Any] | None
) -> None:
    """Write every report into the report directory."""
    reports.write.write_all(document, directory, earlier=earlier)


def pytest_contacts_summary(document: dict[str, Any], earlier: dict[str, Any] | None) -> list[str]:
    """Close the terminal output with the verdict by clause group and the failures."""
    return reports.terminal.summary_lines(document, earlier=earlier)


def pytest_contacts_failure(clause: dict[str, Any], violation: dict[str, Any]) -> str:
    """Render one violation in the terminal's block style."""
    return reports.terminal.failure_block(clause, violation)
