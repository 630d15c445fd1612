"""Reads the body of an answer within bounds, whatever a hostile target sends. Knows no HTTP client.

A compressed body is inflated no further than the bound, so that a few kilobytes never become
gigabytes; codings that nobody asked for, and codings upon codings, are refused.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of one body; a hundred contacts with long notes stay below it."""
LARGE = 1024 * 1024
LARGE_IN_ALL = 64 * 1024 * 1024
"""Bytes of all bodies above `LARGE` together: scenes keep what they saw until it is judged."""
ACCEPTED_CODING = "gzip"
STEP = 256 * 1024
"""Bytes inflated at once."""
_GZIP = 16 + zlib.MAX_WBITS
_PLAIN = ("", "identity")


async def read_body(chunks: AsyncIterable[bytes], coding: str) -> bytes:
    """Return a body as it is meant; `coding` is the `Content-Encoding` of the answer.

    Raises:
        ValueError: it is longer than the bound, of another coding, or not what the coding says.

    """
    coding = coding.strip().lower()
    if coding not in (*_PLAIN, ACCEPTED_CODING, "x-gzip"):
        raise ValueError(f"the content coding {coding[:40]!r}, which was not asked for")
    body = _Plain() if coding in _PLAIN else _Inflated()
    try:
        async for chunk in chunks:
            body.feed(chunk)
        return body.whole()
    finally:
        body.drop()


class _Plain:
    """A body as it comes."""

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, data: bytes) -> None:
        self._add(data)

    def whole(self) -> bytes:
        return bytes(self._body)

    def drop(self) -> None:
        # A problem keeps this frame alive for as long as a report may ask for it.
        self._body = bytearray()

    def _add(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > BODY_LIMIT:
            raise ValueError(f"a body beyond {BODY_LIMIT} bytes")


class _Inflated(_Plain):
    """A body in gzip (RFC 1952)."""

    def __init__(self) -> None:
        super().__init__()
        self._stream = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, data: bytes) -> None:
        while data:
            self._begun = True
            if self._stream.eof:  # Members may follow each other (RFC 1952, 2.2).
                self._stream = zlib.decompressobj(_GZIP)
            try:
                self._add(self._stream.decompress(data, STEP))
            except zlib.error as problem:
                raise ValueError(f"a body that is no gzip: {problem}") from problem
            data = self._stream.unconsumed_tail or self._stream.unused_data

    def whole(self) -> bytes:
        if self._begun and not self._stream.eof:
            raise ValueError("a body in gzip that was cut short")
        return super().whole()
