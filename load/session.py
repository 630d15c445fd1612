"""Sending with checks: what stands between a scenario and the wire.

Each request of a scenario passes the run's gate, is sent, checked, recorded under its operation
and told to locust. A 429 is an outcome of its own, neither failure nor success.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from geventhttpclient.client import HTTPClient

from conformance.kit.limiter import RATE_LIMITED, whole
from load import checks
from load.node import SAMPLES_KEPT, Node, clock
from load.recorder import FAILED, OK, THROTTLED
from load.transport import Answered, NoAnswer, exchange

Check = Callable[[Any], str | None]
Report = Callable[..., None]
RESOURCE = "/contacts"
EXPECTED = {"create": 201}
METHODS = {
    "list": "GET",
    "search": "GET",
    "get": "GET",
    "create": "POST",
    "update": "PUT",
    "delete": "DELETE",
    "archive": "PATCH",
    "restore": "PATCH",
}


class CheckFailed(Exception):
    """An answer that is not what the contract, or the scenario, says it is."""


@dataclass(frozen=True)
class Reply:
    """An answer as a scenario sees it; `document` is None where there is no JSON."""

    outcome: str
    status: int | None
    document: Any

    @property
    def ok(self) -> bool:
        """Whether it is what was expected."""
        return self.outcome == OK

    @property
    def contact_id(self) -> str:
        """The id of the contact in the answer; only of a reply that is ok."""
        return str(self.document["data"]["id"])


class Session:
    """Sends for one user."""

    def __init__(self, node: Node, client: HTTPClient, prefix: str, report: Report) -> None:
        """Bind to a node and a client; `report` is locust's request event."""
        self.node = node
        self.intended: float | None = None
        self._client = client
        self._root = prefix + RESOURCE
        self._report = report

    def send(
        self,
        operation: str,
        path: str = "",
        body: bytes = b"",
        *,
        expect: int | None = None,
        check: Check | None = None,
    ) -> Reply:
        """Send one request; `path` begins after `/contacts` (`/contacts/search` for a search).

        `check` is called with the parsed answer where the status is the expected one, and returns
        what is wrong with it.
        """
        node = self.node
        node.pass_gate()
        if operation == "search":
            path = "/search" + path
        headers = node.tokens.bodied if body else node.tokens.headers
        node.in_flight += 1
        sent = clock()
        intended, self.intended = self.intended or sent, None
        try:
            answered = exchange(
                self._client, METHODS[operation], self._root + path, headers, body
            )
        except NoAnswer as problem:
            self._record(operation, FAILED, intended, sent, str(problem), 0)
            return Reply(FAILED, None, None)
        finally:
            node.in_flight -= 1
        wanted = EXPECTED.get(operation, 200) if expect is None else expect
        return self._judge(operation, answered, wanted, check, (intended, sent))

    def _judge(
        self,
        operation: str,
        answered: Answered,
        wanted: int,
        check: Check | None,
        moments: tuple[float, float],
    ) -> Reply:
        ended = clock()
        refused = answered.status == RATE_LIMITED
        document, problem = _parsed(answered)
        if problem is None:
            problem = checks.content_type_problem(answered.headers)
        if problem is None:
            problem = checks.envelope_problem(operation, answered.status, document)
        if problem is None and not refused:
            problem = self._content_problem(operation, answered.status, wanted, document, check)
        self._note_limits(operation, answered, refused, (moments[1], ended), document)
        outcome = THROTTLED if refused else (FAILED if problem else OK)
        size = len(answered.body)
        self._record(operation, outcome, *moments, None if refused else problem, size, ended)
        return Reply(outcome, answered.status, document)

    def _content_problem(
        self, operation: str, status: int, wanted: int, document: Any, check: Check | None
    ) -> str | None:
        if status != wanted:
            return f"status {status} instead of {wanted}"
        problem = check(document) if check is not None else None
        if problem is None and self.node.wants_schema():
            problem = checks.schema_problem(operation, status, document)
        return problem

    def _note_limits(
        self,
        operation: str,
        answered: Answered,
        refused: bool,  # noqa: FBT001 - one of the facts of an answer
        span: tuple[float, float],
        document: Any,
    ) -> None:
        headers, node = answered.headers, self.node
        names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
        texts = [headers.get(name) for name in names]
        node.recorder.limited(*(whole(text) for text in texts), refused=refused)
        if refused or node.recorder.requests % 10 == 0:
            enveloped = isinstance(document, dict) and document.get("success") is False
            row = (*span, operation, answered.status, *texts, headers.get("retry-after"), enveloped)
            if len(node.samples) < SAMPLES_KEPT:
                node.samples.append(row)

    def _record(
        self,
        operation: str,
        outcome: str,
        intended: float,
        sent: float,
        problem: str | None,
        size: int,
        ended: float | None = None,
    ) -> None:
        ended = clock() if ended is None else ended
        recorder = self.node.recorder
        recorder.record(operation, outcome, intended, sent, ended)
        if problem is not None:
            recorder.error(operation, problem)
        self._report(
            request_type="429" if outcome == THROTTLED else METHODS[operation],
            name=operation,
            response_time=(ended - sent) * 1000,
            response_length=size,
            exception=None if problem is None else CheckFailed(problem),
            context=_NO_CONTEXT,
        )


_NO_CONTEXT: Mapping[str, Any] = {}


def _parsed(answered: Answered) -> tuple[Any, str | None]:
    try:
        return orjson.loads(answered.body), None
    except orjson.JSONDecodeError:
        return None, "the body is not JSON (ENV-04)"
