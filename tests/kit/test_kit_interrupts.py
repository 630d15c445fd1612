"""Interrupts: whatever was in flight when the run was stopped, nothing of it stays behind."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kit_house import House
from kit_stage import WAIT_S, Open, register

from conformance.kit import stage as stage_module
from conformance.kit.expect import PremiseFailed
from conformance.kit.interrupts import SIGNALS, Interrupts
from conformance.kit.ledger import leftovers
from conformance.kit.scene import Phase, Scene, Script


def test_a_cancelled_run_cleans_up(scripts: dict[str, Script], opened: Open) -> None:
    house, created = House(), threading.Event()

    async def stuck(s: Scene) -> None:
        await s.api.create({"first_name": "Qkzvtmwebdfh"})
        created.set()
        await asyncio.Event().wait()

    register(scripts, stuck)
    stage = opened(house)
    stage.start(["stuck"])
    assert created.wait(WAIT_S)

    stage.close()

    assert house.contacts == {}
    assert stage.leftovers == []


def test_a_cancelled_run_leaves_nothing_of_scenes_that_were_still_creating(
    scripts: dict[str, Script], opened: Open, tmp_path: Path
) -> None:
    """Creates in flight at the interrupt take effect late; none of them outlives the run."""
    house, started = House(), threading.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            started.set()
            await asyncio.sleep(0.02)
        return await house(request)

    async def endless(s: Scene) -> None:
        number = 0
        while True:
            number += 1
            await s.api.create({"first_name": f"Qkzvtmwebdfh{number}"})

    async def crowd(s: Scene) -> None:
        await s.all(*(s.api.create({"first_name": f"Xlcumospratn{n}"}) for n in range(200)))

    register(scripts, endless, crowd)
    stage = opened(slow)
    stage.start(list(scripts))
    assert started.wait(WAIT_S)

    stage.close()

    assert 0 < house.made < 150
    assert house.contacts == {}
    assert stage.leftovers == []
    assert leftovers(tmp_path / "ledger-0.jsonl") == []


def test_closing_lets_a_cleaning_up_that_has_begun_finish(
    scripts: dict[str, Script], opened: Open
) -> None:
    house, deleting = House(), threading.Event()

    async def slow_to_delete(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            deleting.set()
            await asyncio.sleep(0.02)
        return await house(request)

    async def crowd(s: Scene) -> None:
        await s.all(*(s.api.create({"first_name": f"Xlcumospratn{n}"}) for n in range(60)))

    register(scripts, crowd)
    stage = opened(slow_to_delete)
    stage.start(["crowd"])
    assert deleting.wait(WAIT_S)

    stage.close()

    assert house.made == 60
    assert house.contacts == {}
    assert stage.leftovers == []


def test_an_interrupt_of_the_first_request_is_quiet(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeted = threading.Event()

    async def silent(_request: httpx.Request) -> httpx.Response:
        greeted.set()
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    monkeypatch.setattr(stage_module, "GRACE_S", 0.05)
    stage = opened(silent)
    stage.start([])
    assert greeted.wait(WAIT_S)

    stage.close()

    assert stage.leftovers == []
    assert isinstance(stage.greeting.exception(0), asyncio.CancelledError)


def test_a_cancelled_run_gives_up_on_a_request_that_hangs(
    scripts: dict[str, Script], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, hanging = House(), threading.Event()

    async def target(request: httpx.Request) -> httpx.Response:
        answer = await house(request)
        if request.method == "POST":
            hanging.set()
            await asyncio.Event().wait()
        return answer

    async def making(s: Scene) -> None:
        await s.api.create({"first_name": "Qkzvtmwebdfh"})

    monkeypatch.setattr(stage_module, "GRACE_S", 0.05)
    register(scripts, making)
    stage = opened(target)
    stage.start(["making"])
    assert hanging.wait(WAIT_S)

    stage.close()

    assert house.made == 1
    assert house.contacts == {}


def test_tests_that_wait_are_released_when_the_run_ends(
    scripts: dict[str, Script], opened: Open
) -> None:
    begun = threading.Event()

    async def stuck(_scene: Scene) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def never(_scene: Scene) -> None:
        raise AssertionError("its phase is not reached")

    register(scripts, stuck)
    register(scripts, never, phase=Phase.CLOSING)
    stage = opened(House())
    stage.start(list(scripts))
    assert begun.wait(WAIT_S)

    stage.close()

    for name in scripts:
        assert not stage.outcome(name).has("anything")


def test_lost_creates_are_looked_for_though_the_run_was_cancelled_early(
    scripts: dict[str, Script], opened: Open
) -> None:
    created = threading.Event()

    def no_answer() -> httpx.Response:
        raise httpx.ReadError("reset")

    house = House(POST=no_answer)

    async def losing(s: Scene) -> None:
        for _ in range(3):
            try:
                await s.api.create({"first_name": "Qkzvtmwebdfh"})
            except PremiseFailed:
                continue
        created.set()
        await asyncio.Event().wait()

    register(scripts, losing)
    stage = opened(house, bound=20)
    stage.start(["losing"])
    assert created.wait(WAIT_S)

    stage.close()

    assert house.contacts == {}
    assert stage.leftovers == []


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    made = Interrupts()
    yield made
    made.restore()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_second_is_held_the_third_aborts(
    interrupts: Interrupts, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    interrupts.install()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)

    assert "cleaning up; interrupt again to leave contacts behind" in capfd.readouterr().err


def test_a_signal_while_cleaning_up_is_held(interrupts: Interrupts) -> None:
    interrupts.begin_cleaning()

    signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_signals_are_given_back(interrupts: Interrupts) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]

    interrupts.install()
    interrupts.begin_cleaning()
    taken = [signal.getsignal(number) for number in SIGNALS]
    interrupts.restore()

    assert before != taken
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_outside_the_main_thread_signals_are_left_alone(interrupts: Interrupts) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=interrupts.install)

    thread.start()
    thread.join()

    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_beside_a_second_thread_the_first_signal_is_kept_until_someone_asks(
    interrupts: Interrupts, capfd: pytest.CaptureFixture[str]
) -> None:
    """Raised in the middle of an import, it would keep the lock of all imports for ever."""
    interrupts.install()
    interrupts.defer()

    signal.raise_signal(signal.SIGINT)
    assert interrupts.pending
    signal.raise_signal(signal.SIGINT)
    assert "interrupt again" in capfd.readouterr().err

    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
    interrupts.check()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_ends_the_wait_for_a_scene(
    scripts: dict[str, Script], opened: Open, interrupts: Interrupts
) -> None:
    begun = threading.Event()

    async def stuck(_scene: Scene) -> None:
        begun.set()
        await asyncio.Event().wait()

    register(scripts, stuck)
    stage = opened(House())
    stage.check = interrupts.check
    stage.start(["stuck"])
    assert begun.wait(WAIT_S)
    interrupts.install()
    interrupts.defer()
    signal.raise_signal(signal.SIGINT)

    for waiting in (stage.greet, stage.wait, lambda: stage.outcome("stuck")):
        interrupts.pending = True
        with pytest.raises(KeyboardInterrupt):
            waiting()
