"""What `AddressBook` is measured against: the same requests, bare and with locust's HttpUser.

`Bare` sends with FastHttpUser and looks at nothing; `Requests` sends with HttpUser and checks what
`AddressBook` checks.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from locust import FastHttpUser, HttpUser, task  # noqa: E402 - after the path is set

from load import checks  # noqa: E402
from load.data import Bodies  # noqa: E402
from load.screens import all_archived, found, page_problem  # noqa: E402
from load.session import Check, echo_problem  # noqa: E402

CONTACTS = 20
SCHEMA_EVERY = 10
Asked = tuple[str, str, Check]
"""An operation, its path, and what `AddressBook` would check of the answer."""


class Asking:
    """The requests of `AddressBook`, in its proportions, on contacts made at the start."""

    def __init__(self, client: Any) -> None:
        """Make the contacts."""
        self.chance = random.Random()  # noqa: S311 - which contact to look at
        bodies = Bodies(1, CONTACTS)
        self.kept = []
        for _ in range(CONTACTS):
            body = bodies.next()
            answer = client.post("/contacts", data=body.payload, name="create")
            self.kept.append((answer.json()["data"]["id"], body.fields))

    def asked(self) -> Iterator[Asked]:
        """Yield requests without end."""
        kinds = (self._page, self._archived, self._find, self._type_ahead, self._open)
        while True:
            yield self.chance.choices(kinds, weights=(6, 1, 3, 3, 5))[0]()

    def _page(self) -> Asked:
        page = self.chance.choice((1, 1, 1, 2, 3))
        return "list", f"?page={page}&limit=25", partial(page_problem, 25, page)

    def _archived(self) -> Asked:
        return "list", "?archived=true&limit=25", all_archived

    def _find(self) -> Asked:
        contact_id, fields = self.chance.choice(self.kept)
        query = urlencode({"search": fields["last_name"], "limit": 100})
        return "list", f"?{query}", partial(found, "list", contact_id)

    def _type_ahead(self) -> Asked:
        contact_id, fields = self.chance.choice(self.kept)
        name = fields["last_name"]
        query = urlencode({"name": name[: self.chance.randint(9, len(name))], "limit": 100})
        return "search", f"/search?{query}", partial(found, "search", contact_id)

    def _open(self) -> Asked:
        contact_id, fields = self.chance.choice(self.kept)
        return "get", f"/{contact_id}", partial(echo_problem, fields)


class Bare(FastHttpUser):
    """FastHttpUser as it comes: send, receive, go on."""

    def on_start(self) -> None:
        """Make the contacts."""
        self.requests = Asking(self.client).asked()

    @task
    def send(self) -> None:
        """Send one request."""
        operation, path, _ = next(self.requests)
        self.client.get(f"/contacts{path}", name=operation)


class Requests(HttpUser):
    """HttpUser with the checks of `AddressBook`."""

    def on_start(self) -> None:
        """Make the contacts."""
        self.requests = Asking(self.client).asked()
        self.sent = 0

    @task
    def send(self) -> None:
        """Send one request and check the answer."""
        operation, path, check = next(self.requests)
        with self.client.get(f"/contacts{path}", name=operation, catch_response=True) as answer:
            problem = self._problem(operation, answer, check)
            if problem:
                answer.failure(problem)

    def _problem(self, operation: str, answer: Any, check: Check) -> str | None:
        self.sent += 1
        document = answer.json()
        problem = checks.content_type_problem(answer.headers.get("content-type"))
        problem = problem or checks.envelope_problem(operation, answer.status_code, document)
        problem = problem or check(document)
        if problem is None and self.sent % SCHEMA_EVERY == 0:
            problem = checks.schema_problem(operation, answer.status_code, document)
        return problem
