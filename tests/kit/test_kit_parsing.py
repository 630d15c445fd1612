"""Only one thread parses Python at a time: CPython 3.11 fails where two do."""

from __future__ import annotations

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conformance.kit import parsing


class Gauge:
    """Stands in for `ast.parse`: it keeps how many threads were in it at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self._company = threading.Event()

    def parse(self, source: str, **options: Any) -> ast.AST:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside > 1:
                self._company.set()
        self._company.wait(0.2)
        with self._lock:
            self.inside -= 1
        return ast.Module([ast.Expr(ast.Constant(f"{source} {options}"))], [])


@pytest.fixture
def gauge(monkeypatch: pytest.MonkeyPatch) -> Gauge:
    made = Gauge()
    monkeypatch.setattr(ast, "parse", made.parse)
    return made


def in_two_threads() -> list[ast.AST]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda text: ast.parse(text, mode="exec"), ("a", "b")))


def test_without_it_two_threads_parse_at_once(gauge: Gauge) -> None:
    in_two_threads()

    assert gauge.most == 2


def test_with_it_they_take_turns_and_get_what_they_asked_for(gauge: Gauge) -> None:
    undo = parsing.one_at_a_time()

    trees = in_two_threads()
    undo()

    assert gauge.most == 1
    assert [ast.dump(tree)[:60].count("Constant") for tree in trees] == [1, 1]
    assert ast.parse == gauge.parse


def test_a_parse_within_a_parse_does_not_wait_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ast.parse
    depths: list[int] = []

    def nested(source: str) -> ast.AST:
        depths.append(len(source))
        return ast.parse(source[1:]) if len(source) > 1 else whole(source)

    monkeypatch.setattr(ast, "parse", nested)
    undo = parsing.one_at_a_time()
    ast.parse("1234")
    undo()

    assert depths == [4, 3, 2, 1]
