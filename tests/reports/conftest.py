"""The golden-file comparison that the report tests share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
REGENERATE = "REGENERATE_GOLDEN"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Assert that a text equals the golden file of that name; REGENERATE_GOLDEN=1 rewrites it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get(REGENERATE) == "1":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), (
            f"{name} differs; {REGENERATE}=1 accepts it"
        )

    return compare
