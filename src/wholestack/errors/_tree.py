"""The root of the tree, and the errors that are not answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


class WholestackError(Exception):
    """The root of every error of ours; `code` names its page in `docs/errors/`."""

    code: str = "wholestack-error"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an app, found when it was sealed.

    Attributes:
        code: the name of its page in `docs/errors/`.
        message: what is wrong, in one sentence.
        where: file and line, ``"app.py:12"``.
        cure: what to type next.
    """

    code: str
    message: str
    where: str
    cure: str

    def __str__(self) -> str:
        return f"{self.where}: [{self.code}] {self.message}\n    → {self.cure}"


class SetupError(WholestackError):
    """The app cannot be sealed; `faults` holds everything that was found, never the first only.

    Example:
        >>> print(SetupError([Fault("no-provider", "Nothing provides Clock.", "app.py:7", "app.provide(…)")]))
        1 fault in this app:
        app.py:7: [no-provider] Nothing provides Clock.
            → app.provide(…)
    """

    code: str = "setup-error"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''} in this app:"
        super().__init__("\n".join([count, *map(str, self.faults)]))


class CannotWait(WholestackError):
    """`wait(…)` was called where nothing can wait: on the event loop, outside a driven call.

    Declare the provider with ``app.provide(function, waits=True)``, or make it ``async def`` and use ``await``.
    """

    code: str = "cannot-wait"


class ClientDisconnected(WholestackError):
    """The client went away before its request was whole; nobody is left to answer."""

    code: str = "client-disconnected"


class AnswerMismatch(WholestackError, TypeError):
    """A handler returned a value that its declared answer type cannot show; the message holds no values."""

    code: str = "answer-mismatch"
