"""One maker at a time: whoever asks while a value is being made waits for it, in either colour."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from concurrent.futures import Future

from wholestack import wait
from wholestack.handlers import is_driven


def may_wait() -> bool:
    """Whether plain code can wait here: in a driven call, or in a thread that is no event loop's."""
    return is_driven() or asyncio._get_running_loop() is None


def pause(seconds: float) -> None:
    """Let so many seconds pass, in either colour."""
    if is_driven():
        wait(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


class Flight:
    """A value that is being made in this process; `apart` says at its end that others cannot use it."""

    __slots__ = ("apart", "over", "owner")

    def __init__(self, owner: object) -> None:
        self.owner: object = owner
        self.over: Future[None] = Future()
        self.apart: bool = False


class Flights:
    """What is being made in this process at the moment, by the name of its value.

    Example:
        >>> flights = Flights()
        >>> mine, is_new = flights.take("a")
        >>> is_new, flights.take("a") == (mine, False), flights.is_mine(mine)
        (True, True, True)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Flight] = {}

    def take(self, name: str) -> tuple[Flight, bool]:
        """The flight of a name, and whether it is a new one, which is the caller's own to end."""
        with self._lock:
            found = self._under_way.get(name)
            if found is not None:
                return found, False
            made = self._under_way[name] = Flight(_me())
            return made, True

    def is_mine(self, flight: Flight) -> bool:
        """Whether the caller's own thread or task makes it: to wait for oneself would be for ever."""
        return flight.owner == _me()

    def end(self, name: str, flight: Flight, *, apart: bool) -> None:
        """Wake all who wait."""
        with self._lock:
            if self._under_way.get(name) is flight:
                del self._under_way[name]
        flight.apart = apart
        if not flight.over.done():
            flight.over.set_result(None)

    def wait(self, flight: Flight, seconds: float) -> bool:
        """Wait for the end of a flight, at most so long; False where it is not over, or nothing may wait here."""
        if not may_wait() or seconds <= 0:
            return False
        if is_driven():
            return wait(_until(flight.over, seconds))
        done, _ = concurrent.futures.wait((flight.over,), timeout=seconds)
        return bool(done)


async def _until(future: Future[None], seconds: float) -> bool:
    # `asyncio.wait` leaves the future alone when the one who waits is cancelled: others wait for it, too.
    done, _ = await asyncio.wait({asyncio.wrap_future(future)}, timeout=seconds)
    return bool(done)


def _me() -> object:
    task = asyncio.current_task() if asyncio._get_running_loop() is not None else None
    return threading.get_ident(), id(task)
