"""Exploration with hypothesis: examples in a thread, requests on the loop.

Hypothesis is synchronous and reseeds the global `random` while it runs; the scenes have generators
of their own. It is imported where it is used, as most runs of few clauses do without it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, TypeVar

from conformance.kit.expect import PremiseFailed

if TYPE_CHECKING:
    from hypothesis import settings
    from hypothesis.stateful import RuleBasedStateMachine
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
SIMPLEST = 10
"""How many of the first examples count as simple."""


class Falsified(AssertionError):
    """An example breaks its clause; hypothesis shrinks it and raises this for the smallest."""


class _Abandoned(BaseException):
    """Ends an exploration at once; no `Exception`, as hypothesis would shrink that."""


class Bridge:
    """Lets code in hypothesis' thread run coroutines on the loop of the scenes, one at a time."""

    def __init__(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns; to be called in another thread.

        A premise that fails there (a budget, a target that is gone) ends the exploration.
        """
        if self._over.is_set():
            coroutine.close()
            raise _Abandoned
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except (PremiseFailed, CancelledError) as problem:
            raise _Abandoned from problem

    async def explore(self, body: Callable[[], None]) -> None:
        """Run a hypothesis test to its end in a thread; examples that fail are its own to keep.

        Raises:
            PremiseFailed: a request of an example could not be made.

        """
        try:
            await asyncio.to_thread(_tolerant, body)
        except _Abandoned as stop:
            if isinstance(stop.__cause__, PremiseFailed):
                raise stop.__cause__ from None
            raise
        finally:
            self._over.set()


def _tolerant(body: Callable[[], None]) -> None:
    from hypothesis.errors import Flaky  # noqa: PLC0415 - see the module's docstring

    try:
        body()
    except (Falsified, Flaky):
        # A target that fails only sometimes makes an example flaky: what was seen is kept.
        return


def check(
    strategy: SearchStrategy[T], attempt: Callable[[T], None], *, examples: int, seed: int
) -> None:
    """Attempt examples of a strategy, and shrink one that fails.

    Raises:
        Falsified: from the smallest failing example.

    """
    from hypothesis import given  # noqa: PLC0415 - see the module's docstring
    from hypothesis import seed as seeded  # noqa: PLC0415 - as above

    @seeded(seed)
    @_settings(examples)
    @given(strategy)
    def holds(example: T) -> None:
        attempt(example)

    holds()


def sample(strategy: SearchStrategy[T], *, count: int, seed: int) -> list[T]:
    """Return so many examples of a strategy, none of them tried: nothing is shrunk or replayed.

    Hypothesis begins with its simplest examples, which are the ones that are left out.
    """
    from hypothesis import Phase, given  # noqa: PLC0415 - see the module's docstring
    from hypothesis import seed as seeded  # noqa: PLC0415 - as above
    from hypothesis import settings as made  # noqa: PLC0415 - as above

    drawn: list[T] = []

    @seeded(seed)
    @made(_settings(SIMPLEST + count), phases=(Phase.generate,))
    @given(strategy)
    def collect(example: T) -> None:
        drawn.append(example)

    collect()
    return drawn[-count:]


def run_machine(
    machine: type[RuleBasedStateMachine], *, examples: int, steps: int, seed: int
) -> None:
    """Run a state machine with examples of at most so many steps, and shrink one that fails.

    Raises:
        Falsified: from the smallest failing example.

    """
    from hypothesis import seed as seeded  # noqa: PLC0415 - see the module's docstring
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415 - as above

    run_state_machine_as_test(seeded(seed)(machine), settings=_settings(examples, steps))


def _settings(examples: int, steps: int = 50) -> settings:
    """Return settings under which a seed repeats a run and nothing is printed or kept on disk."""
    from hypothesis import HealthCheck, Phase, Verbosity  # noqa: PLC0415 - see the docstring
    from hypothesis import settings as made  # noqa: PLC0415 - as above

    return made(
        max_examples=max(1, examples),
        stateful_step_count=steps,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
