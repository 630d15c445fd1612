"""Scenes for tests of the stage: registered for one test, played to the end."""

from __future__ import annotations

from collections.abc import Callable

from conformance.kit.scene import Act, Phase, Script
from conformance.kit.stage import Stage

WAIT_S = 10.0
Open = Callable[..., Stage]


def register(scripts: dict[str, Script], *acts: Act, phase: Phase = Phase.MAIN) -> None:
    for act in acts:
        name = getattr(act, "__name__", "")
        scripts[name] = Script(name, phase, act)


def played(stage: Stage, scripts: dict[str, Script]) -> Stage:
    """Run all scenes to the end of the cleaning up."""
    stage.start(list(scripts))
    stage.greet()
    stage.finished.result(WAIT_S)
    return stage
