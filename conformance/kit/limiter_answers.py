"""What a client observed of a rate limiter: answers, and batches of answers that overlap in time.

Nothing here sends a request or reads a clock. Times are seconds since the epoch, on the client's
clock; a request was judged by the server somewhere between `sent` and `answered`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import accumulate
from typing import Any

from conformance.kit.exchange import Exchange

FIRST = "first"
"""The label of the account and of the source address that spend the budget under trial."""
NO_CREDENTIALS = "no-credentials"
"""The variation that sends no Authorization header, so that 401 is its answer."""
RATE_LIMITED = 429
NO_ANSWER = 0
"""Stands for the status where no answer came."""
DIGITS_READ = 15


@dataclass(frozen=True)
class Answer:
    """One request and its answer, as the rate limiter's headers show it.

    Header texts are kept raw, None where the header is missing. `variation` is empty for a plain
    request. `enveloped` tells whether a 429 carries the error envelope. `effect` is what a later
    look at the target showed: whether this write, or this variation, changed or returned anything;
    None where nobody looked. `source` is the caller's own evidence, handed back in findings.
    """

    sent: float
    answered: float
    operation: str
    status: int
    limit: str | None = None
    remaining: str | None = None
    reset: str | None = None
    retry_after: str | None = None
    address: str = FIRST
    token: str = FIRST
    variation: str = ""
    enveloped: bool | None = None
    effect: bool | None = None
    date: float | None = None
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def refused(self) -> bool:
        """Whether the limiter refused the request."""
        return self.status == RATE_LIMITED

    @property
    def plain(self) -> bool:
        """Whether the first account sent it from the first address, without a variation."""
        return self.address == FIRST and self.token == FIRST and not self.variation

    @property
    def effective(self) -> bool:
        """Whether the request took effect: as looked up, else by a 2xx status."""
        return 200 <= self.status < 300 if self.effect is None else self.effect

    @property
    def limit_value(self) -> int | None:
        """`RateLimit-Limit`, or None where it is no non-negative integer."""
        return whole(self.limit)

    @property
    def remaining_value(self) -> int | None:
        """`RateLimit-Remaining`, or None where it is no non-negative integer."""
        return whole(self.remaining)

    @property
    def reset_value(self) -> int | None:
        """`RateLimit-Reset` in seconds, or None where it is no non-negative integer."""
        return whole(self.reset)

    @property
    def retry_after_s(self) -> float | None:
        """`Retry-After` in seconds from the answer (RFC 9110, 10.2.3), or None."""
        seconds = whole(self.retry_after)
        if seconds is not None:
            return float(seconds)
        moment = http_date(self.retry_after)
        return None if moment is None else moment - (self.date or self.answered)

    @property
    def patience_s(self) -> float | None:
        """The seconds after which `Retry-After` is over for sure: a date names a whole second."""
        seconds = self.retry_after_s
        return seconds if seconds is None or whole(self.retry_after) is not None else seconds + 1


def whole(text: str | None) -> int | None:
    """Return the non-negative integer that a header's text is, or None."""
    digits = (text or "").strip()
    return (
        int(digits)
        if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_READ
        else None
    )


def http_date(text: str | None) -> float | None:
    """Return an HTTP date (RFC 9110, 5.6.7) in seconds since the epoch, or None."""
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def answer_of(
    exchange: Exchange, *, address: str = FIRST, token: str = FIRST, variation: str = ""
) -> Answer:
    """Return the answer that an exchange of the kit's client is; it becomes the `source`."""
    headers = exchange.response.headers
    return Answer(
        exchange.started,
        exchange.ended,
        exchange.operation,
        exchange.status,
        limit=headers.get("ratelimit-limit"),
        remaining=headers.get("ratelimit-remaining"),
        reset=headers.get("ratelimit-reset"),
        retry_after=headers.get("retry-after"),
        address=address,
        token=token,
        variation=variation,
        enveloped=exchange.at("success") is False and isinstance(exchange.at("error"), dict),
        date=http_date(headers.get("date")),
        source=exchange,
    )


@dataclass
class Batch:
    """Answers whose spans overlap, so that only their number can be judged, not their order.

    `doubtful` counts requests sent up to the end of the batch that the limiter may or may not
    have counted, such as ones refused with 401.
    """

    answers: list[Answer]
    doubtful: int = 0

    @property
    def start(self) -> float:
        """When its first request was sent."""
        return self.answers[0].sent

    @property
    def opened(self) -> float:
        """By when the limiter had judged its first request, at the latest."""
        return min(answer.answered for answer in self.answers)

    @property
    def end(self) -> float:
        """When its last answer came."""
        return max(answer.answered for answer in self.answers)

    @property
    def size(self) -> int:
        """How many requests it holds."""
        return len(self.answers)

    @property
    def accepted(self) -> int:
        """How many of them the limiter let pass."""
        return sum(not answer.refused for answer in self.answers)

    @cached_property
    def racing(self) -> int:
        """The most of its requests in flight at a time; 0 where there is but one."""
        if self.size == 1:
            return 0
        moments = [(a.sent, 1) for a in self.answers] + [(a.answered, -1) for a in self.answers]
        return max(accumulate(change for _, change in sorted(moments)))

    @property
    def refused(self) -> int:
        """How many of them the limiter refused."""
        return self.size - self.accepted


def batches(answers: Iterable[Answer], doubtful: Iterable[Answer] = ()) -> list[Batch]:
    """Return the answers in groups that overlap in time, ordered; `doubtful` ones are counted."""
    found: list[Batch] = []
    end = float("-inf")
    for answer in sorted(answers, key=lambda a: a.sent):
        if not found or answer.sent >= end:
            found.append(Batch([answer]))
            end = answer.answered
        else:
            found[-1].answers.append(answer)
            end = max(end, answer.answered)
    moments = sorted(answer.sent for answer in doubtful)
    for batch in found:
        batch.doubtful = sum(moment < batch.end for moment in moments)
    return found
