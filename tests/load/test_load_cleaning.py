"""What a run made is deleted, whatever the target answers, and what may be left is said."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import gevent
import pytest

from load import cleaning, session, stock
from load import node as node_module
from load.cleaning import LOOKED_FOR_MOST, TRIES, Cleaning
from load.credentials import Tokens
from load.data import Bodies
from load.node import MAIN, Node, clock
from load.options import Options
from load.transport import Answered, Connection, NoAnswer

BASE = "http://127.0.0.1:9/v1"
TYPE = {"content-type": "application/json"}
Handler = Callable[[str, str], Answered]


def answered(status: int, body: Any = None, **headers: Any) -> Answered:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, TYPE | named, content)


class Target:
    """An in-process target that holds contacts; `handler` may answer first."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.archived: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.closed = 0
        self.handler: Callable[[str, str], Answered | None] = lambda _method, _path: None

    def send(self, method: str, path: str, *_: object, **__: object) -> Answered:
        self.asked.append((method, path))
        gevent.sleep(0)
        said = self.handler(method, path)
        if said is not None:
            return said
        return self._delete(path) if method == "DELETE" else self._find(path)

    def _delete(self, path: str) -> Answered:
        found = self.names.pop(unquote(path.rpartition("/")[2]), None)
        return answered(200 if found else 404, {"success": bool(found), "data": {}})

    def _find(self, path: str) -> Answered:
        query = parse_qs(urlsplit(path).query)
        in_archive = query["archived"] == ["true"]
        records = [
            {"id": contact_id, "last_name": name}
            for contact_id, name in self.names.items()
            if name.lower() == query["search"][0].lower()
            and (contact_id in self.archived) == in_archive
        ]
        return answered(200, {"success": True, "data": {"contacts": records, "meta": {}}})

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    made = Target()
    monkeypatch.setattr(cleaning, "Transport", lambda *_args, **_options: made)
    return made


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    # Few prepared bodies are enough where little is sent.
    monkeypatch.setattr(node_module, "Bodies", lambda seed: Bodies(seed, 2))
    made = Node(Options(report_dir=str(tmp_path), seed=1, stock=6), Tokens("t"), BASE)
    yield made
    made.ledger.close()


def make(node: Node, target: Target, count: int) -> list[str]:
    """Make contacts whose creates were answered."""
    ids = []
    for n in range(count):
        body = node.bodies.next()
        node.created(node.intend(body), f"id-{n}")
        target.names[f"id-{n}"] = body.name
        ids.append(f"id-{n}")
    return ids


def lose(node: Node, target: Target, *, archived: bool = False) -> str:
    """Make a contact whose create was never answered."""
    body = node.bodies.next()
    node.intend(body)
    target.names["lost-id"] = body.name
    if archived:
        target.archived.add("lost-id")
    return body.name


# --- deleting ----------------------------------------------------------------------------------


def test_everything_that_was_made_is_deleted(node: Node, target: Target) -> None:
    make(node, target, 40)
    work = Cleaning(node, 5.0)

    left = work.run()

    assert (left, target.names, work.deleted, target.closed) == ([], {}, 40, 1)
    assert node.ledger.live(MAIN) == []


def test_a_run_that_made_nothing_asks_nothing(node: Node, target: Target) -> None:
    assert Cleaning(node, 5.0).run() == []
    assert target.asked == []


def test_what_somebody_deleted_already_is_not_left(node: Node, target: Target) -> None:
    make(node, target, 2)
    target.names.clear()

    assert Cleaning(node, 5.0).run() == []


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_what_cannot_be_deleted_is_said(node: Node, target: Target, status: int) -> None:
    ids = make(node, target, 3)
    target.handler = lambda _method, _path: answered(status)

    work = Cleaning(node, 5.0)

    assert sorted(work.run()) == ids
    assert work.deleted == 0


def test_an_id_of_the_targets_own_making_stays_within_its_path(node: Node, target: Target) -> None:
    node.created(node.intend(node.bodies.next()), "../a b?c#d/é\r\n")

    Cleaning(node, 5.0).run()

    ((method, path),) = target.asked
    assert method == "DELETE"
    assert path == "/contacts/..%2Fa%20b%3Fc%23d%2F%C3%A9%0D%0A"


