"""What a run writes is made beforehand; a node hands arrivals to users and shuts its gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

import schemas
from conformance.kit.ledger import leftovers
from fixtures.factories import OTHERS
from load import node as node_module
from load.credentials import Tokens
from load.data import MARK, UNICODE_NAMES, Bodies, new_run, update_of
from load.node import MAIN, PARCELLED, Flight, Node, clock
from load.options import Options

BOUND_S = 5.0
USER = "AddressBook"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    # Few prepared bodies are enough where little is sent.
    monkeypatch.setattr(node_module, "Bodies", lambda seed: Bodies(seed, 2))
    made = Node(Options(report_dir=str(tmp_path), seed=1), Tokens("t"), "http://127.0.0.1:9/v1")
    yield made
    made.close_gate()
    made.ledger.close()


def users(node: Node, count: int, taken: list[float], kind: str = USER) -> list[gevent.Greenlet]:
    """Start users that take one arrival after the other, and let them wait."""

    def use() -> None:
        while True:
            taken.append(node.await_arrival(kind))

    for _ in range(count):
        node.joined(kind)
    started = [gevent.spawn(use) for _ in range(count)]
    gevent.sleep(0)
    return started


# --- bodies ------------------------------------------------------------------------------------


def test_a_body_is_the_json_of_its_fields() -> None:
    bodies = Bodies(1, 16)

    for body in (bodies.next() for _ in range(40)):
        assert json.loads(body.payload) == body.fields
        assert body.fields["last_name"] == body.name


def test_a_body_has_every_field_of_a_create() -> None:
    assert set(Bodies(1, 1).next().fields) == set(schemas.CREATE_FIELDS)


def test_no_two_bodies_share_a_name() -> None:
    bodies = Bodies(1, 4)

    names = [bodies.next().name for _ in range(2_000)]

    assert len(set(names)) == 2_000
    assert set("".join(names).lower()) <= set(OTHERS)
    assert MARK not in names


def test_names_differ_from_run_to_run_whatever_the_seed() -> None:
    first, second = Bodies(7, 1), Bodies(7, 1)

    assert {first.next().name for _ in range(50)} & {second.next().name for _ in range(50)} == set()


def test_a_seed_repeats_what_is_chosen() -> None:
    first, second = (Bodies(7, 8) for _ in range(2))
    chosen = ("company", "phone", "zip_code", "contact_type", "state", "city")

    for _ in range(8):
        one, other = first.next().fields, second.next().fields
        assert {name: one[name] for name in chosen} == {name: other[name] for name in chosen}


def test_some_bodies_hold_unicode_names() -> None:
    bodies = Bodies(1, 64)

    found = {body.fields["first_name"] for body in (bodies.next() for _ in range(64))}

    assert found & set(UNICODE_NAMES) == set(UNICODE_NAMES)


def test_a_prepared_body_is_not_changed_by_its_use() -> None:
    bodies = Bodies(1, 1)
    first = bodies.next()
    before = dict(first.fields)

    second = bodies.next()

    assert first.fields == before
    assert first.fields["last_name"] != second.fields["last_name"]


def test_an_update_sends_what_it_says() -> None:
    payload, fields = update_of("Name")

    assert json.loads(payload) == fields
    assert set(fields) <= set(schemas.UPDATE_FIELDS)


def test_runs_have_names_of_their_own() -> None:
    assert len({new_run() for _ in range(200)}) == 200


# --- arrivals ----------------------------------------------------------------------------------


def test_an_arrival_that_is_due_goes_to_a_waiting_user(node: Node) -> None:
    taken: list[float] = []
    waiting = users(node, 1, taken)
    node.begin(clock() - 1.0)

    node.deal([0.5])
    gevent.sleep(0.1)

    assert taken == [pytest.approx(node.started + 0.5)]
    assert (node.recorder.arrivals.sent, node.recorder.arrivals.dropped) == (1, 0)
    gevent.killall(waiting)


def test_an_arrival_is_not_handed_out_before_its_moment(node: Node) -> None:
    taken: list[float] = []
    waiting = users(node, 2, taken)
    node.begin(clock())

    node.deal([0.15])
    gevent.sleep(0.05)
    early = list(taken)
    gevent.sleep(0.2)

    assert (early, len(taken)) == ([], 1)
    gevent.killall(waiting)


def test_arrivals_wait_for_a_user_and_keep_their_moments(node: Node) -> None:
    node.begin(clock() - 1.0)
    node.deal([0.1, 0.2, 0.3])
    gevent.sleep(0.05)
    taken: list[float] = []

    late = users(node, 1, taken)
    gevent.sleep(0.05)

    assert [moment - node.started for moment in taken] == pytest.approx([0.1, 0.2, 0.3])
    gevent.killall(late)


def test_an_arrival_that_nobody_takes_in_time_is_dropped(node: Node) -> None:
    node.options = Options(drop_after=0.5)
    node.begin(clock() - 10.0)
    node.deal([1.0, 2.0, 9.9])
    gevent.sleep(0.05)
    taken: list[float] = []

    late = users(node, 1, taken)
    gevent.sleep(0.05)

    assert len(taken) == 1
    assert (node.recorder.arrivals.sent, node.recorder.arrivals.dropped) == (1, 2)
    gevent.killall(late)


def test_an_arrival_of_a_user_that_is_stopped_goes_to_another(node: Node) -> None:
    taken: list[float] = []
    stopped = users(node, 1, taken)
    node.begin(clock() - 1.0)
    node.deal([0.5])

    gevent.killall(stopped)
    others = users(node, 1, taken)
    gevent.sleep(0.1)

    assert len(taken) == 1
    gevent.killall(others)


def test_both_classes_of_users_get_arrivals(node: Node) -> None:
    readers: list[float] = []
    writers: list[float] = []
    waiting = users(node, 3, readers, "Reader") + users(node, 1, writers, "Writer")
    node.begin(clock() - 1.0)

    node.deal([n / 1000 for n in range(400)])
    gevent.sleep(0.2)

    assert len(readers) + len(writers) == 400
    assert len(readers) > len(writers) > 0
    gevent.killall(waiting)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_arrival_dealt_is_sent_dropped_or_cancelled(node: Node, count: int) -> None:
    taken: list[float] = []
    waiting = users(node, count, taken)
    node.begin(clock())
    node.deal([n / 100 for n in range(200)])
    gevent.sleep(0.12)

    node.close_gate()
    gevent.sleep(0.05)

    arrivals = node.recorder.arrivals
    assert arrivals.sent + arrivals.dropped + arrivals.cancelled == 200
    assert arrivals.sent == len(taken)
    assert arrivals.cancelled > 150
    gevent.killall(waiting)


# --- the gate ----------------------------------------------------------------------------------


def test_an_open_gate_lets_everybody_pass(node: Node) -> None:
    with gevent.Timeout(BOUND_S):
        node.pass_gate()


def test_a_shut_gate_lets_nobody_pass(node: Node) -> None:
    node.close_gate()

    passing = gevent.spawn(node.pass_gate)
    gevent.sleep(0.05)

    assert not passing.ready()
    passing.kill()


def test_shutting_the_gate_twice_counts_nothing_twice(node: Node) -> None:
    node.begin(clock() - 10.0)
    node.deal([1.0, 2.0, 100.0])

    node.close_gate()
    node.close_gate()

    assert (node.recorder.arrivals.dropped, node.recorder.arrivals.cancelled) == (2, 1)


def test_settling_waits_for_what_is_in_flight_and_no_longer_than_told(node: Node) -> None:
    node.flights[1] = Flight("list", clock(), clock())
    begun = clock()

    node.settle(0.2)

    assert 0.2 <= clock() - begun < BOUND_S


def test_settling_ends_with_the_last_answer(node: Node) -> None:
    node.flights[1] = Flight("list", clock(), clock())
    gevent.spawn_later(0.05, node.flights.clear)
    begun = clock()

    node.settle(BOUND_S)

    assert clock() - begun < BOUND_S / 2


# --- parcels and the ledger --------------------------------------------------------------------


def test_a_parcel_takes_along_what_gathered_and_begins_anew(node: Node) -> None:
    node.lags.append(0.1)
    node.cpu.append(50.0)
    node.prepared_requests = 3

    first, second = node.parcel(done=True), node.parcel()

    assert (first["lags"], first["cpu"], first["prepared"], first["done"]) == (
        [0.1],
        [50.0],
        3,
        True,
    )
    assert all(second[name] == [] for name in PARCELLED)
    assert second["prepared"] == 0


def test_a_contact_is_written_down_before_its_create_and_until_it_is_gone(
    node: Node, tmp_path: Path
) -> None:
    (file,) = tmp_path.glob("load-ledger-*.jsonl")
    body = node.bodies.next()

    entry = node.intend(body)
    intended = [found.words[1] for found in leftovers(file)]
    node.created(entry, "an-id")
    made = [found.id for found in leftovers(file)]
    node.gone("an-id")

    assert (intended, made, leftovers(file)) == ([body.name], ["an-id"], [])
    assert (node.made, node.unmade) == (["an-id"], ["an-id"])
    assert node.ledger.live(MAIN) == []


def test_the_ledger_holds_no_credential(node: Node, tmp_path: Path) -> None:
    node.tokens = Tokens("a-secret-token")
    node.intend(node.bodies.next())

    assert "a-secret-token" not in "".join(p.read_text() for p in tmp_path.glob("*.jsonl"))


def test_watching_samples_how_busy_the_process_is(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "WATCH_S", 0.02)

    watching = gevent.spawn(node.watch)
    gevent.sleep(0.1)
    node.close_gate()
    watching.join(BOUND_S)

    assert watching.ready()
    assert node.cpu
    assert all(lag >= 0 for lag in node.lags)
