"""The user classes, and what locust calls when a run begins and ends.

Pick them in the web page, by name on the command line, or by tag (`read`, `write`, `search`,
`limiter`). Requests are grouped by the operation of the contract that they are.
"""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    # locust loads this file by its path; its packages stand beside it.
    sys.path.insert(0, str(ROOT))

import gevent  # noqa: E402 - after the path is set
from locust import FastHttpUser, events, tag, task  # noqa: E402

from load import checks, control  # noqa: E402
from load.data import update_of  # noqa: E402
from load.node import Kept, Node  # noqa: E402
from load.session import Reply, Session  # noqa: E402
from load.transport import pool, pooled_client  # noqa: E402

control.install(events)

Scenario = Callable[[Any], None]
BURST = 20
IMPORTED_MOST = 2_000
"""Contacts that the importers of one node keep; beyond that, old ones make room for new ones."""


def scenario(weight: int, *tags: str) -> Callable[[Scenario], Any]:
    """Make a method a locust task that, in the open model, waits for an arrival."""

    def decorate(function: Scenario) -> Any:
        @functools.wraps(function)
        def run(user: Contacts) -> None:
            user.arrive()
            function(user)

        return tag(*tags)(task(weight)(run))

    return decorate


class Contacts(FastHttpUser):
    """What all users share: the session that checks, and the pause between tasks."""

    abstract = True
    needs_stock = True

    def __init__(self, environment: Any) -> None:
        """Connect to the node that the run has prepared."""
        self.node: Node = control.node_of(environment)
        # A pool of its own: one connection, verified unless told otherwise, read in large blocks.
        self.client_pool = pool(self.node.connection)
        self.insecure = self.node.options.insecure
        super().__init__(environment)
        client = pooled_client(self.client_pool, self.node.base_url)
        report = environment.events.request.fire
        self.session = Session(self.node, client, control.prefix_of(self.node), report)
        self.chance = random.Random()  # noqa: S311 - which contact to look at

    def wait_time(self) -> float:
        """Pause as people do; in the open model the next arrival decides."""
        mean = self.node.options.think_time
        if self.node.open_model or not mean:
            return 0.0
        return self.chance.uniform(0.5, 1.5) * mean

    def arrive(self) -> None:
        """Wait until there is something to do."""
        if self.node.open_model:
            self.session.intended = self.node.await_arrival()
        else:
            self.node.pass_gate()

    def some_contact(self) -> Kept | None:
        """Return a contact of the stock, or None where there is none."""
        return self.chance.choice(self.node.stock) if self.node.stock else None

    def look_anyway(self) -> Reply:
        """List the first page: what is left to do without a stock."""
        return self.session.send("list", "?limit=25")

    def create(self) -> Kept | None:
        """Create a contact and check the echo; None where it was refused or failed."""
        node = self.node
        body = node.bodies.next()
        entry = node.intend(body)
        expected = functools.partial(_same_fields, body.fields)
        reply = self.session.send("create", body=body.payload, check=expected)
        if reply.status == 201 and isinstance(reply.document, dict):
            contact_id = (reply.document.get("data") or {}).get("id")
            if isinstance(contact_id, str):
                node.created(entry, contact_id)
                return Kept(contact_id, body.fields, entry) if reply.ok else None
        if reply.status is not None:
            node.ledger.settle(entry, "refused")
        return None

    def delete(self, contact: Kept) -> None:
        """Delete a contact."""
        reply = self.session.send("delete", f"/{contact.id}")
        if reply.status in (200, 404):
            self.node.gone(contact.id)


def _same_fields(expected: dict[str, Any], document: Any) -> str | None:
    return checks.field_problem(document["data"], expected)


def _page(limit: int, page: int, document: Any) -> str | None:
    meta, records = document["data"]["meta"], document["data"]["contacts"]
    if meta.get("page") != page or meta.get("limit") != limit:
        return "meta does not echo page and limit (LIST-03)"
    return "more records than the limit (LIST-03)" if len(records) > limit else None


def _all_archived(document: Any) -> str | None:
    records = checks.records_of("list", document)
    good = all(record.get("is_archived") is True for record in records)
    return None if good else "an active contact among the archived ones (LIST-08)"


def _found(operation: str, contact_id: str, document: Any) -> str | None:
    ids = [record.get("id") for record in checks.records_of(operation, document)]
    return None if contact_id in ids else "the contact searched for is missing"


def _not_found(operation: str, contact_id: str, document: Any) -> str | None:
    ids = [record.get("id") for record in checks.records_of(operation, document)]
    return "a contact that does not match was found" if contact_id in ids else None


def _nothing(document: Any) -> str | None:
    return "something was found that nobody wrote" if document["data"] else None


def _archived_is(archived: bool, document: Any) -> str | None:  # noqa: FBT001 - the value to find
    good = document["data"].get("is_archived") is archived
    return None if good else f"is_archived is not {archived}"


