"""The guard of the event loop: what blocks it is named, with file and line; what does not is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import re
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.serving import until
from wholestack import App, SetupError
from wholestack.debug import LoopGuard
from wholestack.testing import Client

HERE = "test_loop_guard.py"

pytestmark = pytest.mark.flaky(reruns=2)  # On a full machine a loop is late that nobody has blocked.


def guarded(handler: Any, **options: Any) -> App:
    app = App(docs=False)
    app.use(LoopGuard(**options))
    app.get("/")(handler)
    return app


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., list[Any]]]:
    """`lines(app, 3)`: what the guard has said after three requests, and after the app's end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What tests before this one left to the collector is not told here.
        gc.collect()

    def asked(app: App, times: int = 1, **options: Any) -> list[Any]:
        with Client(app, **options) as client:
            for _ in range(times):
                client.get("/").expect(200)
                time.sleep(0.05)
        return [record for record in caplog.records if record.name == "wholestack.loop"]

    with caplog.at_level(logging.WARNING, "wholestack.loop"):
        yield asked


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line)


@pytest.mark.parametrize("interface", ["asgi", "rsgi", "wsgi"])
def test_what_blocks_is_named(lines: Any, interface: Any) -> None:
    async def slow() -> str:
        time.sleep(0.2)  # here it sleeps
        return "x"

    (record,) = lines(guarded(slow), interface=interface)
    assert record.place.endswith(f"{HERE}:{line_of('# here it sleeps')}")
    assert record.code.startswith("time.sleep(0.2)")
    assert record.function.endswith("slow")
    assert 50 <= record.ms <= 1000
    assert record.times == 1
    assert "`def`" in record.message


def test_a_place_is_told_once_with_its_count(lines: Any) -> None:
    async def slow() -> str:
        time.sleep(0.1)
        return "x"

    first, last = lines(guarded(slow), 3)
    assert (first.times, last.times) == (1, 3)
    assert first.place == last.place


def test_a_synchronous_driver_is_named_with_the_line_that_called_it(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    # The driver waits for a lock: how long says SQLite's own clock, however fast the machine computes.
    options: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}
    holder = sqlite3.connect(tmp_path / "shop.db", **options)
    waiter = sqlite3.connect(tmp_path / "shop.db", timeout=0.6, **options)
    holder.execute("BEGIN EXCLUSIVE")

    async def slow() -> str:
        with contextlib.suppress(sqlite3.OperationalError):
            waiter.execute("BEGIN EXCLUSIVE")  # here it asks
        return "x"

    def named() -> set[str]:
        return {record.place for record in caplog.records if record.name == "wholestack.loop" and HERE in record.place}

    with caplog.at_level(logging.WARNING, "wholestack.loop"), Client(guarded(slow, limit=0.1)) as client:
        for _ in range(10):  # The guard's one look may come late, or early, where others have the processor.
            client.get("/").expect(200)
            with contextlib.suppress(TimeoutError):
                until(named, 1)
                break
    holder.close()
    waiter.close()
    (place,) = named()
    assert place.endswith(f"{HERE}:{line_of('# here it asks')}")


def test_it_names_the_callers_line_and_the_library(lines: Any) -> None:
    async def slow() -> str:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)"])  # here it calls
        return "x"

    (record,) = lines(guarded(slow))
    assert record.place.endswith(f":{line_of('# here it calls')}")
    assert re.fullmatch(r".*/subprocess\.py:\d+ in Popen\.\w+", record.through)


def test_a_computation_is_named(lines: Any) -> None:
    async def slow() -> str:
        until = time.perf_counter() + 0.2
        while time.perf_counter() < until:
            sum(range(100))
        return "x"

    (record,) = lines(guarded(slow))
    assert record.function.endswith("slow")


def test_what_does_not_block_is_left_alone(lines: Any) -> None:
    async def waits() -> str:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(time.sleep, 0.1)
        time.sleep(0.005)
        return "x"

    def plain() -> str:
        time.sleep(0.2)
        return "x"

    assert lines(guarded(waits)) == []
    assert lines(guarded(plain)) == []


def test_a_block_that_does_not_end_is_told_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    free = threading.Event()

    async def stuck() -> str:
        free.wait(10)
        return "x"

    app = guarded(stuck)
    with caplog.at_level(logging.WARNING, "wholestack.loop"), Client(app) as client:
        asking = threading.Thread(target=client.get, args=("/",))
        asking.start()
        until(lambda: any("nobody is answered" in record.message for record in caplog.records), 5)
        free.set()
        asking.join()


def test_a_coroutine_that_was_never_awaited(lines: Any) -> None:
    async def told() -> None: ...

    async def forgets() -> str:
        told()  # here it forgets
        return "x"

    # A loop that is late on a full machine is another matter, which the guard tells in other words.
    first, last = (record for record in lines(guarded(forgets), 2) if hasattr(record, "coroutine"))
    assert first.place.endswith(f"{HERE}:{line_of('# here it forgets')}")
    assert first.code.startswith("told()")
    assert first.coroutine.endswith("told")
    assert "never awaited" in first.message
    assert (first.times, last.times) == (1, 2)
    assert sys.get_coroutine_origin_tracking_depth() == 0


def test_other_warnings_pass(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: seen.append(str(message)))

    async def warns() -> str:
        warnings.warn("something else", RuntimeWarning, stacklevel=1)
        return "x"

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message="something else")
        assert lines(guarded(warns)) == []
    assert seen == ["something else"]


def test_it_asks_the_loop_for_one_call_a_tick(untraced: None) -> None:
    calls: list[str] = []

    async def measured() -> str:
        def note(frame: Any, event: str, argument: Any) -> None:
            if event == "call" and frame.f_code.co_filename.endswith("/_guard.py"):
                calls.append(frame.f_code.co_qualname)

        sys.setprofile(note)
        await asyncio.sleep(0.3)
        sys.setprofile(None)
        return "x"

    with Client(guarded(measured)) as client:
        client.get("/").expect(200)
    assert calls == []  # the one call is a lock's own


def test_a_share_of_the_time(caplog: pytest.LogCaptureFixture) -> None:
    async def slow() -> str:
        time.sleep(0.1)
        return "x"

    with caplog.at_level(logging.WARNING, "wholestack.loop"), Client(guarded(slow, share=0.01)) as client:
        time.sleep(0.3)  # It has watched for the first tenth of a second, and rests for ten.
        client.get("/").expect(200)
    assert [record for record in caplog.records if record.name == "wholestack.loop"] == []


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": -1}, {"limit": 61}, {"share": 0}, {"share": 1.5}])
def test_bad_arguments(options: Any) -> None:
    with pytest.raises(SetupError) as raised:
        LoopGuard(**options)
    assert raised.value.faults[0].code == "bad-observer"
    assert HERE in raised.value.faults[0].where


def test_without_it_there_is_no_thread() -> None:
    app = App(docs=False)
    app.get("/")(lambda: "x")
    with Client(app) as client:
        client.get("/")
        assert "wholestack-loop-guard" not in [thread.name for thread in threading.enumerate()]
