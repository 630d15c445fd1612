"""Wiring: the plugin and the scenes are loaded, and the reports hang on the plugin's hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import reports.terminal
import reports.write
from conformance.scenes import MODULES
from reports.safety import cut, log_line, one_line

pytest_plugins = [
    "conformance.kit.plugin",
    *(f"conformance.scenes.{module}" for module in MODULES),
]

OUTPUT_WIDTH = 500
"""Characters shown of a line that a foreign program wrote."""


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


def pytest_contacts_output(lines: list[str]) -> list[str]:
    """Make the output of the command that starts the implementation fit for the terminal."""
    return [cut(log_line(one_line(line)), OUTPUT_WIDTH) for line in lines]
