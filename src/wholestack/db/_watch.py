"""Which statements were sent, and from which line: budgets, and queries that come again and again."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import sqlalchemy

from wholestack.handlers import current_request

from ._errors import QueryBudgetExceeded, RepeatedQuery

_log = logging.getLogger("wholestack.db")

_OF_TRANSACTIONS = ("SAVEPOINT", "RELEASE", "ROLLBACK")
_REPEATED = 5
"""So many times the same statement from the same line of one request is a loop that one statement could replace."""

_PACKAGES = Path(sqlalchemy.__file__).parent.parent
_UNDER_US = tuple(
    f"{folder}{os.sep}"
    for folder in (Path(__file__).parent.parent, *(_PACKAGES / name for name in ("sqlalchemy", "psycopg", "pymysql")))
)
_STANDARD = f"{Path(os.__file__).parent}{os.sep}"


class Watch:
    """The statements of one session or block.

    Arguments:
        strict: raise where a statement comes again and again; else the log names it, once.

    Attributes:
        statements: each statement with the file and line that sent it, in order.
    """

    def __init__(self, *, strict: bool = False, looks_for_repeats: bool = True) -> None:
        self.statements: list[tuple[str, str]] = []
        self.strict = strict
        self._looks = looks_for_repeats
        self._times: Counter[tuple[str, str]] = Counter()

    def note(self, statement: str) -> None:
        """A statement is about to be sent.

        Raises:
            RepeatedQuery: it was sent from the same line too often already, and this watch is strict.
        """
        if statement.startswith(_OF_TRANSACTIONS):
            return
        where = _caller()
        self.statements.append((statement, where))
        if not self._looks:
            return
        self._times[statement, where] += 1
        if self._times[statement, where] == _REPEATED:
            error = RepeatedQuery(f"{where} sends the same statement again and again: {_short(statement)}")
            if self.strict:
                raise error
            _log.warning("%s", error)

    def check(self, most: int) -> None:
        """Raise where there were more statements than `most`.

        Raises:
            QueryBudgetExceeded: with each statement and its line.
        """
        if len(self.statements) > most:
            lines = [f"  {where}  {_short(statement)}" for statement, where in self.statements]
            count = f"{len(self.statements)} statements, of {most} in the budget:"
            raise QueryBudgetExceeded("\n".join([count, *lines]))

    def __repr__(self) -> str:
        return f"<watch: {len(self.statements)} statements>"


LISTENING: list[Watch] = []
"""Blocks that want to hear of every statement of the process."""
_lock = threading.Lock()


_UNHEARD: contextvars.ContextVar[bool] = contextvars.ContextVar("wholestack_unheard", default=False)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Statements of ours, such as those that find out what a database is, are in nobody's budget."""
    token = _UNHEARD.set(True)
    try:
        yield
    finally:
        _UNHEARD.reset(token)


def heard(statement: str) -> None:
    """Tell the blocks that listen of a statement."""
    if _UNHEARD.get():
        return
    with _lock:
        for each in LISTENING:
            each.note(statement)


@contextlib.contextmanager
def assert_queries(most: int) -> Iterator[Watch]:
    """Fail where a block sends more statements than `most`, whatever sends them: for tests.

    Raises:
        QueryBudgetExceeded: at the end of the block; it lists each statement with its file and line.

    Example:
        >>> from wholestack.db import Database, text
        >>> database = Database("sqlite://")
        >>> with assert_queries(1) as watch, database.session() as db:
        ...     one = db.scalar(text("SELECT 1"))
        >>> watch.statements[0][0]
        'SELECT 1'
    """
    watch = Watch(looks_for_repeats=False)
    with _lock:
        LISTENING.append(watch)
    try:
        yield watch
    finally:
        with _lock:
            LISTENING.remove(watch)
    watch.check(most)


def _caller() -> str:
    """File and line of the nearest caller that is neither ours nor a library's under us."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith("<") and not _is_under_us(name):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    request = current_request.get()
    return f"the answer of {request.method} {request.path}, as it is written" if request is not None else "?"


def _is_under_us(file: str) -> bool:
    return file.startswith(_UNDER_US) or (file.startswith(_STANDARD) and "site-packages" not in file)


def _short(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= 200 else f"{line[:197]}..."
