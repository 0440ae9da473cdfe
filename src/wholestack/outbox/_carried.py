"""One entry carried out: parked or run, in either colour, within its time, and its end written into the table."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from wholestack.db import Session
from wholestack.handlers import Drive, current_request, run_inline
from wholestack.servers import Workers

from ._bound import Bound
from ._errors import PayloadRefused
from ._run import Run
from ._store import UNKNOWN, Store, Taken

T = TypeVar("T")

_log = logging.getLogger("wholestack.outbox")
_PAUSE = 0.5


class Carrier:
    """Carries entries out that this process has taken.

    Arguments:
        bound: every task of the app by its name.
        store: the table.
        threads: how many `def` tasks may run at a time.
        free: called when a thread comes free that had outlived its run.
        patience: seconds for which the end of a run is written again and again while the database is away; 0: an error.

    Attributes:
        runs: what runs now, by the number of its entry.
    """

    def __init__(
        self,
        bound: Mapping[str, Bound],
        store: Store,
        threads: int,
        free: Callable[[], object] = lambda: None,
        patience: float = 0.0,
    ) -> None:
        self.bound = bound
        self.runs: dict[int, Run] = {}
        self._store = store
        self._workers = Workers(threads, 1_000_000)  # No more is taken than there are threads for.
        self._threads: set[Run] = set()
        self._free = free
        self._patience = patience

    @property
    def left_behind(self) -> int:
        """How many threads go on after their run was given up: nobody can stop them."""
        return sum(self.runs.get(run.taken.id) is not run for run in self._threads)

    async def ask(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call what waits for the database in plain code, without holding the event loop."""

        async def call() -> T:
            return function(*args, **kwargs)

        return await Drive(call())

    def stop(self) -> None:
        """Let the threads end."""
        self._workers.stop()

    async def carry_out(self, taken: Taken) -> None:
        """Run an entry, or park it where this release cannot."""
        bound = self.bound.get(taken.task)
        try:
            if bound is None:
                raise PayloadRefused(f"{UNKNOWN}: this release has no task of that name")
            values = bound.read(taken.payload)
        except PayloadRefused as refused:
            reason = str(refused) if bound is None else f"payload-refused: {refused}"
            await self._write(self._store.park, taken, reason)
            _log.error("parked: %s: %s", taken.task, reason, extra=_extra(taken))
            return
        run = Run(taken, values, self._mark)
        run.is_async = bound.is_async
        run.task = asyncio.current_task()
        self.runs[taken.id] = run
        current_request.set(run)
        try:
            await self._run(run, bound)
            await self._conclude(run, bound)
        finally:
            del self.runs[taken.id]

    def _mark(self, session: Session, run: Run) -> bool:
        return self._store.done(session, run.taken, run.progress.part, run.progress.note)

    # -- running -------------------------------------------------------------------------------------------------

    async def _run(self, run: Run, bound: Bound) -> None:
        """Let the plan answer; what came of it stands in the run."""
        answering = bound.plan.answer(run)
        try:
            async with asyncio.timeout(bound.task.timeout):
                if not bound.is_async:
                    await self._in_thread(run, answering)
                else:
                    await (Drive(answering) if bound.plan.driven else answering)
            run.is_done = run.is_marked and run.error is None
        except TimeoutError:
            run.progress.end = run.progress.end or "timeout"
        except asyncio.CancelledError:
            run.progress.end = run.progress.end or "stopped"
            if run.task is not None:
                run.task.uncancel()  # What is still to be written may wait.
        except BaseException as error:
            run.error = error
        run.is_over = True

    async def _in_thread(self, run: Run, answering: Any) -> None:
        loop = asyncio.get_running_loop()

        def call() -> None:
            try:
                run_inline(answering)
            finally:
                loop.call_soon_threadsafe(self._out_of, run)

        self._threads.add(run)
        await self._workers.run(call)

    def _out_of(self, run: Run) -> None:
        self._threads.discard(run)
        self._free()

    # -- ending --------------------------------------------------------------------------------------------------

    async def _conclude(self, run: Run, bound: Bound) -> None:
        """Write what has become of a run, unless that was written in its own transaction."""
        taken, end = run.taken, run.progress.end
        if run.is_done:
            _log.debug("done: %s", taken.task, extra=_extra(taken))
        elif end == "lost":
            _log.warning("the result of %s is refused: another process took it over", taken.task, extra=_extra(taken))
        elif end == "cancelled":
            await self._write(self._store.cancelled, taken)
            _log.info("cancelled: %s", taken.task, extra=_extra(taken))
        elif end == "stopped":
            await self._write(self._store.give_back, taken)
        else:
            error = run.error or TimeoutError(f"it took longer than {bound.task.timeout:g} seconds")
            await self._fail(taken, bound, error)

    async def _fail(self, taken: Taken, bound: Bound, error: BaseException) -> None:
        failures = taken.failures + 1
        again = None if failures > bound.task.retries else bound.task.pause(failures)
        is_written = await self._write(self._store.failed, taken, words_of(error), again)
        if not is_written:
            _log.warning("%s failed after it had ended otherwise", taken.task, exc_info=error, extra=_extra(taken))
        elif again is None:
            _log.error("given up: %s", taken.task, exc_info=error, extra=_extra(taken))
        else:
            _log.warning("failed, again in %.1f s: %s", again, taken.task, exc_info=error, extra=_extra(taken))

    async def _write(self, function: Callable[..., object], taken: Taken, *words: Any) -> bool:
        """Write the end of a run; a database that is away is asked again for as long as the entry is ours."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            try:
                return bool(await self.ask(function, taken, *words))
            except Exception as error:
                if not self._patience:
                    raise
                if loop.time() >= until:
                    _log.error("the end of %s could not be written", taken.task, exc_info=error, extra=_extra(taken))
                    return False
            await asyncio.sleep(_PAUSE)


def _extra(taken: Taken) -> dict[str, Any]:
    return {"entry": taken.id, "attempt": taken.attempts}


def words_of(error: BaseException) -> str:
    """What went wrong and where, for the table.

    Example:
        >>> words_of(ValueError("no such post"))
        'ValueError: no such post'
    """
    # SQLAlchemy's own words hold the statement with its values.
    cause = getattr(error, "orig", None) or error
    try:
        words = f"{type(error).__name__}: {cause}"
    except Exception:  # An error whose own words fail.
        words = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{words} ({frames[-1].filename}:{frames[-1].lineno})" if frames else words