def test_a_request_that_fails_is_tried_again(node: Node, target: Target) -> None:
    make(node, target, 1)

    def fail_once(_method: str, _path: str) -> None:
        if len(target.asked) == 1:
            raise NoAnswer("connection closed")

    target.handler = fail_once

    assert Cleaning(node, 5.0).run() == []
    assert len(target.asked) == 2


def test_a_target_that_is_gone_is_given_up_after_some_tries(node: Node, target: Target) -> None:
    make(node, target, 1)

    def refuse(_method: str, _path: str) -> None:
        raise NoAnswer("connection refused")

    target.handler = refuse

    assert Cleaning(node, 5.0).run() == ["id-0"]
    assert len(target.asked) == TRIES


def test_a_refusal_is_waited_out(node: Node, target: Target) -> None:
    make(node, target, 1)
    target.handler = lambda _method, _path: (
        answered(429, retry_after="1") if len(target.asked) == 1 else None
    )

    assert Cleaning(node, 5.0).run() == []


def test_waiting_for_the_rate_limit_ends_with_the_time_given(node: Node, target: Target) -> None:
    make(node, target, 20)
    target.handler = lambda _method, _path: answered(429, retry_after="900")
    begun = clock()

    left = Cleaning(node, 0.3).run()

    assert len(left) == 20
    assert clock() - begun < 2.0


@pytest.mark.parametrize("retry_after", [None, "soon", "-5", ["1", "2"], "9" * 300])
def test_a_strange_retry_after_ends_no_cleaning(
    node: Node, target: Target, retry_after: Any
) -> None:
    make(node, target, 1)
    headers = {} if retry_after is None else {"retry_after": retry_after}
    target.handler = lambda _method, _path: answered(429, **headers)

    assert Cleaning(node, 0.1).run() == ["id-0"]


def test_no_time_leaves_everything_and_asks_nothing(node: Node, target: Target) -> None:
    ids = make(node, target, 3)

    assert sorted(Cleaning(node, 0.0).run()) == ids
    assert target.asked == []


def test_an_abandoned_cleaning_stops(node: Node, target: Target) -> None:
    make(node, target, 3)
    node.abandoned = True

    assert len(Cleaning(node, 5.0).run()) == 3
    assert target.asked == []


def test_abandoning_does_not_wait_for_the_rate_limit(node: Node, target: Target) -> None:
    make(node, target, 1)
    target.handler = lambda _method, _path: answered(429, retry_after="60")
    gevent.spawn_later(0.05, setattr, node, "abandoned", True)
    begun = clock()

    Cleaning(node, 1.2).run()

    assert clock() - begun < 0.9


def test_a_target_that_keeps_silent_does_not_stretch_the_time_given(node: Node) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        node.base_url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        node.options = Options(request_timeout=1.2)
        node.created(node.intend(node.bodies.next()), "id-0")
        begun = clock()

        left = Cleaning(node, 0.2).run()

    assert left == ["id-0"]
    assert clock() - begun < 1.0


# --- what was never acknowledged ---------------------------------------------------------------


@pytest.mark.parametrize("archived", [False, True])
def test_a_contact_whose_create_was_not_answered_is_looked_for(
    node: Node, target: Target, *, archived: bool
) -> None:
    lose(node, target, archived=archived)

    left = Cleaning(node, 5.0).run()

    assert (left, target.names) == ([], {})


def test_a_create_that_left_nothing_is_settled(node: Node, target: Target) -> None:
    lose(node, target)
    target.names.clear()

    assert Cleaning(node, 5.0).run() == []
    assert node.ledger.lost(MAIN) == []


def test_a_contact_of_somebody_else_is_not_touched(node: Node, target: Target) -> None:
    name = lose(node, target)
    target.names = {"theirs": f"{name}sen"}

    def fuzzy(method: str, _path: str) -> Answered | None:
        record = {"id": "theirs", "last_name": f"{name}sen"}
        found = {"success": True, "data": {"contacts": [record]}}
        return answered(200, found) if method == "GET" else None

    target.handler = fuzzy
    Cleaning(node, 5.0).run()

    assert target.names == {"theirs": f"{name}sen"}
    assert "DELETE" not in {method for method, _ in target.asked}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[" * 5_000,
        None,
        [],
        {"data": None},
        {"data": {"contacts": None}},
        {"data": {"contacts": 5}},
        {"data": {"contacts": "text"}},
        {"data": {"contacts": [None, 1, "x"]}},
        {"data": {"contacts": [{"last_name": None}]}},
    ],
)
def test_a_search_that_answers_nonsense_ends_no_cleaning(
    node: Node, target: Target, body: Any
) -> None:
    make(node, target, 2)
    lose(node, target)
    target.handler = lambda method, _path: answered(200, body) if method == "GET" else None

    assert Cleaning(node, 5.0).run() == []
    assert "id-0" not in target.names


