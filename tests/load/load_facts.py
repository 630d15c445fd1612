"""Runs of the load side made up for the tests of reports, and the schema of their documents."""

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import Any

import jsonschema_rs

import schemas
from load.collection import Collection, View
from load.objectives import parse
from load.options import Options
from load.recorder import FAILED, OK, THROTTLED, Recorder
from load.report import Facts

START = 1_700_000_000.0
HOST = "http://127.0.0.1:8000/v1"


def collection(
    ok: int = 100, failed: int = 0, throttled: int = 0, node: str = "local", **extras: Any
) -> Collection:
    """Return ten seconds in which lists were answered within 10 ms."""
    found = Collection(START)
    found.ended = START + 10
    recorder = Recorder()
    outcomes = itertools.chain([OK] * ok, [FAILED] * failed, [THROTTLED] * throttled)
    for n, outcome in enumerate(outcomes):
        sent = START + n % 10
        recorder.record("list", outcome, sent, sent, sent + 0.01)
    for _ in range(failed):
        recorder.error("list", "status 500 instead of 200")
    recorder.arrivals.sent = ok + failed + throttled
    found.add(node, recorder.parcel() | {"done": True} | extras)
    return found


def facts(
    found: Collection | None = None, *objectives: str, scheduled: int | None = None, **parts: Any
) -> Facts:
    found = collection() if found is None else found
    sent = found.sent().sent
    wanted = sent if scheduled is None else scheduled
    view = View(found.operations, found.duration(), wanted, max(0, wanted - sent))
    options = parts.pop("options", Options(arrival_rate=10.0, shape="steady"))
    known = tuple(parse(objective) for objective in objectives)
    return Facts(HOST, ("AddressBook",), options, found, view, known, **parts)


@cache
def validator() -> jsonschema_rs.Draft202012Validator:
    resources = [(schemas.load(name)["$id"], schemas.load(name)) for name in schemas.NAMES]
    registry = jsonschema_rs.Registry(resources)
    return jsonschema_rs.Draft202012Validator(schemas.load("load"), registry=registry)


def valid(document: dict[str, Any]) -> bool:
    return validator().is_valid(json.loads(json.dumps(document)))
