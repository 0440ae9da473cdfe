"""The tasks of one app: which functions they are, made ready once, and where they are kept."""

from __future__ import annotations

import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wholestack import App, SetupError
from wholestack.db import Database
from wholestack.errors import Fault
from wholestack.handlers import Providers
from wholestack.routing import where_of

from ._bound import Bound, bind, environment
from ._errors import TaskUnknown
from ._task import Task, task_of, tasks_in

Listed = Callable[..., Any] | types.ModuleType

_of_apps: weakref.WeakKeyDictionary[App, Tasks] = weakref.WeakKeyDictionary()


def tasks_of(app: App) -> Tasks:
    """The tasks of an app that is, or is about to be, sealed.

    Raises:
        SetupError: the app uses no `Outbox`.
    """
    if app.sealed is None:
        app.seal()
    if app not in _of_apps:
        cure = "app.use(Database(), Outbox())"
        fault = Fault("no-plugin", "The app uses no Outbox.", where_of(type(app)), cure)
        raise SetupError([fault])
    return _of_apps[app]


class Tasks:
    """What an app's `Outbox` has found out, for its queues and its runner.

    Arguments:
        app: the app.
        database: where the entries lie.
        listed: functions, and modules of functions, that `Outbox(…)` was given.
        largest: the most bytes of a payload.
    """

    def __init__(self, app: App, database: Database, listed: Iterable[Listed], largest: int) -> None:
        self._app = weakref.ref(app)
        self._listed = tuple(listed)
        self._by_function: dict[Callable[..., Any], Bound] | None = None
        self._others: list[Fault] = []
        self.database = database
        self.largest = largest
        self.wake: Callable[[], None] = _nobody
        _of_apps[app] = self

    @property
    def app(self) -> App:
        """The app."""
        app = self._app()
        if app is None:
            raise ReferenceError("the app of these tasks is gone")
        return app

    def bound(self, function: Callable[..., Any]) -> Bound:
        """A task, ready to be put.

        Raises:
            TaskUnknown: the function is none of the app's tasks.
            SetupError: the tasks have faults.
        """
        task = task_of(function)
        found = self._bound().get(task.function) if task is not None else None
        if found is None:
            raise TaskUnknown(f"{getattr(function, '__qualname__', function)} was put, and {self._why(task)}")
        return found

    def _why(self, task: Task | None) -> str:
        """Why nobody would run a function."""
        if task is None:
            return "is no task: write @task above it."
        others = [fault for fault in self._others if fault.where == task.where]
        if others:
            return f"this app does not give it what it asks for: {others[0].message} {others[0].cure}"
        return f"no module of this app's functions names it: Outbox({task.function.__name__}) lists it."

    def ready(self) -> dict[str, Bound]:
        """Every task by its name.

        Raises:
            SetupError: all that is wrong with them.
        """
        return {bound.task.name: bound for bound in self._bound().values()}

    def _bound(self) -> dict[Callable[..., Any], Bound]:
        if self._by_function is None:
            faults: list[Fault] = []
            found = self.bind(self.app.seal().providers, faults)
            if faults:
                raise SetupError(faults)
            self._by_function = {bound.task.function: bound for bound in found}
        return self._by_function

    def bind(self, providers: Providers, faults: list[Fault]) -> list[Bound]:
        """Make every task ready, with what these providers give."""
        around = environment(self.app, providers)
        names: dict[str, Task] = {}
        for task in self._found():
            other = names.setdefault(task.name, task)
            if other.function is not task.function:
                message = f"Two tasks are called {task.name}, here and at {other.where}."
                faults.append(Fault("bad-task", message, task.where, "Give one a name of its own: @task(name=…)."))
        listed = {task.name for task in map(task_of, self._listed) if task is not None}
        made = []
        for task in names.values():
            own: list[Fault] = []
            bound = bind(task, self.app, around, own)
            if task.name not in listed and {fault.code for fault in own} == {"no-place"}:
                # In a module with several apps: one that asks for what this app does not provide is another's.
                self._others += own
            else:
                faults += own
                made += [bound] if bound is not None else []
        return made

    # -- which they are ------------------------------------------------------------------------------------------

    def _found(self) -> Iterator[Task]:
        """Those that are listed, that plugins bring (`outbox_tasks`), and that the modules of the app's functions name;
        nothing is imported.
        """
        seen: set[int] = set()
        modules = [_names_of(function) for function in self._functions()]
        for each in self._listed:
            if isinstance(each, types.ModuleType):
                modules.append(vars(each))
            elif (task := task_of(each)) is not None:
                yield task
                modules.append(_names_of(task.function))
        for plugin in self.app.plugins:
            yield from filter(None, map(task_of, getattr(plugin, "outbox_tasks", ())))
        while modules:
            names = modules.pop()
            if id(names) in seen:
                continue
            seen.add(id(names))
            modules += _siblings(names)
            for task in tasks_in(names):
                yield task
                modules.append(_names_of(task.function))

    def _functions(self) -> Iterator[Any]:
        app = self.app
        yield from (placed.route.handler for placed in app.sealing().placed)
        yield from (provider.function for provider in app.seal().providers.all())
        yield from (*app.commands, *app.lifespans)


def _names_of(function: Any) -> Mapping[str, Any]:
    """The names of the module that a function or a class was written in."""
    names = getattr(inspect.unwrap(function), "__globals__", None)
    if names is None:
        names = vars(sys.modules.get(getattr(function, "__module__", None) or "", types))
    return names if names.get("__name__", "").partition(".")[0] != __name__.partition(".")[0] else {}


def _siblings(names: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The modules of the same package that a module names: `from . import tasks`."""
    package = names.get("__name__", "").partition(".")[0]
    for value in list(names.values()):
        if isinstance(value, types.ModuleType) and value.__name__.partition(".")[0] == package:
            yield vars(value)


def _nobody() -> None:
    """No runner is in this process."""
