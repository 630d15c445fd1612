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

from load import control  # noqa: E402
from load.data import update_of  # noqa: E402
from load.node import Kept, Node  # noqa: E402
from load.screens import (  # noqa: E402
    all_archived,
    archived_is,
    found,
    not_found,
    nothing,
    page_problem,
)
from load.session import Reply, Session, echo_problem  # noqa: E402
from load.transport import pool, pooled_client  # noqa: E402

control.install(events)

Scenario = Callable[[Any], None]
BURST = 20
IMPORTED_MOST = 2_000
"""Contacts that the importers of one node keep; beyond that, old ones make room for new ones."""


def scenario(weight: int, *tags: str) -> Callable[[Scenario], Any]:
    """Make a method a locust task with a weight and tags."""
    return lambda function: tag(*tags)(task(weight)(function))


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
        prefix = control.prefix_of(self.node)
        paced_as = type(self).__name__ if self.node.open_model else None
        self.session = Session(self.node, client, prefix, report, paced_as=paced_as)
        self.chance = random.Random()  # noqa: S311 - which contact to look at

    def wait_time(self) -> float:
        """Pause as people do; in the open model every request waits for its arrival."""
        mean = self.node.options.think_time
        if self.node.open_model or not mean:
            return 0.0
        return self.chance.uniform(0.5, 1.5) * mean

    def some_contact(self) -> Kept | None:
        """Return a contact of the stock, or None where there is none."""
        return self.chance.choice(self.node.stock) if self.node.stock else None

    def look_anyway(self) -> Reply:
        """List the first page: what is left to do without a stock."""
        return self.session.send("list", "?limit=25")

    def create(self) -> Kept | None:
        """Create a contact and check the echo; None where it was refused or is not as sent."""
        reply, contact = self.session.create(self.node.bodies.next())
        return contact if reply.ok else None

    def delete(self, contact: Kept) -> None:
        """Delete a contact."""
        reply = self.session.send("delete", f"/{contact.id}")
        if reply.status in (200, 404):
            self.node.gone(contact.id)


class AddressBook(Contacts):
    """A CRM screen: mostly reads. List pages, search as one types, open a contact."""

    weight = 6

    @scenario(6, "read")
    def list_page(self) -> None:
        """Leaf through the list."""
        page = self.chance.choice((1, 1, 1, 2, 3))
        check = functools.partial(page_problem, 25, page)
        self.session.send("list", f"?page={page}&limit=25", check=check)

    @scenario(1, "read")
    def list_archived(self) -> None:
        """Look at the archived contacts."""
        self.session.send("list", "?archived=true&limit=25", check=all_archived)

    @scenario(3, "read", "search")
    def find(self) -> None:
        """Find a contact in the list by its name."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        query = urlencode({"search": contact.fields["last_name"], "limit": 100})
        check = functools.partial(found, "list", contact.id)
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
        check = functools.partial(found, "search", contact.id)
        self.session.send("search", f"?{query}", check=check)

    @scenario(5, "read")
    def open(self) -> None:
        """Open a contact."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        check = functools.partial(echo_problem, contact.fields)
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
        send("get", path, check=functools.partial(echo_problem, contact.fields))
        payload, changes = update_of(contact.fields["last_name"])
        written = {**contact.fields, **changes}
        send("update", path, payload, check=functools.partial(echo_problem, written))
        send("archive", f"{path}/archive", check=functools.partial(archived_is, True))
        send("restore", f"{path}/restore", check=functools.partial(archived_is, False))
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
        """Create one contact after the other, and make room where there are too many."""
        for _ in range(BURST):
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
        check = functools.partial(found, "search", contact.id)
        self.session.send("search", f"?name={quote(full, safe='')}", check=check)

    @scenario(2, "read", "search")
    def hit_email(self) -> None:
        """Search an email."""
        contact = self.some_contact()
        if contact is None:
            self.look_anyway()
            return
        check = functools.partial(found, "search", contact.id)
        query = quote(contact.fields["email"], safe="")
        self.session.send("search", f"?email={query}", check=check)

    @scenario(2, "read", "search")
    def miss(self) -> None:
        """Search a name that nobody has."""
        name = self.node.bodies.factory.word(length=16)
        self.session.send("search", f"?name={name}", check=nothing)

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
        check = functools.partial(not_found, "search", contact.id)
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
        self.session.send("list", f"?{query}", check=functools.partial(found, "list", contact.id))


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