def test_what_could_not_be_looked_for_is_said_by_name(node: Node, target: Target) -> None:
    name = lose(node, target)
    target.handler = lambda _method, _path: answered(500)

    (left,) = Cleaning(node, 5.0).run()

    assert name in left


def test_looking_for_lost_contacts_is_bounded(node: Node, target: Target) -> None:
    for _ in range(LOOKED_FOR_MOST + 10):
        node.intend(node.bodies.next())

    left = Cleaning(node, 5.0).run()

    assert len(left) == 10
    assert len(target.asked) == 2 * LOOKED_FOR_MOST


def test_contacts_of_a_lost_worker_are_deleted_too(node: Node, target: Target) -> None:
    target.names = {"a": "Aname", "b": "Bname"}
    work = Cleaning(node, 5.0)

    work.take_over({"a", "b"})

    assert (work.run(), target.names) == ([], {})


# --- the stock ---------------------------------------------------------------------------------


@pytest.fixture
def stocking(monkeypatch: pytest.MonkeyPatch, target: Target) -> list[bytes]:
    """Answers the creates of the stock with the handler of the target; returns the bodies sent."""
    bodies: list[bytes] = []

    class Wire:
        prefix, client = "/v1", None

        def __init__(self, _base: str, _connection: Connection, *, concurrency: int) -> None:
            self.concurrency = concurrency

        def close(self) -> None:
            target.closed += 1

    def exchange(_client: object, method: str, path: str, *parts: Any, **_: object) -> Answered:
        bodies.append(parts[1])
        said = target.handler(method, path)
        if said is not None:
            return said
        sent = json.loads(parts[1])
        contact_id = f"id-{len(bodies)}"
        target.names[contact_id] = sent["last_name"]
        return answered(201, {"success": True, "data": {**sent, "id": contact_id}})

    monkeypatch.setattr(stock, "Transport", Wire)
    monkeypatch.setattr(session, "exchange", exchange)
    return bodies


def prepared(node: Node, **options: Any) -> None:
    node.options = Options(stock=6, validate_every=0, **options)
    stock.prepare(node)


def test_the_stock_holds_what_was_asked_for(
    node: Node, target: Target, stocking: list[bytes]
) -> None:
    prepared(node)

    assert {kept.id for kept in node.stock} == set(target.names)
    assert len(stocking) == 6
    assert node.prepared_requests == 6
    assert len(node.ledger.live(MAIN)) == 6


def test_what_was_sent_beforehand_is_not_measured(node: Node, stocking: list[bytes]) -> None:
    prepared(node)

    parcel = node.parcel()

    assert len(stocking) == 6
    assert (parcel["operations"], parcel["samples"], parcel["prepared"]) == ({}, [], 6)
    assert len(parcel["made"]) == 6


@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.usefixtures("stocking")
def test_a_target_that_refuses_leaves_the_stock_short(
    node: Node, target: Target, status: int
) -> None:
    target.handler = lambda _method, _path: answered(status, {"success": False, "error": {}})

    prepared(node)

    assert node.stock == []
    assert node.ledger.live(MAIN) == []


@pytest.mark.parametrize(
    "data", [{"id": "made", "last_name": "Wrong"}, {"id": "made", "extra": [None]}]
)
@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.usefixtures("stocking")
def test_a_contact_that_came_back_wrong_is_deleted_all_the_same(
    node: Node, target: Target, data: dict[str, Any], status: int
) -> None:
    target.handler = lambda method, _path: (
        answered(status, {"success": True, "data": data}) if method == "POST" else None
    )
    prepared(node)
    target.names["made"] = "Wrong"

    Cleaning(node, 5.0).run()

    assert target.names == {}


@pytest.mark.parametrize("data", [None, [], "x", {}, {"id": None}, {"id": 5}, {"id": {}}])
@pytest.mark.usefixtures("stocking")
def test_a_create_without_a_usable_id_ends_no_preparation(
    node: Node, target: Target, data: Any
) -> None:
    target.handler = lambda _method, _path: answered(201, {"success": True, "data": data})

    prepared(node)

    assert node.stock == []
