"""What the self-tests of the load side share: servers of their own, and whole runs in processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from load_runs import Runs


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Starts processes of the load side; none outlives its test."""
    with Runs(tmp_path) as started:
        yield started
