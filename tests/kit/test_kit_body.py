"""Bodies are read within bounds, however they are packed."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from kit.faults import gzipped
from kit_doubles import run

from conformance.kit.body import BODY_LIMIT, read_body

TEXT = b'{"success":true,"data":[]}'


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def read(body: bytes, coding: str, size: int = 64) -> bytes:
    return run(read_body(pieces(body, size), coding))


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (TEXT, ""),
        (TEXT, "Identity"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), " X-GZIP "),
        (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), "gzip"),
    ],
    ids=["plain", "identity", "gzip", "x-gzip", "two members"],
)
def test_a_body_is_read_as_it_is_meant(body: bytes, coding: str, size: int) -> None:
    assert read(body, coding, size) == TEXT


def test_no_body_needs_no_coding() -> None:
    assert read(b"", "gzip") == b""


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (TEXT, "br", "'br', which was not asked for"),
        (gzipped(3), "gzip, gzip, gzip", "'gzip, gzip, gzip', which was not asked for"),
        (TEXT, "gzip", "no gzip"),
        (gzip.compress(TEXT)[:-5], "gzip", "cut short"),
        (gzip.compress(TEXT) + b"more", "gzip", "no gzip"),
        (b" " * (BODY_LIMIT + 1), "", "beyond"),
        (gzip.compress(b" " * (BODY_LIMIT + 1)), "gzip", "beyond"),
    ],
    ids=["brotli", "layers", "no gzip", "cut", "trailing bytes", "too long", "too long inside"],
)
def test_a_body_that_is_not_what_it_says_is_refused(body: bytes, coding: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(body, coding, 2**16)


def test_a_bomb_takes_no_more_memory_than_the_largest_body() -> None:
    bomb = gzipped(1)
    tracemalloc.start()

    with pytest.raises(ValueError, match="beyond"):
        read(bomb, "gzip", 2**16)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * BODY_LIMIT
