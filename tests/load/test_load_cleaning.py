"""What a run made is deleted, whatever the target answers, and what may be left is said."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import gevent
import pytest
from load_target import Target, answered

from load.cleaning import LOOKED_FOR_MOST, TRIES, Cleaning
from load.node import MAIN, Node, clock
from load.options import Options
from load.transport import Answered, NoAnswer


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
