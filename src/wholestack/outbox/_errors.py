"""What can be wrong with a task, with what is put, and with a run that goes on after its end."""

from __future__ import annotations

from wholestack.errors import WholestackError


class TaskUnknown(WholestackError):
    """A function was put that is no task of this app, so that nobody would run it."""

    code = "unknown-task"


class PayloadRefused(WholestackError, ValueError):
    """What was put does not fit the task: other arguments than it takes, too many bytes, a key that is none."""

    code = "payload-refused"


class RunEnded(WholestackError):
    """This run is over: cancelled, out of time, taken over by another process, or cut off by a stop of the server.

    Raised by `progress(…)` inside the task. Let it pass: what the run has written in its session is rolled back.
    """

    code = "run-ended"


class NotGiven(WholestackError, AttributeError):
    """A parameter that the framework fills was left out when a task was called by hand."""

    code = "not-given"

    def __init__(self) -> None:
        super().__init__(
            "This parameter is `given` by the framework when the outbox runs the task. Called by hand, as in a test, "
            "the function wants it from you: tell(1, db=session)."
        )
