"""`@task`: a function that the outbox may run, and what it says of its retries; the function itself stays as it is."""

from __future__ import annotations

import dataclasses
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypedDict, TypeVar, overload

from typing_extensions import Unpack

from wholestack.errors import Fault, SetupError
from wholestack.handlers import kind_of
from wholestack.routing import where_of

from ._errors import NotGiven

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__wholestack_task__"
_LONGEST_NAME = 255


class _Given:
    """What stands in place of a value until the framework fills it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise NotGiven

    def __repr__(self) -> str:
        return "given"


given: Any = _Given()
"""The default of a task's parameter that the framework fills, by its type: ``db: Session = given``.

To a type checker it fits every type, so `queue.put(tell, post.id)` is checked against the other parameters alone.
"""


class TaskOptions(TypedDict, total=False):
    """What `@task` may be told.

    `retries`: how often a run that raised is tried again (5); `wait`: seconds before the first retry, doubled before
    each further one (2); `longest`: seconds between two tries at most (3600); `timeout`: seconds that one run may
    take (None: no limit); `name`: what stands in the table in place of ``module.function``, for a function that was
    renamed or moved while entries wait.
    """

    retries: int
    wait: float
    longest: float
    timeout: float | None
    name: str | None


@dataclasses.dataclass(frozen=True)
class Task:
    """A function as a task, and how it is run; see `TaskOptions`."""

    function: Callable[..., Any]
    name: str
    names: Mapping[str, Any] = dataclasses.field(repr=False)
    retries: int = 5
    wait: float = 2.0
    longest: float = 3600.0
    timeout: float | None = None

    @property
    def where(self) -> str:
        """File and line of the function."""
        return where_of(self.function)

    def pause(self, failures: int) -> float:
        """Seconds until the next try, after so many failures: longer each time, and for each entry another.

        Half of it is by chance, since what has failed at once must not come back at once ("equal jitter").

        Example:
            >>> tell = Task(print, "tell", {}, wait=2.0, longest=60.0)
            >>> 4.0 <= tell.pause(3) <= 8.0, 30.0 <= tell.pause(500) <= 60.0
            (True, True)
        """
        whole = min(self.wait * 2.0 ** min(failures - 1, 60), self.longest)
        return random.uniform(whole / 2, whole)  # noqa: S311  (no secret)


@overload
def task(function: F, /) -> F: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[F], F]: ...
def task(function: Any = None, /, **options: Unpack[TaskOptions]) -> Any:
    """Let the outbox run a function, `def` or `async def`; called by hand it is the same function as before.

    Parameters that an app provides (``db: Session = given``) are filled when it runs, all others by what was put.

    Arguments:
        options: see `TaskOptions`.

    Raises:
        SetupError: an option that cannot be, or a function that is none of the two.

    Example:
        >>> @task(retries=3)
        ... def tell(post_id: int) -> str:
        ...     return f"told of {post_id}"
        >>> tell(7)
        'told of 7'
    """
    frame = sys._getframe(1)
    names = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)

    def mark(function: F) -> F:
        name = options.get("name") or f"{function.__module__}.{function.__qualname__}"
        settings: Any = {key: value for key, value in options.items() if key != "name"}
        made = Task(function, name, names, **settings)
        if wrong := _wrong(made):
            cure = "Write @task(retries=5) before a `def` or an `async def`, times in seconds."
            raise SetupError([Fault("bad-task", wrong, made.where, cure)])
        vars(function)[_MARK] = made
        return function

    return mark if function is None else mark(function)


def _wrong(task: Task) -> str:
    """What is wrong with a task's own words; empty where nothing is."""
    if not isinstance(task.function, types.FunctionType) or kind_of(task.function) not in {"value", "await"}:
        return f"{task.name} is no plain function: a task is called once, and gives nothing back."
    if not 1 <= len(task.name) <= _LONGEST_NAME or "\0" in task.name:
        return f"The name of a task has from 1 to {_LONGEST_NAME} characters."
    if task.retries < 0 or task.wait < 0 or task.longest < task.wait:
        return f"{task.name} would wait {task.wait:g} to {task.longest:g} seconds and retry {task.retries} times."
    if task.timeout is not None and task.timeout <= 0:
        return f"{task.name} would have no time to run: timeout={task.timeout:g}."
    return ""


def task_of(function: object) -> Task | None:
    """What `@task` has said of a function; None where it has said nothing."""
    found = vars(function).get(_MARK) if isinstance(function, types.FunctionType) else None
    return found if isinstance(found, Task) else None


def tasks_in(names: Mapping[str, Any]) -> Iterator[Task]:
    """The tasks among the names of a module."""
    for value in list(names.values()):
        found = task_of(value)
        if found is not None:
            yield found
