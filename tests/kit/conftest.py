"""Settings for a target in memory, and stages that play on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kit_doubles import BASE_URL, NOW, TOKEN
from kit_stage import Open

from conformance.kit import stage as stage_module
from conformance.kit.budget import Budget
from conformance.kit.ledger import Ledger
from conformance.kit.scene import Script
from conformance.kit.settings import Settings, resolve
from conformance.kit.stage import Stage
from conformance.kit.target import target_with


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


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Script]:
    """The registry of scenes, empty."""
    registry: dict[str, Script] = {}
    monkeypatch.setattr(stage_module, "SCRIPTS", registry)
    return registry


@pytest.fixture
def opened(settings: Settings, tmp_path: Path) -> Iterator[Open]:
    """Opens a stage on a target in memory; whatever a test leaves running is stopped."""
    stages: list[Stage] = []

    def make(target: Any, *, run_id: str = "r1", bound: int | None = None) -> Stage:
        ledger = Ledger(tmp_path / f"ledger-{len(stages)}.jsonl", {})
        budget = Budget(bound, 10, ledger.debts)
        made = target_with(BASE_URL, TOKEN, None, None, None)
        transport = httpx.MockTransport(target)
        stages.append(Stage(settings, made, run_id, budget, ledger, transport))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()
