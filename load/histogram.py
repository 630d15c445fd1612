"""Latencies in HdrHistograms: recorded in microseconds, merged without loss, read in milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hdrh.histogram import HdrHistogram

LOWEST_US, HIGHEST_US, DIGITS = 1, 600_000_000, 3
PERCENTILES = (50.0, 90.0, 95.0, 99.0)


class Latencies:
    """A histogram of durations from 1 µs to 10 min, to three significant digits.

    HdrHistogram drops what lies above its maximum; such durations are recorded as the maximum and
    counted in `beyond`, so that no percentile looks better for them.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.beyond = 0
        self.longest_us = 0
        self._histogram = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)

    def record(self, seconds: float) -> None:
        """Record one duration."""
        microseconds = max(LOWEST_US, round(seconds * 1_000_000))
        if microseconds > HIGHEST_US:
            self.beyond += 1
            microseconds = HIGHEST_US
        self.longest_us = max(self.longest_us, microseconds)
        self._histogram.record_value(microseconds)

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return int(self._histogram.get_total_count())

    def add(self, other: Latencies) -> None:
        """Merge another histogram into this one: counts add up, bucket by bucket."""
        self._histogram.add(other._histogram)
        self.beyond += other.beyond
        self.longest_us = max(self.longest_us, other.longest_us)

    def encoded(self) -> dict[str, Any]:
        """Return the histogram as data that a message can carry."""
        return {
            "hdr": self._histogram.encode().decode("ascii"),
            "beyond": self.beyond,
            "longest_us": self.longest_us,
        }

    def add_encoded(self, data: Mapping[str, Any]) -> None:
        """Merge what `encoded` returned."""
        self._histogram.decode_and_add(data["hdr"].encode("ascii"))
        self.beyond += int(data["beyond"])
        self.longest_us = max(self.longest_us, int(data["longest_us"]))

    def reset(self) -> None:
        """Forget everything."""
        self._histogram.reset()
        self.beyond = self.longest_us = 0

    def buckets(self) -> list[tuple[float, int]]:
        """Return (upper bound in ms, count) of every bucket that holds something, ascending."""
        hdr = self._histogram
        if not hdr.total_count:
            return []
        first = hdr._counts_index_for(hdr.min_value)  # noqa: SLF001 - it offers no other way in
        last = hdr._counts_index_for(hdr.max_value)  # noqa: SLF001
        found = []
        for index, count in enumerate(hdr.counts[first : last + 1], first):
            if count:
                value = hdr.get_highest_equivalent_value(hdr.get_value_from_index(index))
                found.append((min(value, self.longest_us) / 1000, int(count)))
        return found

    def percentile(self, percent: float) -> float | None:
        """Return the percentile in milliseconds, or None where nothing was recorded."""
        return self.percentiles([percent])[percent] if self.count else None

    def percentiles(self, percents: Iterable[float] = PERCENTILES) -> dict[float, float]:
        """Return several percentiles in milliseconds; empty where nothing was recorded.

        The value is that of the smallest bucket at or under which at least that share lies.
        """
        buckets, total = self.buckets(), self.count
        found: dict[float, float] = {}
        for percent in percents:
            wanted, seen = max(1.0, total * percent / 100), 0
            for value, count in buckets:
                seen += count
                if seen >= wanted - 1e-9:
                    found[percent] = round(value, 3)
                    break
        return found

    def above(self, milliseconds: float) -> int:
        """Return how many durations lie above a bound (by the upper bounds of their buckets)."""
        return sum(count for value, count in self.buckets() if value > milliseconds)

    def largest(self) -> float | None:
        """Return the longest duration in milliseconds, or None."""
        buckets = self.buckets()
        return round(buckets[-1][0], 3) if buckets else None

    def mean(self) -> float | None:
        """Return the mean in milliseconds, or None."""
        if not self.count:
            return None
        return round(sum(value * count for value, count in self.buckets()) / self.count, 3)

    def summary(self) -> dict[str, float]:
        """Return p50, p90, p95, p99 and max in milliseconds; empty where nothing was recorded."""
        if not self.count:
            return {}
        named = {f"p{percent:g}": value for percent, value in self.percentiles().items()}
        return {**named, "max": self.largest() or 0.0}
