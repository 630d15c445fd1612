"""Settings for a target in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit_doubles import BASE_URL, NOW, TOKEN

from conformance.kit.settings import Settings, resolve


@pytest.fixture
def settings_with(tmp_path: Path) -> Callable[..., Settings]:
    """Makes checked settings for the made-up target; keywords replace checked values."""

    def make(**changes: Any) -> Settings:
        given = {"base_url": BASE_URL, "token": TOKEN, "report_dir": str(tmp_path), "seed": "1"}
        return dataclasses.replace(resolve(given, {}, now=NOW), **changes)

    return make


@pytest.fixture
def settings(settings_with: Callable[..., Settings]) -> Settings:
    return settings_with()
