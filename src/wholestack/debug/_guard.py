"""The guard of the event loop: names what blocks it, and coroutines that nobody awaits, each place once with a count.

A thread asks the loop for a sign of life again and again; where none comes in time, it looks at what the loop's thread
is doing. The loop itself is asked for one call a tick, which is a lock's `release`.
"""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import logging
import re
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import Any

from wholestack import App
from wholestack.observe import bad_observer

from ._frames import is_mine, short

_log = logging.getLogger("wholestack.loop")
_BLOCKED = "The event loop was blocked: let this function be `def`, or await what takes so long"
_BLOCKS = "The event loop is blocked, and nobody is answered: let this function be `def`, or await what takes so long"
_FORGOTTEN = "A coroutine was never awaited, so it never ran"
_STILL = 1.0
"""Seconds after which a block is named though it has not ended; it may never end."""
_WINDOW = 10.0
_ORIGINS = 4
_LOOPS = frozenset({"asyncio", "selectors", "uvloop", "threading"})
_DEBUGGERS = frozenset({"pdb", "bdb"})


class LoopGuard:
    """Name in the log what blocks the event loop, with file and line, and coroutines that were never awaited.

    `wholestack dev` has one by itself. In production it can watch for a share of the time.

    Arguments:
        limit: seconds; a block of a fifth more is always named, a shorter one never.
        share: how much of the time is watched: 1.0 is always, 0.1 one second in ten.

    Raises:
        SetupError: a limit that is no time, or a share that is none.

    Example:
        >>> app = App()
        >>> app.use(LoopGuard(share=0.1))
    """

    def __init__(self, limit: float = 0.05, *, share: float = 1.0) -> None:
        if not 0.005 <= limit <= 60:
            raise bad_observer(f"LoopGuard(limit={limit}) is no time to wait.", "Give seconds, from 0.005 to 60.")
        if not 0 < share <= 1:
            raise bad_observer(f"LoopGuard(share={share}) is no share.", "Give a number above 0, at most 1.")
        self.limit = limit
        self.share = share

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        app.lifespan(self._watching)

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        watchdog = Watchdog(asyncio.get_running_loop(), self.limit, self.share)
        with forgotten_coroutines(origins=self.share == 1):
            watchdog.start()
            try:
                yield
            finally:
                watchdog.stop()


