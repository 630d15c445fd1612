"""The rate limit, put on trial where the user lets it be spent."""

from __future__ import annotations

from conformance.kit.limiter import Documented, analyse
from conformance.kit.limiter_steps import SECOND, Plan
from conformance.kit.limiter_trial import Trial
from conformance.kit.limits import longest_reset
from conformance.kit.probe import Ground
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import factory


@scene(Phase.PROBE)
async def limiter(s: Scene) -> None:
    """Spend a window, try what may get through, come back; `analysis` says what it showed."""
    people = factory(s)
    async with s.stage.ground() as ground:
        probe = s.stage.probe_of(ground)
        s.out.evidence = probe.evidence
        trial = Trial(
            Plan(
                lambda: people.minimal(last_name=people.name()),
                window_s=ground.window_s,
                second_token=SECOND in ground.target.accounts,
                second_address=SECOND in ground.addresses(),
                in_flight=s.settings.concurrency,
                longest_reset=None if ground.own else longest_reset(s.stage.evidence.answers),
            )
        )
        await probe.carry_out(trial)
        documented = Documented(window_s=_window(ground, trial))
        s.out.analysis = analyse(trial.answers, documented, loopback=ground.on_loopback())


def _window(ground: Ground, trial: Trial) -> float | None:
    """Return the window's length where the headers do not tell it."""
    return ground.window_s if trial.longest_reset is not None else trial.window_s