class AddressBook(Contacts):
    """A CRM screen: mostly reads. List pages, search as one types, open a contact."""

    weight = 6

    @scenario(6, "read")
    def list_page(self) -> None:
        """Leaf through the list."""
        page = self.chance.choice((1, 1, 1, 2, 3))
        check = functools.partial(_page, 25, page)
        self.session.send("list", f"?page={page}&limit=25", check=check)

    @scenario(1, "read")
    def list_archived(self) -> None:
        """Look at the archived contacts."""
        self.session.send("list", "?archived=true&limit=25", check=_all_archived)

    @scenario(3, "read", "search")
    def find(self) -> None:
        """Find a contact in the list by its name."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        query = urlencode({"search": contact.fields["last_name"], "limit": 25})
        check = functools.partial(_found, "list", contact.id)
        self.session.send("list", f"?{query}", check=check)

    @scenario(3, "read", "search")
    def type_ahead(self) -> None:
        """Search while somebody types a name."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        name = contact.fields["last_name"]
        query = urlencode({"name": name[: self.chance.randint(9, len(name))], "limit": 100})
        check = functools.partial(_found, "search", contact.id)
        self.session.send("search", f"?{query}", check=check)

    @scenario(5, "read")
    def open(self) -> None:
        """Open a contact."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        check = functools.partial(_same_fields, contact.fields)
        self.session.send("get", f"/{contact.id}", check=check)


class Lifecycle(Contacts):
    """A contact from its creation to its end, each answer checked against what was written."""

    weight = 2
    needs_stock = False

    @scenario(1, "write")
    def live(self) -> None:
        """Create, read, update, archive, restore, delete; then it is gone."""
        contact = self.create()
        if contact is None:
            return
        send, path = self.session.send, f"/{contact.id}"
        send("get", path, check=functools.partial(_same_fields, contact.fields))
        payload, changes = update_of(contact.fields["last_name"])
        written = {**contact.fields, **changes}
        send("update", path, payload, check=functools.partial(_same_fields, written))
        send("archive", f"{path}/archive", check=functools.partial(_archived_is, True))
        send("restore", f"{path}/restore", check=functools.partial(_archived_is, False))
        self.delete(contact)
        send("get", path, expect=404)


class Importer(Contacts):
    """Bursts of creates, as an import makes them."""

    weight = 1
    needs_stock = False

    def on_start(self) -> None:
        """Begin with nothing imported."""
        self.imported: list[Kept] = []

    @scenario(1, "write")
    def burst(self) -> None:
        """Create one contact after the other; in the open model one for each arrival."""
        for _ in range(1 if self.node.open_model else BURST):
            contact = self.create()
            if contact is not None:
                self.imported.append(contact)
        share = max(BURST, IMPORTED_MOST // max(1, self.environment.runner.user_count))
        while len(self.imported) > share:
            self.delete(self.imported.pop(0))


class Searcher(Contacts):
    """Search in the list and by `/search`: hits, misses, wildcards, Unicode."""

    weight = 2

    @scenario(3, "read", "search")
    def hit(self) -> None:
        """Search a full name of the stock, whatever letters it has."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        full = f"{contact.fields['first_name']} {contact.fields['last_name']}"
        check = functools.partial(_found, "search", contact.id)
        self.session.send("search", f"?name={quote(full, safe='')}", check=check)

    @scenario(2, "read", "search")
    def hit_email(self) -> None:
        """Search an email."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        check = functools.partial(_found, "search", contact.id)
        query = quote(contact.fields["email"], safe="")
        self.session.send("search", f"?email={query}", check=check)

    @scenario(2, "read", "search")
    def miss(self) -> None:
        """Search a name that nobody has."""
        name = self.node.bodies.factory.word(length=16)
        self.session.send("search", f"?name={name}", check=_nothing)

    @scenario(1, "read", "search")
    def wildcard(self) -> None:
        """Search with a wildcard, which stands for itself (SEARCH-06)."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        name = contact.fields["last_name"]
        sign = self.chance.choice(("%", "_", "*", "."))
        query = quote(name[:4] + sign + name[5:], safe="")
        check = functools.partial(_not_found, "search", contact.id)
        self.session.send("search", f"?name={query}", check=check)

    @scenario(2, "read", "search")
    def hit_in_list(self) -> None:
        """Search a full name of the stock in the list (LIST-10)."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        full = f"{contact.fields['first_name']} {contact.fields['last_name']}"
        query = urlencode({"search": full, "limit": 100})
        self.session.send("list", f"?{query}", check=functools.partial(_found, "list", contact.id))


class RateLimitProbe(Contacts):
    """Puts the limiter on trial, once in a run; the verdict is in the tab and the report."""

    fixed_count = 1
    weight = 1
    needs_stock = False

    @tag("limiter")
    @task
    def probe(self) -> None:
        """Run the trial, then rest."""
        control.run_trial(self.environment)
        while True:
            gevent.sleep(1.0)
