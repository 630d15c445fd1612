"""Carries the steps of a limiter's trial out: sends, waits, and gives the replies back.

The plan is `conformance.kit.limiter_trial`; this is its driver under gevent, for the command
`python -m load.ratelimit` and for the user class `RateLimitProbe`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import gevent
import orjson
from gevent.pool import Pool

from conformance.kit.limiter import FIRST, NO_CREDENTIALS, Answer
from conformance.kit.limiter_answers import http_date
from conformance.kit.limiter_steps import (
    BY_NAME,
    SECOND,
    Forecast,
    Pause,
    Reply,
    Shot,
    Step,
    Volley,
)
from conformance.kit.limiter_trial import Trial
from load.node import clock
from load.renewal import REFUSED, Renewal
from load.session import METHODS, RESOURCE
from load.transport import Answered, Connection, NoAnswer, Transport

SECOND_ADDRESS = "127.0.0.2"
NO_ANSWER = 0
"""Stands for the status where no answer came."""
WAITING_SLICE_S = 0.25


REQUESTS_MOST = 3_000


class Stopped(Exception):
    """The trial was told to stop, or would take more requests than it may."""


@dataclass
class Driver:
    """Sends what a trial asks for.

    `observe` is called with each answer, `say` with each line for people, and `stopped` is asked
    before every step. `tokens` holds the JWT of each account by label; that of the first comes
    from `renewal` where there is one, ahead of its end or after a 401.
    """

    base_url: str
    connection: Connection
    tokens: Mapping[str, str]
    in_flight: int = 32
    observe: Callable[[Shot, Answer], None] = lambda _shot, _answer: None
    say: Callable[[str], None] = lambda _line: None
    stopped: Callable[[], bool] = lambda: False
    requests_most: int = REQUESTS_MOST
    extra: Mapping[str, str] = field(default_factory=dict)
    renewal: Renewal | None = None
    _transports: dict[str, Transport] = field(default_factory=dict)

    def run(self, trial: Trial) -> None:
        """Carry the trial out; `trial.answers` fills up.

        Raises:
            Stopped: it was told to stop; what was answered by then stays.
            NoAnswer: the target gave no answer at all.
        """
        steps, replies = trial.steps(), None
        while True:
            if self.stopped():
                raise Stopped
            try:
                step: Step = next(steps) if replies is None else steps.send(replies)
            except StopIteration:
                return
            replies = self._take(step)

    def clean(self, trial: Trial, within_s: float) -> list[str]:
        """Delete what an unfinished trial left; return the ids of what may remain."""
        until, left = clock() + within_s, list(trial.live)
        while left and clock() < until:
            reply = self._one(Shot("delete", left[0]))
            answer = reply.answer
            if answer.status in (200, 204, 404):
                trial.live.remove(left.pop(0))
                continue
            wait = answer.retry_after_s or 1.0
            if answer.status != 429 or clock() + wait > until:
                break
            gevent.sleep(wait)
        return list(trial.live)

    def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            transport.close()

    def _take(self, step: Step) -> list[Reply] | None:
        if isinstance(step, Volley):
            return self._volley(step)
        if isinstance(step, Pause):
            self._wait(step)
        elif isinstance(step, Forecast):
            self.say(
                f"limit {step.limit} in {step.window_s:g} s: about {step.requests} requests in "
                f"about {_spoken(step.seconds)}, and never more than {_spoken(2 * step.window_s)}"
            )
            if step.requests > self.requests_most:
                raise Stopped(f"the trial may send {self.requests_most} requests at the most")
        return None

    def _wait(self, pause: Pause) -> None:
        remaining = pause.until - clock()
        if remaining > 2:
            self.say(f"waiting {_spoken(remaining)}: {pause.why}")
        while (remaining := pause.until - clock()) > 0:
            if self.stopped():
                raise Stopped
            gevent.sleep(min(remaining, WAITING_SLICE_S))

    def _volley(self, volley: Volley) -> list[Reply]:
        if volley.in_flight == 1:
            return [self._one(shot) for shot in volley.shots]
        pool = Pool(volley.in_flight)
        return list(pool.map(self._one, volley.shots))

    def _one(self, shot: Shot) -> Reply:
        token = self._token(shot.token)
        method, path, headers, body = self._request(shot, token)
        sent = clock()
        try:
            answered = self._transport(shot.address).send(method, path, headers, body)
        except NoAnswer as problem:
            if shot.address != SECOND and not shot.variation:
                raise
            self.say(f"{shot.variation or 'the second address'}: {problem}")
            answered = Answered(NO_ANSWER, {}, b"")
        answer = observed(shot, answered, sent, clock())
        self.observe(shot, answer)
        if answered.status == REFUSED and shot.variation != NO_CREDENTIALS and self.renewal:
            # It spent the limit like any other: what follows has a fresh token.
            self.renewal.after(token)
        return Reply(answer, _json(answered.body))

    def _transport(self, address: str) -> Transport:
        if address not in self._transports:
            self._transports[address] = Transport(
                self.base_url,
                self.connection,
                concurrency=self.in_flight,
                source_address=SECOND_ADDRESS if address == SECOND else None,
            )
        return self._transports[address]

    def _token(self, label: str) -> str:
        if self.renewal is None or label != FIRST:
            return self.tokens[label]
        self.renewal.ahead()
        return self.renewal.tokens.token

    def _request(self, shot: Shot, token: str) -> tuple[str, str, dict[str, str], bytes]:
        headers = {"Accept": "application/json", **self.extra}
        if shot.variation != NO_CREDENTIALS:
            headers["Authorization"] = f"Bearer {token}"
        body = b""
        if shot.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(shot.body).encode()
        method, path = METHODS[shot.operation], path_of(shot)
        variation = BY_NAME.get(shot.variation)
        if variation is not None:
            number = str(shot.number)
            headers |= {n: v.replace("{n}", number) for n, v in variation.headers.items()}
            method, path = variation.method, variation.path(path).replace("{n}", number)
        return method, path, headers, body


def path_of(shot: Shot) -> str:
    """Return the path and query of a plain request, after the base URL."""
    path = RESOURCE
    if shot.operation == "search":
        path += "/search"
    if shot.contact_id is not None:
        path += "/" + quote(shot.contact_id, safe="")
    if shot.operation in ("archive", "restore"):
        path += f"/{shot.operation}"
    return path + (f"?{urlencode(shot.query)}" if shot.query else "")


def observed(shot: Shot, answered: Answered, sent: float, ended: float) -> Answer:
    """Return an answer as the analysis wants it."""
    header = answered.header
    document = _json(answered.body)
    enveloped = isinstance(document, dict) and document.get("success") is False
    variation = BY_NAME.get(shot.variation)
    bodiless = variation is not None and variation.method == "HEAD"
    return Answer(
        sent,
        ended,
        shot.operation,
        answered.status,
        limit=header("ratelimit-limit"),
        remaining=header("ratelimit-remaining"),
        reset=header("ratelimit-reset"),
        retry_after=header("retry-after"),
        address=shot.address,
        token=shot.token,
        variation=shot.variation,
        enveloped=None if bodiless else enveloped and isinstance(document.get("error"), dict),
        date=http_date(header("date")),
    )


def as_data(answer: Answer) -> dict[str, Any]:
    """Return an answer as data that a message can carry."""
    data = asdict(answer)
    data.pop("source")
    return data


def tokens_of(first: str, second: str | None) -> dict[str, str]:
    """Return the JWTs by label."""
    return {FIRST: first, **({SECOND: second} if second else {})}


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
