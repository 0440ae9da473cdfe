"""Who hears of what clients were answered: budgets, and the record of the routes that tests reached."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ._answer import AnswerHead
from ._sent import SentRequest

Hearer = Callable[[Any, SentRequest, AnswerHead | None], None]
"""Called with the app, the request, and the answer's head; with None where a WebSocket was opened."""

hearers: list[Hearer] = []


@contextlib.contextmanager
def hearing(hearer: Hearer) -> Iterator[None]:
    """Tell this one of every answer to a client of the process while the block runs."""
    hearers.append(hearer)
    try:
        yield
    finally:
        hearers.remove(hearer)
