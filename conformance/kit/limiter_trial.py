"""The active trial of a rate limiter as a plan without I/O: which requests, and when.

`trial` is a generator. It yields steps, a driver carries them out and sends the replies back in;
it returns every answer, with the effects of refused writes and of variations looked up. The
same plan runs over any client and, in tests, on a simulated clock.

The course of a trial, from the first request at t0 on:
1. half of the budget, one request at a time, through all eight operations;
2. a pause, so that a budget that comes back bit by bit differs from one that comes back whole;
3. on to the first 429, and with every operation, token, address and variation past it;
4. one request at half of Retry-After, one when it is over;
5. once t0 is a window old: the looking up, the cleaning up, and parallel requests across the limit.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

import schemas
from conformance.kit.limiter_answers import FIRST, NO_CREDENTIALS, Answer
from conformance.kit.limiter_refused import RefusedWrites
from conformance.kit.limiter_steps import (
    TRIES_EACH,
    VARIATIONS,
    Forecast,
    Pause,
    Plan,
    Reply,
    Shot,
    Step,
    Volley,
    attempts,
)

UNKNOWN_ID = "0b5f0f0e-6f0a-4f3e-9c53-2d6f0e1f7a10"
PAUSE_SHARE = 0.3
"""The part of the window after which the second half of the budget is spent."""
MARGIN_S = 0.05
"""How much later than told a request is sent, so that it is never too early."""
SHORT_WAIT_S = 10.0
"""A wait that is worth it even where two windows are over."""
MOST_TRIES = 12
CLEAR_OF_THE_END_S = 1.5
"""Longer than `RateLimit-Reset`, in whole seconds, can be wrong about the end of a window."""
WHOLE_TRIES = 3
BACK_AT_ONCE_SHARE = 0.1
"""The share of the budget that may be missing after Retry-After where it came back at once."""
DRAINING_ROUNDS = 24
LONG_ENOUGH_S = 4.0

Steps = Generator[Step, list[Reply], None]


class Trial:
    """One trial: `steps` is the plan, `answers` is what came of it so far."""

    def __init__(self, plan: Plan) -> None:
        """Prepare; nothing is sent before the steps are taken."""
        self.plan = plan
        self.answers: list[Answer] = []
        self.limit = plan.limit or schemas.RATE_LIMIT_REQUESTS
        self.window_s = plan.window_s or float(schemas.RATE_LIMIT_WINDOW_S)
        self.longest_reset = plan.longest_reset
        self._lengthen(None)
        self.began = 0.0
        self.live: list[str] = []
        self._refused = RefusedWrites(plan.make_body())

    @property
    def estimate(self) -> int:
        """How many requests the trial sends at a target that does as it announces."""
        tries = 2 * TRIES_EACH * (len(VARIATIONS) + 2)
        return 2 * self.limit + 8 * 3 + tries + 2 * self.plan.in_flight

    @property
    def bound(self) -> int:
        """The most requests that the trial sends."""
        return self.plan.max_requests or self.estimate + self.limit + 8 * DRAINING_ROUNDS

    @property
    def now(self) -> float:
        """When the last answer came."""
        return max((answer.answered for answer in self.answers), default=0.0)

    def steps(self) -> Steps:
        """Yield the steps of the whole trial."""
        yield from self._calibrate()
        subjects = yield from self._prepare()
        reached = yield from self._spend(subjects)
        if reached:
            yield from self._past_the_limit(subjects)
            yield from self._come_back(subjects)
            yield from self._look_up(subjects)
        yield from self._clean()
        if reached:
            yield from self._unauthenticated(subjects)
            back = self._came_back()
            if back is not None and back > self.now + CLEAR_OF_THE_END_S:
                # Else a window that is fixed may end among the parallel requests: it explains all.
                yield Pause(self.now + CLEAR_OF_THE_END_S, "no window may end now", needed=False)
            yield from self._all_at_once()
            if back is not None:
                why = "what comes back bit by bit is back as a whole"
                yield Pause(back, why, needed=False)
                yield from self._all_at_once()

    # --- the pieces ------------------------------------------------------------------------------

    def _send(self, shot: Shot) -> Generator[Step, list[Reply], Reply]:
        return (yield from self._volley((shot,)))[0]

    def _volley(
        self, shots: tuple[Shot, ...], in_flight: int = 1
    ) -> Generator[Step, list[Reply], list[Reply]]:
        replies = yield Volley(shots, in_flight)
        for shot, reply in zip(shots, replies, strict=True):
            self._note(shot, reply)
        return replies

    def _note(self, shot: Shot, reply: Reply) -> None:
        self.answers.append(reply.answer)
        self._lengthen(reply.answer.reset_value if reply.answer.plain else None)
        status = reply.answer.status
        contact_id = reply.record().get("id")
        if shot.operation == "create" and isinstance(contact_id, str):
            self.live.append(contact_id)
        if (
            shot.operation == "delete"
            and status in (200, 204, 404)
            and shot.contact_id in self.live
        ):
            self.live.remove(shot.contact_id)

    def _lengthen(self, reset: int | None) -> None:
        """Take the longest Reset for the window: a bucket tells its length only when it is empty."""
        vendor = float(schemas.RATE_LIMIT_WINDOW_S)
        if reset is not None and reset <= vendor:
            self.longest_reset = max(self.longest_reset or 0.0, float(reset))
        if self.plan.window_s is None and (self.longest_reset or 0.0) > 1:
            self.window_s = self.longest_reset or vendor

    def _calibrate(self) -> Steps:
        """Learn limit and window from one answer; where the budget is not whole, wait for it."""
        first = (yield from self._send(Shot("list", query={"limit": "1"}))).answer
        if not first.refused and first.reset_value in (0, 1):
            # A window about to end does not tell its length: the next one does.
            until = first.answered + first.reset_value + 1 + MARGIN_S
            yield Pause(until, "the window is about to end")
            first = (yield from self._send(Shot("list", query={"limit": "1"}))).answer
        self._learn(first)
        spent = first.refused or self._spent_before(first)
        length = self._duration(first if spent else None)
        yield Forecast(self.estimate, length, self.window_s, self.limit)
        if spent:
            wait = first.retry_after_s if first.refused else first.reset_value
            wait = min(wait or self.window_s, self.window_s)
            yield Pause(first.answered + wait + MARGIN_S, "the budget is partly spent already")
            again = (yield from self._send(Shot("list", query={"limit": "1"}))).answer
            self._learn(again)
            yield from self._until_whole(first, again)
        self.began = self.answers[-1].sent

    def _until_whole(self, before: Answer, again: Answer) -> Steps:
        """Wait for what comes back bit by bit, as it was spent: from a bucket, or one that slides."""
        for _ in range(WHOLE_TRIES):
            left = again.remaining_value
            if not (again.refused or (left is not None and left < self.limit - len(self.answers))):
                return
            until = again.answered + self._rest(before, again) + MARGIN_S
            yield Pause(until, "the budget is still not whole")
            before = again
            again = (yield from self._send(Shot("list", query={"limit": "1"}))).answer
            if not self._untold:
                return

    def _rest(self, before: Answer, again: Answer) -> float:
        """Return the seconds until all is back: a window, or as fast as it came back till now."""
        had, has = before.remaining_value, again.remaining_value
        if not self._untold or had is None or has is None or has < had:
            return self.window_s
        speed = (has + 1 - had) / max(again.sent - before.sent, MARGIN_S)
        return min(self.window_s, (self.limit - has) / speed)

    @property
    def _untold(self) -> bool:
        """Whether nothing has told yet how long a window is."""
        return self.plan.window_s is None and (self.longest_reset or 0.0) <= 1

    def _learn(self, first: Answer) -> None:
        self.limit = self.plan.limit or first.limit_value or self.limit

    def _spent_before(self, first: Answer) -> bool:
        limit, remaining, reset = first.limit_value, first.remaining_value, first.reset_value
        if limit is None or remaining is None:
            return False
        ends_soon = reset is not None and reset < self.window_s * (2 * PAUSE_SHARE)
        before = remaining < limit - len(self.answers)
        return before or (ends_soon and reset is not None and reset > 1)

    def _duration(self, spent: Answer | None) -> float:
        """Return seconds: the rest of a window that others opened, one window, and the requests."""
        rest = 0.0 if spent is None else float(spent.reset_value or self.window_s)
        elapsed = self.answers[-1].answered - self.answers[-1].sent
        return min(rest, self.window_s) + self.window_s + elapsed * self.limit / 4

    def _prepare(self) -> Generator[Step, list[Reply], dict[str, str]]:
        """Make the contacts that refused writes are aimed at: one to change, delete, restore."""
        subjects = {}
        for purpose in ("change", "delete", "restore"):
            reply = yield from self._send(Shot("create", body=self.plan.make_body()))
            subjects[purpose] = str(reply.record().get("id") or UNKNOWN_ID)
        yield from self._send(Shot("archive", subjects["restore"]))
        return subjects

    # --- spending the budget ---------------------------------------------------------------------

    def _spend(self, subjects: Mapping[str, str]) -> Generator[Step, list[Reply], bool]:
        """Send to the first 429, with a pause at half of the limit; return whether it came."""
        paused = False
        life = self._life(subjects["change"])
        shot = next(life)
        before = len([a for a in self.answers if a.sent < self.began])
        while (spent := len(self.answers) - before) < min(self.bound, 2 * self.limit + 40):
            if not paused and spent >= self.limit // 2:
                paused = True
                pause = PAUSE_SHARE * self.window_s
                if self._untold:
                    pause = min(pause, SHORT_WAIT_S)
                until = self.began + pause
                yield Pause(until, "half of the budget is spent")
            reply = yield from self._send(shot)
            if reply.answer.refused:
                self._learn_from_refusal(reply.answer)
                return True
            shot = life.send(reply)
        return False

    def _learn_from_refusal(self, refused: Answer) -> None:
        """Take the window to end with Retry-After, where no Reset ever told its length."""
        told = refused.patience_s
        if self._untold and told is not None:
            self.window_s = min(self.window_s, refused.answered - self.began + max(1.0, told))

    def _life(self, fallback: str) -> Generator[Shot, Reply, None]:
        """Yield the eight operations over and over, on contacts that come and go."""
        while True:
            reply = yield Shot("create", body=self.plan.make_body())
            contact_id = str(reply.record().get("id") or fallback)
            yield Shot("get", contact_id)
            yield Shot("update", contact_id, body={"notes": "first"})
            yield Shot("archive", contact_id)
            yield Shot("restore", contact_id)
            yield Shot("list", query={"limit": "1"})
            yield Shot("search", query={"limit": "1"})
            if contact_id != fallback:
                yield Shot("delete", contact_id)

    # --- past the limit --------------------------------------------------------------------------

    def _past_the_limit(self, subjects: Mapping[str, str]) -> Steps:
        """Try everything that may get through, with plain requests all around."""
        yield from self._drain(subjects)
        plain = self._refused.over_and_over(subjects)
        yield from self._refusable(next(plain))
        for shot in attempts(self.plan, subjects["change"]):
            yield from self._send(shot)
            yield from self._refusable(next(plain))

    def _drain(self, subjects: Mapping[str, str]) -> Steps:
        """Send every operation round by round until the same ones pass twice (LIMIT-05).

        Where several processes count for themselves, the first 429 is not the last of the budget.
        """
        before: set[str] | None = None
        for _ in range(DRAINING_ROUNDS):
            passed: set[str] = set()
            for shot in self._refused.every_operation(subjects):
                if (yield from self._refusable(shot)):
                    passed.add(shot.operation)
            if before is not None and (passed == before or len(passed) <= 1):
                return
            before = passed

    def _refusable(self, shot: Shot) -> Generator[Step, list[Reply], bool]:
        """Send, and return whether it passed; remember refused writes for the looking up."""
        reply = yield from self._send(shot)
        self._refused.remember(len(self.answers) - 1, shot, reply.answer.status)
        return not reply.answer.refused

    # --- coming back -----------------------------------------------------------------------------

    def _come_back(self, subjects: Mapping[str, str]) -> Steps:
        """Ask at half of Retry-After, when it is over, and once the window is over for sure."""
        shot = Shot("get", subjects["change"])
        promise = self._promise()
        wait = self._patience(promise)
        if wait >= LONG_ENOUGH_S:
            yield Pause(promise.answered + wait / 2, "half of Retry-After")
            yield from self._send(shot)
        yield Pause(promise.answered + wait + MARGIN_S, "Retry-After")
        yield from self._send(shot)
        over = self.began + self.window_s + MARGIN_S
        if self.now < over:
            yield Pause(over, "the window is over")
        yield from self._until_passed(shot)

    def _promise(self) -> Answer:
        """Return the first plain refusal since a request last passed."""
        promise = None
        for answer in reversed([a for a in self.answers if a.address == FIRST]):
            if not answer.refused and promise is not None:
                break
            promise = answer if answer.refused and answer.plain else promise
        return promise or self.answers[-1]

    def _patience(self, promise: Answer) -> float:
        """Return the seconds to wait: as told, or to the end of the window where that is absurd."""
        told = promise.patience_s
        rest = max(1.0, self.began + self.window_s - promise.answered + 1.0)
        if told is None or told < 1:
            told = float(promise.reset_value or rest)
        return told if told <= self.window_s else rest

    def _until_passed(self, shot: Shot) -> Generator[Step, list[Reply], Reply]:
        """Send until it passes, waiting as told, for two windows from the start at the most."""
        for _ in range(MOST_TRIES):
            reply = yield from self._send(shot)
            give_up = self.began + 2 * self.window_s
            until = self.now + max(1.0, self._patience(reply.answer)) + MARGIN_S
            late = until > give_up and until - self.now > SHORT_WAIT_S
            if not reply.answer.refused or late:
                break
            yield Pause(until, "Retry-After")
        return reply

    def _look_up(self, subjects: Mapping[str, str]) -> Steps:
        """Find out whether refused writes took effect (LIMIT-08)."""
        happened: dict[str, bool] = {}
        marks: dict[str, frozenset[str]] = {}
        change = yield from self._until_passed(Shot("get", subjects["change"]))
        if change.answer.status == 200:
            marks["update"] = frozenset([str(change.record().get("notes"))])
            happened["archive"] = change.record().get("is_archived") is True
        restore = yield from self._until_passed(Shot("get", subjects["restore"]))
        if restore.answer.status == 200:
            happened["restore"] = restore.record().get("is_archived") is False
        delete = yield from self._until_passed(Shot("get", subjects["delete"]))
        if delete.answer.status in (200, 404):
            happened["delete"] = delete.answer.status == 404
        marks |= yield from self._look_for_creates()
        for index, effect in self._refused.effects(happened, marks):
            self.answers[index] = replace(self.answers[index], effect=effect)

    def _look_for_creates(self) -> Generator[Step, list[Reply], dict[str, frozenset[str]]]:
        """Return the names of the contacts that creates past the limit may have made."""
        query = {"search": self._refused.word, "limit": "100"}
        reply = yield from self._until_passed(Shot("list", query=query))
        found = reply.record().get("contacts")
        if reply.answer.status != 200 or not isinstance(found, list):
            return {}
        ours = self._refused.made_among(found)
        self.live += [str(r["id"]) for r in ours if "id" in r and r["id"] not in self.live]
        return {"create": frozenset(str(r[self._refused.field]) for r in ours)}

    def _clean(self) -> Steps:
        """Delete what the trial made; what is left stays in `live`."""
        for contact_id in list(self.live):
            yield from self._until_passed(Shot("delete", contact_id))

    # --- the last requests -----------------------------------------------------------------------

    def _unauthenticated(self, subjects: Mapping[str, str]) -> Steps:
        """Put a request without credentials between two plain ones (LIMIT-12)."""
        shot = Shot("get", subjects["change"])
        for each in (shot, replace(shot, variation=NO_CREDENTIALS), shot):
            yield from self._send(each)

    def _came_back(self) -> float | None:
        """Return when all is back that was spent before Retry-After; None where it came at once.

        While a window that slides gives back one by one what was spent one by one, parallel
        requests meet a budget in motion, which shows nothing of how exactly it is kept.
        """
        ours = [a for a in self.answers if a.address == FIRST]
        wall = max((i for i, a in enumerate(ours) if a.refused and a.plain), default=0)
        since, before = ours[wall + 1 :], [a for a in ours[:wall] if not a.refused]
        left = since[-1].remaining_value if since else None
        missing = 0 if left is None else self.limit - len(since) - left
        if not before or missing <= self.limit * BACK_AT_ONCE_SHARE:
            return None
        whole = before[-1].answered + self.window_s + MARGIN_S
        return whole if whole <= self.began + 2 * self.window_s else None

    def _all_at_once(self) -> Steps:
        """Send parallel requests until they must have crossed the limit (LIMIT-06, LIMIT-10)."""
        limited = [a.operation for a in self.answers if a.plain and a.refused]
        shot = Shot("get", UNKNOWN_ID) if "get" in limited else Shot("list", query={"limit": "1"})
        count = max(1, min(self.limit + self.plan.in_flight, self.bound - len(self.answers)))
        yield from self._volley((shot,) * count, min(self.plan.in_flight, count))
