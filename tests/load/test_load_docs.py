"""The commands of the guides that need the load side: each does what a reader expects of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from kit.doc_runs import (
    LIMIT_S,
    Copy,
    Done,
    belongs_to_the_load_side,
    page_of,
    pieces,
    stop,
    until,
)
from kit.documents import Piece
from kit.gate_runs import Served, in_a_thread

from fixtures.reference.limiter import FixedWindowLimiter

LIMIT, WINDOW_S = 30, 2.0
OURS = [piece for piece in pieces() if belongs_to_the_load_side(piece)]
DISTRIBUTED = [piece for piece in OURS if "--worker" in piece.text]
HEADLESS = [piece for piece in OURS if "--headless" in piece.text and piece not in DISTRIBUTED]
TRIALS = [piece for piece in OURS if piece.text.startswith("nox -s ratelimit")]
MEASURED = [piece for piece in OURS if piece.text.startswith("nox -s benchmark")]
PAGED = [p for p in OURS if p not in [*DISTRIBUTED, *HEADLESS, *TRIALS, *MEASURED]]


def _place(piece: Piece) -> str:
    return piece.place


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with in_a_thread(Served()) as server:
        yield server


@pytest.fixture
def copy(tmp_path: Path, served: Served) -> Copy:
    return Copy(tmp_path, served)


def test_every_kind_of_run_is_shown() -> None:
    assert all((DISTRIBUTED, HEADLESS, TRIALS, MEASURED, PAGED))


@pytest.mark.parametrize("piece", HEADLESS, ids=_place)
def test_a_run_without_a_page_meets_its_objectives_or_names_what_it_missed(
    copy: Copy, piece: Piece
) -> None:
    came = copy.run(piece)

    document = json.loads((copy.tree / "reports" / "out" / "load.json").read_text("utf-8"))
    # How fast this machine is today is not what the guide says.
    missed = [o["expression"] for o in document["objectives"] if o["verdict"] == "missed"]
    assert came.status == (1 if missed else 0), f"{came.script}\n{came.screen}"
    assert {o["verdict"] for o in document["objectives"]} <= {"met", "missed"}
    assert document["leftovers"] == []
    assert document["total"]["failures"] == 0


@pytest.mark.parametrize("piece", PAGED, ids=_place)
def test_a_run_with_a_page_shows_it_until_it_is_interrupted(copy: Copy, piece: Piece) -> None:
    process = copy.start(piece)

    with until(process, lambda line: "web interface" in line) as shown:
        assert f"http://127.0.0.1:{copy.port}" in shown
        assert page_of(process, f"http://127.0.0.1:{copy.port}/") == 200

    assert process.returncode == 0


def _tried(piece: Piece, directory: Path) -> Done:
    with in_a_thread(Served(FixedWindowLimiter(LIMIT, WINDOW_S))) as limited:
        return Copy(directory, limited).run(piece)


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Piece, Future[Done]]]:
    """All trials at once: most of each is waiting."""
    with ThreadPoolExecutor(len(TRIALS)) as pool:
        yield {p: pool.submit(_tried, p, tmp_path_factory.mktemp("trial")) for p in TRIALS}


@pytest.mark.parametrize("piece", TRIALS, ids=_place)
def test_a_trial_finds_the_limiter_as_documented(
    trials: dict[Piece, Future[Done]], piece: Piece
) -> None:
    came = trials[piece].result()

    assert came.status == 0, f"{came.script}\n{came.screen}"


@pytest.mark.parametrize("piece", MEASURED, ids=_place)
def test_what_takes_minutes_says_what_it_takes(copy: Copy, piece: Piece) -> None:
    came = copy.run(piece)

    assert (came.status, "--rounds" in came.screen) == (0, True), came.screen


@pytest.mark.parametrize("piece", DISTRIBUTED, ids=_place)
def test_a_run_on_several_machines_works_on_one(copy: Copy, served: Served, piece: Piece) -> None:
    on_the_first, on_the_others = piece.text.split("# on each of the others")
    texts = (on_the_first, on_the_others, on_the_others)
    with ExitStack() as stack:
        processes = [copy.start(replace(piece, text=text)) for text in texts]
        for process in processes:
            stack.callback(stop, process)

        ended = [process.communicate(timeout=LIMIT_S)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(ended)
    assert served.remaining() == 0
