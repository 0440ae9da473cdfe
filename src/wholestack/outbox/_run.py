"""One run of a task: what the plan sees in place of a request, and what the task sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from wholestack import Request, Response
from wholestack.db import Session

from ._errors import RunEnded
from ._store import Taken, told_of

End = Literal["cancelled", "lost", "stopped", "timeout"]

_WHY: dict[End, str] = {
    "cancelled": "it has been cancelled",
    "lost": "another process has taken it over, since this one said nothing for longer than its lease",
    "stopped": "this process stops; another one begins it anew",
    "timeout": "it has taken longer than its time limit",
}
_LONGEST_NOTE = 255


class Progress:
    """What a run says of itself: ``progress: Progress = given``.

    Calling it costs next to nothing, so that it may stand in the innermost loop: what was said last is written to the
    table about once a second, whatever the task's own transaction does. It is also where a `def` task learns that it
    is to end, since no one can stop a thread.

    Attributes:
        id: the entry's number, the same for each attempt: a key that makes a call elsewhere idempotent.
        attempt: which attempt this is, from 1.

    Example:
        >>> progress = Progress(id=7, attempt=1)
        >>> progress(30, of=120, note="pages read")
        >>> progress.part
        0.25
    """

    def __init__(self, id: int, attempt: int) -> None:
        self.id = id
        self.attempt = attempt
        self.part: float | None = None
        self.note: str | None = None
        self.end: End | None = None
        self._is_new = False

    def __call__(self, done: float, of: float = 1.0, note: str = "") -> None:
        """Say how far the run is.

        Arguments:
            done: how much is done, of `of`.
            of: how much there is; without it, `done` is a part of 1.
            note: a few words, of which 255 characters are kept.

        Raises:
            RunEnded: the run is over: let this pass.
        """
        if self.end is not None:
            raise RunEnded(f"This run is over: {_WHY[self.end]}.")
        self.part = min(max(done / of, 0.0), 1.0) if of else 1.0
        self.note = told_of(note)[:_LONGEST_NOTE] or None
        self._is_new = True

    def told(self) -> tuple[float | None, str | None] | None:
        """What was said since this was last asked; None where nothing was."""
        is_new, self._is_new = self._is_new, False
        return (self.part, self.note) if is_new else None

    def __repr__(self) -> str:
        return f"<Progress {self.part} {self.note or ''}>"


class Run(Request):
    """A run as the plan sees it: in the place of a request, with none of its fields.

    Attributes:
        taken: the entry.
        values: the arguments of its payload.
        progress: what the task sees of it.
        error: what the run raised.
        is_marked: it was marked done; the commit of that is yet to come, or has come.
        is_done: the commit has come.
        is_over: it has ended, one way or another; what is left is to write that down.
        is_async: whether it runs on the event loop, where it can be cancelled.
        task: what runs it.
    """

    is_marked: bool = False
    is_done: bool = False
    is_over: bool = False
    is_async: bool = False
    task: asyncio.Task[Any] | None = None
    error: BaseException | None = None

    def __init__(self, taken: Taken, values: dict[str, Any], mark: Callable[[Session, Run], bool]) -> None:
        super().__init__("TASK", f"/{taken.task}")
        self.id = taken.request or f"outbox-{taken.id}"
        self.taken = taken
        self.values = values
        self.progress = Progress(taken.id, taken.attempts)
        self._mark = mark

    def finish(self, end: End) -> None:
        """Let the run end: at once where it can be cancelled, else when it next says how far it is.

        At a stop nobody waits for that: a thread is left behind, and what it does yet is refused.
        """
        if self.progress.end is None and not self.is_over:
            self.progress.end = end
            if self.task is not None and (self.is_async or end == "stopped"):
                self.task.cancel()

    def mark_done(self, session: Session) -> Response:
        """Say in the task's own transaction that it is done.

        Raises:
            RunEnded: the run was taken over or given back meanwhile; all that it has written is rolled back.
        """
        if not self._mark(session, self):
            self.progress.end = self.progress.end or "lost"
            raise RunEnded(f"The result of this run is refused: {_WHY[self.progress.end]}.")
        self.is_marked = True
        return Response(status=204)

    def __repr__(self) -> str:
        return f"<Run {self.taken.task} {self.taken.id}.{self.taken.token}>"
