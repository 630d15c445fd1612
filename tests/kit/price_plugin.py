"""A pytest plugin for one run of the gate: notes what each scene took, and which it asked for.

It writes a JSON object, scenes by name, into the file that `PRICES_FILE` names: `taken` requests,
with the deletes of the contacts that the scene left, and the scenes that it is `needing`.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance.kit import stage as stage_module
from conformance.kit.client import Client
from conformance.kit.exchange import Exchange
from conformance.kit.ledger import Entry, Ledger
from conformance.kit.outcome import Outcome
from conformance.kit.scene import Scene
from conformance.kit.wire import current_scene

makers: dict[int, str] = {}
buried: Counter[str] = Counter()
asked: dict[str, set[str]] = defaultdict(set)

intend, clean, of = Ledger.intend, stage_module.clean, Scene.of


def noting_makers(ledger: Ledger, account: str, payload: object) -> Entry:
    entry = intend(ledger, account, payload)
    makers[id(entry)] = current_scene.get()
    return entry


async def noting_burials(
    accounts: Mapping[str, Client], ledger: Ledger, missing: list[Exchange]
) -> list[str]:
    buried.update(makers[id(entry)] for entry in ledger.live())
    return await clean(accounts, ledger, missing)


async def noting_needs(scene: Scene, name: str) -> Outcome:
    asked[scene.name].add(name)
    return await of(scene, name)


Ledger.intend = noting_makers  # type: ignore[method-assign]
stage_module.clean = noting_burials
Scene.of = noting_needs  # type: ignore[method-assign]


def pytest_unconfigure(config: pytest.Config) -> None:
    from conformance.kit.plugin import RUN  # pytest rewrites it when it registers the plugin

    stage = config.stash[RUN].stage
    assert stage is not None
    assert stage.wire is not None
    found = {
        name: {"taken": sent + buried[name], "needing": sorted(asked[name])}
        for name, sent in stage.wire.statistics.by_scene.items()
    }
    Path(os.environ["PRICES_FILE"]).write_text(json.dumps(found))
