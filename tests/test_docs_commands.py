"""Every command that the README and the guides show is run, and does what a reader expects of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from kit.doc_runs import (
    NOT_RUN,
    STAND_INS,
    Copy,
    Done,
    belongs_to_the_load_side,
    normal,
    pieces,
    until,
)
from kit.documents import Piece
from kit.gate_runs import Served, in_a_thread

AT_ONCE = 2
SERVES = "nox -s serve -- --port 8000"
OURS = [
    piece
    for piece in pieces()
    if not belongs_to_the_load_side(piece) and normal(piece.text) != SERVES
]
LOOKED_AT = [piece for piece in OURS if normal(piece.text) in NOT_RUN]
RUN = [piece for piece in OURS if piece not in LOOKED_AT]


def _place(piece: Piece) -> str:
    return piece.place


def _all_of(page: Path, copy: Copy) -> dict[Piece, Done]:
    copy.lay_out(page)
    return {piece: copy.run(piece) for piece in RUN if piece.page == page}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with in_a_thread(Served()) as server:
        yield server


@pytest.fixture(scope="module")
def done(
    served: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Future[dict[Piece, Done]]]]:
    """What came of each page's commands; two pages at a time, each in a copy of its own."""
    longest_first = [page for page, _ in Counter(piece.page for piece in RUN).most_common()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            page: pool.submit(_all_of, page, Copy(tmp_path_factory.mktemp(page.stem), served))
            for page in longest_first
        }


@pytest.mark.parametrize("piece", RUN, ids=_place)
def test_a_command_of_the_guides_does_its_work(
    done: dict[Path, Future[dict[Piece, Done]]], piece: Piece
) -> None:
    came = done[piece.page].result()[piece]

    assert came.status == 0, f"{came.script}\n{came.screen}"


def test_no_command_of_the_guides_leaves_a_contact(
    done: dict[Path, Future[dict[Piece, Done]]], served: Served
) -> None:
    for page in done.values():
        page.result()

    assert served.remaining() == 0


@pytest.mark.parametrize(
    "piece", [piece for piece in LOOKED_AT if "nox -s" in piece.text], ids=_place
)
def test_a_command_that_is_not_run_names_a_session_that_there_is(
    served: Served, tmp_path: Path, piece: Piece
) -> None:
    came = Copy(tmp_path, served).run(piece, dry=True)

    assert (came.status, came.screen) == (0, "")


def test_the_server_that_the_guides_start_serves_until_it_is_interrupted(
    served: Served, tmp_path: Path
) -> None:
    (piece,) = [piece for piece in pieces() if normal(piece.text) == SERVES]
    copy = Copy(tmp_path, served)
    process = copy.start(piece)

    with until(process, lambda line: "CONTACTS_EXPIRED_TOKEN" in line) as shown:
        assert f"export CONTACTS_BASE_URL=http://127.0.0.1:{copy.port}/v1 " in shown

    assert process.returncode == 0


def test_no_reason_outlives_its_command() -> None:
    shown = {normal(piece.text) for piece in pieces()}
    scripts = "\n".join(shown)

    assert sorted(set(NOT_RUN) - shown) == []
    assert [name for name in STAND_INS if f"{name} " not in scripts] == []
