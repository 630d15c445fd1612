"""The stock that a run prepares: what it holds, what it leaves unmeasured, and what ends nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from load_target import Target, answered

from load import session, stock
from load.cleaning import Cleaning
from load.node import MAIN, Node
from load.options import Options
from load.transport import Answered, Connection


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
