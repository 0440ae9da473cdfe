"""Health: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any

from wholestack import JSON, App, Request, Response, ServiceUnavailable
from wholestack.handlers import Drive, Plan, run_inline, unhandled
from wholestack.servers import Sealed

from ._faults import bad_observer

_log = logging.getLogger("wholestack.health")
_FRESH = {"cache-control": "no-store"}


class Health:
    """Answer `/health/live` (this process answers) and `/health/ready` (it can do its work).

    A check is a function under the calling convention, so it asks for what it looks at by type. It says no by `False`
    or by an error. All run at once, each for itself and only once at a time, however many ask; which are not well is
    told by name, and why is in the log. Both answer while the app is full. From the moment that `wholestack serve` is
    told to stop, the process lives and is not ready.

    A plugin may have checks of its own, which are asked as well: its method `health_checks()` gives functions. That of
    `wholestack.db.Database` gives ``database`` (it answers) and ``migrations`` (none is pending).

    Arguments:
        checks: functions with names of their own.
        path: where both lie.
        patience: seconds that a check may take; 0.8 leave time to answer within the second that Kubernetes waits.

    Raises:
        SetupError: a check without a name or with that of another one, a path or a time that is none.

    Example:
        >>> def stock(app: App) -> bool:
        ...     return app.title == "Shop"
        >>> app = App(title="Shop")
        >>> app.use(Health(stock))
    """

    def __init__(self, *checks: Callable[..., Any], path: str = "/health", patience: float = 0.8) -> None:
        names = [getattr(check, "__name__", "") for check in checks]
        for name in names:
            if not name.isidentifier() or names.count(name) > 1:
                message = f"Health(…): {name or 'something'!r} is not the name of one check."
                raise bad_observer(message, "Give functions that were made with `def`, each with a name of its own.")
        if not path.startswith("/") or path.endswith("/") or "{" in path:
            raise bad_observer(f"Health(path={path!r}) is no path.", 'Write one like "/health".')
        if not 0 < patience <= 60:
            raise bad_observer(f"Health(patience={patience}) is no time to wait.", "Give seconds, at most 60.")
        self.checks: dict[str, Callable[..., Any]] = dict(zip(names, checks, strict=True))
        self.path = path
        self.patience = patience

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        checks = _of_plugins(app) | self.checks
        rounds = _Rounds(app, {name: f"{self.path}/ready/{name}" for name in checks}, self.patience)

        async def live() -> Response:
            return JSON({"status": "alive"}, headers=_FRESH)

        async def ready(request: Request) -> Response:
            if app.seal().lifetime.draining:
                return JSON({"status": "draining"}, 503, headers=_FRESH)
            failing = await rounds.failing(request)
            if failing:
                return JSON({"status": "not ready", "failing": failing}, 503, headers=_FRESH)
            return JSON({"status": "ready"}, headers=_FRESH)

        # Without a time limit, so that they are answered when the app is full.
        app.get(f"{self.path}/live", hidden=True, timeout=None)(live)
        app.get(f"{self.path}/ready", hidden=True, timeout=None)(ready)
        for name, check in checks.items():
            route = app.get(f"{self.path}/ready/{name}", hidden=True, returns=None, timeout=self.patience, name=name)
            route(_judging(check))


def _of_plugins(app: App) -> dict[str, Callable[..., Any]]:
    """The checks that plugins bring along, by name."""
    plugins: list[Any] = list(app.plugins)
    givers = [each.health_checks for each in plugins if hasattr(each, "health_checks")]
    return {check.__name__: check for give in givers for check in give()}


def _judging(check: Callable[..., Any]) -> Callable[..., Any]:
    """A check as a handler: it asks for the same, and answers nothing or an error."""

    @functools.wraps(check)
    async def judged_later(**arguments: Any) -> None:
        _refuse_where(await check(**arguments) is False)

    @functools.wraps(check)
    def judged(**arguments: Any) -> None:
        _refuse_where(check(**arguments) is False)

    return judged_later if inspect.iscoroutinefunction(check) else judged


def _refuse_where(no: bool) -> None:
    if no:
        raise ServiceUnavailable("This check says no.", code="not-ready")


@dataclasses.dataclass
class _Run:
    task: asyncio.Task[bool]
    begun: float


class _Rounds:
    """Asks every check, each at most once at a time: who comes while one runs waits for its answer."""

    def __init__(self, app: App, paths: dict[str, str], patience: float) -> None:
        self._app, self._paths, self._patience = app, paths, patience
        self._running: dict[str, _Run] = {}

    async def failing(self, request: Request) -> list[str]:
        """The names of the checks that are not well, in the order in which they were given."""
        well = await asyncio.gather(*(self._well(name, request) for name in self._paths))
        return [name for name, fine in zip(self._paths, well, strict=True) if not fine]

    async def _well(self, name: str, request: Request) -> bool:
        run = self._running.get(name)
        if run is None or run.task.done() or run.task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.get_running_loop().create_task(self._ask(name, request))
            run = self._running[name] = _Run(task, time.monotonic())
        await asyncio.wait({run.task}, timeout=max(run.begun + self._patience - time.monotonic(), 0))
        if run.task.done():
            return not run.task.cancelled() and run.task.result()
        _log.warning("a health check takes too long", extra={"check": name, "seconds": self._patience})
        return False

    async def _ask(self, name: str, request: Request) -> bool:
        """One check by its own plan: its providers are opened and closed as a request's are."""
        unhandled.set(None)  # A check that fails is no fault of the request that asked.
        sealed = self._app.seal()
        # What stands around the app's requests, and what it makes of errors, is none of the check's.
        plan = dataclasses.replace(sealed.match(self._paths[name])[0]["GET"], middleware=(), error_calls={})
        try:
            response = await _answered(sealed, plan, copy.copy(request), self._patience)
        except Exception as error:
            _log.warning("a health check could not be asked", extra={"check": name}, exc_info=error)
            return False
        if response.status >= 400:
            _log.warning("a health check says no", extra={"check": name})
        return response.status < 400


async def _answered(sealed: Sealed, plan: Plan, request: Request, patience: float) -> Response:
    if plan.colour == "def":
        # Nobody can stop a thread; the next round finds this one still running, and starts none beside it.
        return await sealed.workers.run(lambda: run_inline(plan.answer(request)))
    async with asyncio.timeout(patience):
        return await (Drive(plan.answer(request)) if plan.driven else plan.answer(request))
