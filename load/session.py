"""Sending with checks: what stands between a scenario and the wire.

Each request of a scenario passes the run's gate, is sent, checked, recorded under its operation
and told to locust. A 429 is an outcome of its own, neither failure nor success.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from geventhttpclient.client import HTTPClient

from conformance.kit.limiter import RATE_LIMITED, whole
from load import checks
from load.data import Body
from load.node import SAMPLES_KEPT, Flight, Kept, Node, clock
from load.recorder import FAILED, OK, THROTTLED
from load.renewal import REFUSED
from load.transport import Answered, NoAnswer, exchange

Check = Callable[[Any], str | None]
Report = Callable[..., None]
RESOURCE = "/contacts"
LIMITER_HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
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

    def created_id(self) -> str | None:
        """Return the id of the contact that was created, right answer or not; None without one."""
        data = self.document.get("data") if isinstance(self.document, dict) else None
        contact_id = data.get("id") if isinstance(data, dict) else None
        made = self.status is not None and 200 <= self.status < 300
        return contact_id if made and isinstance(contact_id, str) else None


class Session:
    """Sends for one user; in the open model each request waits for its arrival."""

    def __init__(
        self,
        node: Node,
        client: HTTPClient,
        prefix: str,
        report: Report,
        *,
        paced_as: str | None = None,
    ) -> None:
        """Bind to a node and a client; `report` is locust's request event.

        `paced_as` is the user's class in the open model, None in the closed one.
        """
        self.node = node
        self._kind = paced_as
        if paced_as is not None:
            node.joined(paced_as)
        self._arrival: float | None = None
        self._waited = False
        self._client = client
        self._within_s = node.options.request_timeout
        self._root = prefix + RESOURCE
        self._report = report

    def create(self, body: Body) -> tuple[Reply, Kept | None]:
        """Create a contact and check the echo; the contact is None where none was acknowledged.

        Before it is sent the ledger knows of it, and not before its turn: a create that is written
        down and never sent would have to be looked for at the end.
        """
        self.take_turn()
        entry = self.node.intend(body)
        check = partial(echo_problem, body.fields)
        reply = self.send("create", body=body.payload, check=check)
        contact_id = reply.created_id()
        if contact_id is not None:
            self.node.created(entry, contact_id)
            return reply, Kept(contact_id, body.fields, entry)
        if reply.status is not None and 400 <= reply.status < 500:
            self.node.refused(entry)
        return reply, None

    def take_turn(self) -> None:
        """Wait until the next request may be sent: `send` does so itself where nobody has."""
        self._arrival = None if self._kind is None else self.node.await_arrival(self._kind)
        self.node.pass_gate()
        self._waited = True

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
        if operation == "search":
            path = "/search" + path
        if not self._waited:
            self.take_turn()
        self._waited = False
        sent = clock()
        intended = self._arrival or sent
        flight = Flight(operation, intended, sent)
        node.flights[id(flight)] = flight
        try:
            answered = self._exchange(METHODS[operation], self._root + path, body)
        except NoAnswer as problem:
            if node.flights.pop(id(flight), None) is not None:
                moments = (intended, sent, clock())
                self._record(operation, FAILED, moments, str(problem), 0)
            return Reply(FAILED, None, None)
        except BaseException:
            # The user was stopped in the middle.
            node.flights.pop(id(flight), None)
            raise
        if node.flights.pop(id(flight), None) is None:
            # The run has ended, and counted this one as never answered.
            return Reply(FAILED, answered.status, _parsed(answered)[0])
        wanted = EXPECTED.get(operation, 200) if expect is None else expect
        return self._judge(operation, answered, wanted, check, (intended, sent))

    def _exchange(self, method: str, target: str, body: bytes) -> Answered:
        """Send, and send again where a refused token has a fresh one: it did nothing before."""
        tokens = self.node.tokens
        used = tokens.token
        headers = tokens.bodied if body else tokens.headers
        answered = exchange(self._client, method, target, headers, body, within_s=self._within_s)
        if answered.status != REFUSED or not self.node.renewal.after(used):
            return answered
        headers = tokens.bodied if body else tokens.headers
        return exchange(self._client, method, target, headers, body, within_s=self._within_s)

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
            problem = checks.content_type_problem(answered.header("content-type"))
        if problem is None:
            problem = checks.envelope_problem(operation, answered.status, document)
        if problem is None and not refused:
            problem = self._content_problem(operation, answered.status, wanted, document, check)
        self._note_limits(operation, answered, refused, (moments[1], ended), document)
        outcome = THROTTLED if refused else (FAILED if problem else OK)
        size = len(answered.body)
        shown = None if refused or problem is None else self.node.tokens.redact(problem)
        self._record(operation, outcome, (*moments, ended), shown, size)
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
        refused: bool,
        span: tuple[float, float],
        document: Any,
    ) -> None:
        node = self.node
        texts = [answered.header(name) for name in LIMITER_HEADERS]
        node.recorder.limited(*(whole(text) for text in texts), refused=refused)
        if refused or node.recorder.requests % 10 == 0:
            enveloped = checks.envelope_problem(operation, answered.status, document) is None
            retry_after = answered.header("retry-after")
            row = (*span, operation, answered.status, *texts, retry_after, enveloped)
            if len(node.samples) < SAMPLES_KEPT:
                node.samples.append(row)

    def _record(
        self,
        operation: str,
        outcome: str,
        moments: tuple[float, float, float],
        problem: str | None,
        size: int,
    ) -> None:
        intended, sent, ended = moments
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


def echo_problem(expected: Mapping[str, Any], document: Any) -> str | None:
    """Return the first field of the contact in an answer that is not as written."""
    return checks.field_problem(document["data"], expected)


_NO_CONTEXT: Mapping[str, Any] = {}


def _parsed(answered: Answered) -> tuple[Any, str | None]:
    try:
        return orjson.loads(answered.body), None
    except orjson.JSONDecodeError:
        return None, "the body is not JSON (ENV-04)"
