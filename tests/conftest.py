"""What every self-test relies on: no setting of the developer's shell, and repeatable examples."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from conformance.kit.settings import ENVIRONMENT_PREFIX

settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, max_examples=50
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove every `CONTACTS_*` variable, so that a developer's target is never spoken to."""
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(name)
