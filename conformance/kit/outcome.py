"""What a scene keeps for the tests that judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.kit.expect import PremiseFailed


class Outcome:
    """What a scene kept, by attribute. A missing one is a broken premise, not a verdict."""

    def __init__(self, name: str) -> None:
        """Start empty."""
        self._name = name
        self._problem: BaseException | None = None
        self._complete = False

    def __getattr__(self, name: str) -> Any:
        """Explain what is missing; only called where the attribute does not exist."""
        problem = self.__dict__.get("_problem")
        if name.startswith("__") or problem is None:
            raise AttributeError(name)
        if isinstance(problem, PremiseFailed):
            raise PremiseFailed(problem.reason, problem.kind)
        raise problem

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            """Keep a value."""

    def has(self, name: str) -> bool:
        """Whether the scene kept this value."""
        return name in self.__dict__

    def cut_short(self) -> PremiseFailed | None:
        """Return why the scene could not go on, or None where it came to its end or broke."""
        problem = self.__dict__.get("_problem")
        return problem if isinstance(problem, PremiseFailed) and not self._complete else None

    def _stopped(self, problem: BaseException) -> None:
        self._problem = problem

    def _ended(self) -> None:
        self._complete = True
        self._problem = PremiseFailed(f"the scene {self._name} did not get that far")