class Places:
    """What was found, by place: logged the first time, at ten, a hundred …, and with its count at the end."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def found(self, message: str, place: str, **fields: Any) -> None:
        """It was found once more."""
        with self._lock:
            known = self._found.setdefault((message, place), {"times": 0, "told": 0})
            known["times"] += 1
            known["fields"] = {"place": place, **fields}
            if str(known["times"]).rstrip("0") == "1":
                self._tell(message, known)

    def close(self) -> None:
        """Log the counts that have grown since they were logged."""
        with self._lock:
            for (message, _), known in self._found.items():
                if known["times"] > known["told"]:
                    self._tell(message, known)

    def _tell(self, message: str, known: dict[str, Any]) -> None:
        known["told"] = known["times"]
        _log.warning(message, extra={**known["fields"], "times": known["times"]})


# -- blocks ------------------------------------------------------------------------------------------------------


class Watchdog:
    """The thread that looks after one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float, share: float) -> None:
        self._loop, self._limit, self._share = loop, limit, share
        self._loops_thread = threading.get_ident()
        self._below: tuple[FrameType, ...] = ()
        self._sign = threading.Lock()
        self._stopped = threading.Event()
        self._places = Places()

    def start(self) -> None:
        """Begin to watch; called on the loop."""
        self._sign.acquire()  # released by the loop
        self._loop.call_soon(self._remember)
        threading.Thread(target=self._run, name="wholestack-loop-guard", daemon=True).start()

    def stop(self) -> None:
        """Watch no more, and tell the counts."""
        self._stopped.set()
        self._places.close()
        self._below = ()

    def _remember(self) -> None:
        """The frames that the loop itself stands on, which block nothing."""
        found, frame = [], sys._getframe().f_back
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
        self._below = tuple(found)

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._stopped.wait(self._limit / 5):
            try:
                self._look()
            except RuntimeError:
                return  # The loop is closed.
            if self._share < 1 and time.monotonic() - begun > self._share * _WINDOW:
                self._stopped.wait((1 - self._share) * _WINDOW)
                begun = time.monotonic()

    def _look(self) -> None:
        """One tick: ask for a sign of life, and see what hinders it."""
        asked = time.monotonic()
        self._loop.call_soon_threadsafe(self._sign.release)
        if self._sign.acquire(timeout=self._limit):
            return
        stack = self._stack()
        if not self._sign.acquire(timeout=max(_STILL - self._limit, 0.01)):
            if stack:
                self._report(_BLOCKS, stack, asked)
            while not self._sign.acquire(timeout=0.5):
                if self._stopped.is_set():
                    return
        if stack and not self._stopped.is_set():
            self._report(_BLOCKED, stack, asked)

    def _stack(self) -> list[tuple[str, int, str]]:
        """What the loop's thread is doing above the loop, innermost first: file, line, function."""
        found = []
        frame = sys._current_frames().get(self._loops_thread)
        while frame is not None and not any(frame is each for each in self._below):
            module = frame.f_globals.get("__name__", "").partition(".")[0]
            if module in _DEBUGGERS:
                return []  # Someone thinks.
            if module not in _LOOPS:
                code = frame.f_code
                found.append((code.co_filename, frame.f_lineno, code.co_qualname))
            frame = frame.f_back
        return found

    def _report(self, message: str, stack: list[tuple[str, int, str]], asked: float) -> None:
        inner = stack[0]
        file, line, function = next((each for each in stack if is_mine(each[0])), inner)
        more = {} if (file, line) == inner[:2] else {"through": f"{short(inner[0])}:{inner[1]} in {inner[2]}"}
        linecache.checkcache(file)
        fields = {"function": function, "code": linecache.getline(file, line).strip(), **more}
        taken = round((time.monotonic() - asked) * 1000)
        self._places.found(message, f"{short(file)}:{line}", **fields, ms=taken)


# -- coroutines that nobody awaits -------------------------------------------------------------------------------

_NEVER = re.compile(r"coroutine '(?P<name>[^']*)' was never awaited")
_CALLED = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)')


@contextlib.contextmanager
def forgotten_coroutines(*, origins: bool) -> Iterator[None]:
    """Have Python's own warning of a coroutine that was never awaited logged like what blocks the loop.

    Arguments:
        origins: keep for each coroutine where it was made, which makes every one a little dearer.
    """
    places, shown = Places(), warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        never = _NEVER.match(str(message)) if issubclass(category, RuntimeWarning) else None
        if never is None:
            shown(message, category, filename, lineno, file, line)
            return
        calls = [(each["file"], int(each["line"]), each["function"]) for each in _CALLED.finditer(str(message))]
        at = next((each for each in reversed(calls) if is_mine(each[0])), (filename, lineno, "?"))
        code = linecache.getline(at[0], at[1]).strip()
        places.found(_FORGOTTEN, f"{short(at[0])}:{at[1]}", coroutine=never["name"], function=at[2], code=code)

    before = sys.get_coroutine_origin_tracking_depth()
    if origins:
        sys.set_coroutine_origin_tracking_depth(max(before, _ORIGINS))
    warnings.filterwarnings("always", message="coroutine '.*' was never awaited", category=RuntimeWarning)
    ours = warnings.filters[0]
    warnings.showwarning = show
    try:
        yield
    finally:
        places.close()
        if warnings.showwarning is show:
            warnings.showwarning = shown
        with contextlib.suppress(ValueError):
            warnings.filters.remove(ours)  # type: ignore[attr-defined]
        if origins:
            sys.set_coroutine_origin_tracking_depth(before)
