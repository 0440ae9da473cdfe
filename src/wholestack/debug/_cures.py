"""What to do about errors of ours, by code: the words of their pages in `docs/errors/`, which a test compares."""

from __future__ import annotations

from collections.abc import Mapping

from wholestack.errors import SetupError, WholestackError

CURES: Mapping[str, str] = {
    "answer-mismatch": (
        "Return what the annotation says, or say in the annotation, or with `returns=`, what you return."
    ),
    "cannot-wait": (
        "In an `async def` function use `await`. Register a provider that calls `wait` with `app.provide(function, "
        "waits=True)`."
    ),
    "client-disconnected": (
        "Nothing, as a rule. In a handler that reads a stream, clean up in `finally`, and let the error pass. A "
        "handler that must come to its end is registered with `finish=True`."
    ),
    "messages-missed": (
        "Load what there is anew, then subscribe. Events are told by `event: reset` and go on. Where gaps are "
        "frequent, keep more: `Live(MemoryBackend(history=…, age=…, queue=…))`."
    ),
    "socket-closed": (
        "Mostly nothing. `async for message in socket` ends by itself; catch the error where something is to be done "
        "afterwards."
    ),
}


def cure_of(error: BaseException) -> str:
    """What to do about an error; empty where it is none of ours.

    Example:
        >>> cure_of(ValueError()), cure_of(WholestackError())
        ('', '')
    """
    if isinstance(error, SetupError):
        return " ".join(f"{fault.where}: {fault.cure}" for fault in error.faults)
    return CURES.get(error.code, "") if isinstance(error, WholestackError) else ""
