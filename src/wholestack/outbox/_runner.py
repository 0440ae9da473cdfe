"""The runner of one process: it takes what is due, runs it, says that it goes on, and stops in good order.

Two loops. One takes and starts: at once where this process has put something, else about once a second. The other says
of all that runs that it goes on, writes what it tells of its progress, hears of what was cancelled or taken over, and
rescues what other processes have left. Neither ends for an error: a database that is away is asked again, more and
more seldom, until it is back.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from ._bound import Bound
from ._carried import Carrier
from ._leases import Leases
from ._store import Store, Taken

_log = logging.getLogger("wholestack.outbox")
_SWEEP = 60.0
"""Seconds between two looks for what may go on again, or be taken away."""
_LONGEST_PAUSE = 10.0
_SHORT = 0.1
"""Seconds, on the average, that runs take of which some are taken ahead."""
_LET_GO = 2.0
"""Seconds for what a run does when it is cancelled: roll back, clean up, give its entry back."""


class Runner:
    """Runs what is due, so many at a time, on the event loop that it is started on.

    Arguments:
        bound: every task of the app by its name.
        store: the table.
        concurrency: the most runs at a time.
        poll: seconds between two looks at the table while nobody here puts anything.
        grace: seconds that runs may go on after the stop.
    """

    def __init__(
        self, bound: Mapping[str, Bound], store: Store, *, concurrency: int = 4, poll: float = 1.0, grace: float = 5.0
    ) -> None:
        self._store = store
        self._concurrency = concurrency
        self._poll = poll
        self._grace = grace
        self._woken = asyncio.Event()
        self._carrier = Carrier(bound, store, concurrency, self._woken.set, store.times.lease)
        self._leases = Leases(store.times.lease, max(store.times.lease / 2, 3 * poll))
        self._tasks: dict[asyncio.Task[None], float] = {}
        self._hand: collections.deque[Taken] = collections.deque()
        self._handed = 0.0
        self._seconds = 10 * _SHORT
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked = asyncio.Event()
        self._more = False
        self._kept = self._swept = self._offset = float("-inf")

    def wake(self) -> None:
        """Look at the table now; from any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # It is closed: nobody looks any more.
                loop.call_soon_threadsafe(self._woken.set)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what is due for the time of a block."""
        self._loop = asyncio.get_running_loop()
        takes = self._loop.create_task(self._again_and_again(self._take))
        keeps = self._loop.create_task(self._again_and_again(self._keep))
        try:
            yield
        finally:
            self._stop_asked.set()
            self._woken.set()
            await takes  # What it is just taking must not be left to nobody.
            await self._end_all()
            keeps.cancel()
            await asyncio.wait({keeps})
            self._carrier.stop()

    async def _again_and_again(self, turn: Callable[[], Awaitable[None]]) -> None:
        """One turn after the other; after an error again, the later the more of them there were in a row."""
        errors = 0
        while not self._stop_asked.is_set() or turn == self._keep:
            try:
                await turn()
                errors = 0
            except Exception as error:
                errors += 1
                if errors == 2 or errors % 10 == 0:  # One alone is a lock that somebody else held for too long.
                    _log.error("the outbox cannot be reached; it is tried again", exc_info=error)
                longest = min(self._poll * 2.0 ** min(errors - 1, 10), _LONGEST_PAUSE)
                await self._pause(random.uniform(longest / 2, longest))  # noqa: S311  (no secret)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop_asked.wait(), seconds)

    # -- taking --------------------------------------------------------------------------------------------------

    async def _take(self) -> None:
        """Take what is due, begin as many as may, then wait until there may be more."""
        self._woken.clear()
        wanted = self._wanted()
        if wanted and (self._more or await self._carrier.ask(self._store.is_due)):
            taken = await self._carrier.ask(self._store.take, wanted)
            self._more = len(taken) == wanted
            self._hand += taken
            self._handed = asyncio.get_running_loop().time()
        self._begin()
        if self._more and self._wanted():
            return
        with contextlib.suppress(TimeoutError):
            # Not all processes at the same moment.
            await asyncio.wait_for(self._woken.wait(), self._poll * random.uniform(0.8, 1.2))  # noqa: S311

    def _wanted(self) -> int:
        """How many to take: so many as may begin; and while runs are short, some more to begin as soon as they end."""
        if self._stop_asked.is_set() or self._hand:
            return 0
        return max(0, self._free()) + (self._concurrency if self._more and self._seconds < _SHORT else 0)

    def _free(self) -> int:
        """How many more may begin; a thread that has outlived its run is not free."""
        return self._concurrency - len(self._tasks) - self._carrier.left_behind

    def _begin(self) -> None:
        """Begin what is in hand, as far as there is room."""
        while self._hand and self._free() > 0 and not self._stop_asked.is_set():
            self._start(self._hand.popleft())

    def _start(self, taken: Taken) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._carrier.carry_out(taken))
        self._tasks[task] = loop.time()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        seconds = asyncio.get_running_loop().time() - self._tasks.pop(task)
        self._seconds = 0.9 * min(self._seconds, 10 * _SHORT) + 0.1 * seconds
        self._begin()
        if not self._hand:
            self._woken.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("the runner of the outbox has a fault", exc_info=error)

    async def _give_back_what_waits(self, seconds: float) -> None:
        """What was taken and could not begin within so many seconds is somebody else's to begin."""
        if self._hand and asyncio.get_running_loop().time() - self._handed >= seconds:
            waiting = [*self._hand]
            self._hand.clear()
            self._seconds = 10 * _SHORT
            await self._carrier.ask(self._store.give_back, *waiting)

    # -- keeping -------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Say what goes on, hear what is to end, rescue what others left; then wait a while."""
        await self._give_back_what_waits(self._poll)
        await self._say_and_hear()
        if not self._stop_asked.is_set():
            await self._rescue()
        await asyncio.sleep(self._poll)

    async def _say_and_hear(self) -> None:
        runs = {number: run for number, run in self._carrier.runs.items() if run.progress.end is None}
        if not runs:
            return
        now = asyncio.get_running_loop().time()
        told = {number: words for number, run in runs.items() if (words := run.progress.told()) is not None}
        is_late = now - self._kept >= self._store.times.lease / 3
        if is_late or told or await self._carrier.ask(self._store.calls_off, list(runs)):
            tokens = {number: run.taken.token for number, run in runs.items()}
            ends = await self._carrier.ask(self._store.keep, tokens, told)
            self._kept = now if is_late else self._kept
            for number, end in ends.items():
                runs[number].finish(end)

    async def _rescue(self) -> None:
        """Let others' entries run again whose processes are gone; one of these at a time, since one of them may be to
        blame for that.
        """
        now = asyncio.get_running_loop().time()
        if now - self._swept >= _SWEEP or self._was_put_back(now):
            self._swept = now
            woken = await self._carrier.ask(self._store.wake_known, list(self._carrier.bound))
            if woken + await self._carrier.ask(self._store.set_right):
                self._woken.set()
            await self._carrier.ask(self._store.sweep)
        held = await self._carrier.ask(self._store.held)
        # What this process runs itself, it is only late to say so.
        left = self._leases.over([each for each in held if each.id not in self._carrier.runs], now)
        if left:
            await self._carrier.ask(self._store.rescue, left)
        if not await self._carrier.ask(self._store.is_due):
            return
        if (
            self._free() > 0
            and not self._stop_asked.is_set()
            and not any(run.taken.crashes for run in self._carrier.runs.values())
        ):
            for each in await self._carrier.ask(self._store.take, 1, suspects=True):
                self._start(each)

    def _was_put_back(self, now: float) -> bool:
        """Whether the wall clock was put back since this was last asked, so far that it matters."""
        before, self._offset = self._offset, self._store.now().timestamp() - now
        return self._offset < before - self._store.times.lease

    # -- stopping ------------------------------------------------------------------------------------------------

    async def _end_all(self) -> None:
        """Let what runs go on for the grace; what is not done by then goes back, and is begun anew elsewhere."""
        await self._give_back_what_waits(0.0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._grace)
        for run in list(self._carrier.runs.values()):
            run.finish("stopped")
        if self._tasks:
            _log.warning("tasks were cut off at the stop, and will be begun anew", extra={"tasks": len(self._tasks)})
            await asyncio.wait(self._tasks, timeout=_LET_GO)
        for run in list(self._carrier.runs.values()):
            await self._carrier.ask(self._store.give_back, run.taken)  # A task that does not let itself be cancelled.
