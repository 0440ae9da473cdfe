"""A budget for a block of a test: how many calls of Python functions and how many bytes of answers it may take."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from types import CodeType
from typing import Any

from ._answer import Answer, AnswerHead
from ._calls import counted
from ._errors import OverBudget
from ._heard import hearing
from ._sent import SentRequest

_SHOWN = 8


class Spent:
    """What a block took, once it has ended.

    Attributes:
        calls: calls of Python functions: the app's, the framework's, those of installed packages.
        bytes: bytes of the bodies of answers.
        answers: how many answers there were.
        by_function: the calls by function, those that were called most first.
    """

    def __init__(self) -> None:
        self.calls: int = 0
        self.bytes: int = 0
        self.answers: int = 0
        self.by_function: dict[str, int] = {}
        self._sizes: list[tuple[str, int]] = []

    def hear(self, app: Any, sent: SentRequest, answer: AnswerHead | None) -> None:
        """Add an answer."""
        self.answers += 1
        label = f"{sent.method} {sent.path}"
        if isinstance(answer, Answer):
            self._add(label, len(answer.body))
        elif answer is not None:
            _count_chunks(answer, lambda size: self._add(label, size))

    def _add(self, label: str, size: int) -> None:
        self.bytes += size
        self._sizes.append((label, size))

    def settle(self, calls: Counter[CodeType]) -> None:
        """The block has ended with these calls."""
        self.calls = calls.total()
        names: Counter[str] = Counter()
        for code, number in calls.items():
            names[code.co_qualname] += number
        self.by_function = dict(names.most_common())

    def check(self, most_calls: int | None, most_bytes: int | None) -> None:
        """Raise what is over.

        Raises:
            OverBudget: more was taken than the budget has.
        """
        lines = []
        if most_calls is not None and self.calls > most_calls:
            lines.append(f"{self.calls} calls of Python functions, of {most_calls} in the budget. Most often called:")
            lines += [f"  {number:>5}  {name}" for name, number in list(self.by_function.items())[:_SHOWN]]
        if most_bytes is not None and self.bytes > most_bytes:
            lines.append(f"{self.bytes} bytes of answers, of {most_bytes} in the budget. The largest:")
            largest = sorted(self._sizes, key=lambda pair: -pair[1])[:_SHOWN]
            lines += [f"  {size:>8}  {label}" for label, size in largest]
        if lines:
            raise OverBudget("\n".join(lines))

    def __repr__(self) -> str:
        return f"<spent: {self.calls} calls, {self.bytes} bytes, {self.answers} answers>"


def _count_chunks(flow: Any, add: Any) -> None:
    """Count a stream's bytes as they are read."""
    read = flow.chunk

    async def chunk() -> bytes | None:
        found: bytes | None = await read()
        add(len(found or b""))
        return found

    flow.chunk = chunk


@contextlib.contextmanager
def budget(*, calls: int | None = None, bytes: int | None = None) -> Iterator[Spent]:
    """Fail where the block takes more than it may; what it took is in the `Spent` that it gives.

    The counts are exact: the same code, the same figures on every machine (another version of Python or of a package
    may have others). A client's first request starts the app: ask once before the block.

    Arguments:
        calls: the most calls of Python functions; the standard library's and the client's own do not count.
        bytes: the most bytes in the bodies of the answers that clients get in the block.

    Raises:
        OverBudget: at the end of the block; the message says where it went.

    Example:
        >>> from wholestack import App
        >>> from wholestack.testing import Client
        >>> app = App()
        >>> @app.get("/hello")
        ... async def hello() -> str:
        ...     return "Hello!"
        >>> with Client(app) as client:
        ...     answer = client.get("/hello")
        ...     with budget(calls=25, bytes=10) as spent:
        ...         answer = client.get("/hello")
        >>> spent.bytes, spent.answers
        (6, 1)
    """
    spent = Spent()
    with hearing(spent.hear):
        with counted() as found:
            yield spent
        spent.settle(found)
    spent.check(calls, bytes)
