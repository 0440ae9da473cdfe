"""The session: SQLAlchemy's own, with what must happen after its transaction, and an end that it knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session as AlchemySession
from sqlalchemy.orm import SessionTransaction

from wholestack.handlers import note_unhandled

from ._colour import how_to_wait
from ._connection import Mode, UnitOfWork
from ._errors import ReadOnly, SessionEnded, UnreadRows
from ._keys import SIMPLE as _SIMPLE
from ._keys import by_key
from ._peers import load_for_peers
from ._watch import Watch

_log = logging.getLogger("wholestack.db")
Opens = Callable[["Session"], Engine | Connection]
"""Gives a session its engine when it first needs one."""

_NONE: Mapping[str, Any] = {}


class Session(AlchemySession):
    """SQLAlchemy's `Session`, with the same calls in `def` and in `async def` handlers.

    Each request has one of its own. It commits when the handler has answered below 400 and before the first byte is
    sent, and rolls back otherwise.

    Example:
        >>> from sqlalchemy import create_engine, text
        >>> done = []
        >>> with Session(create_engine("sqlite://")) as db:
        ...     db.after(commit=lambda: done.append("committed"))
        ...     _ = db.execute(text("SELECT 1"))
        ...     db.commit()
        >>> done
        ['committed']
    """

    def __init__(self, bind: Any = None, *, mode: Mode = "write", opens: Opens | None = None, **options: Any) -> None:
        options.setdefault("expire_on_commit", False)
        options.setdefault("join_transaction_mode", "create_savepoint")
        super().__init__(bind, **options)
        self.mode: Mode = mode
        self.watch: Watch | None = None
        self.fresh: bool = False  # What is read again is what the database has by now.
        self._opens = opens
        self._unit: UnitOfWork | None = None
        #: Whether the unit of work that it belonged to is over.
        self.ended: bool = False
        #: Whether the last transaction that is over was committed.
        self.committed: bool = False
        self._on_end: list[Callable[[], object]] = []
        self._after_commit: list[Callable[[], object]] = []
        self._after_failure: list[Callable[[], object]] = []
        #: For each savepoint that was begun: how much of the two was there before.
        self._savepoints: dict[SessionTransaction, tuple[int, int]] = {}

    def after(self, *, commit: Callable[[], object] | None = None, failure: Callable[[], object] | None = None) -> None:
        """Call a function when the transaction at hand is over and its connection is free.

        Arguments:
            commit: called after a commit.
            failure: called after a roll-back: for what must survive it, such as a count of failed attempts.

        They are called in the order in which they were given. A savepoint that is rolled back (`begin_nested`) takes
        with it what its commits were to call; what its failures were to call is called, however the whole ends. What is
        over cannot fail any more: an error in one of
        them goes to the log, the others are called, and the request's answer stays what it is. A function that writes
        opens a session of its own: ``with app.session() as db:``. What is to happen outside (a mail, a job) belongs
        into the outbox (`queue.put`), which is part of the transaction itself.
        """
        if commit is not None:
            self._after_commit.append(commit)
        if failure is not None:
            self._after_failure.append(failure)

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a transaction, or a savepoint in the one at hand, as SQLAlchemy's does."""
        transaction = super().begin(nested=nested)
        if nested:
            self._savepoints[transaction] = len(self._after_commit), len(self._after_failure)
        return transaction

    def _took_back(self, savepoint: SessionTransaction) -> None:
        """Forget what was to be called after a savepoint's commit; its failure is one, whatever comes of the whole."""
        commits, failures = self._savepoints.pop(savepoint, (None, None))
        if commits is not None:
            self._after_commit[commits:] = self._after_failure[failures:]

    def get_bind(self, *_: Any, **__: Any) -> Engine | Connection:
        """The engine of this session's database."""
        if self.ended:
            raise SessionEnded
        if self.bind is None:
            if self._opens is None:
                return super().get_bind(*_, **__)
            self.bind = self._opens(self)
        return self.bind

    def opens(self, engine: Opens) -> None:
        """Use another engine from here on."""
        self._opens = engine
        self.pause()

    def pause(self) -> None:
        """Let go of the engine: it is asked for again where it is needed."""
        if self._opens is not None:
            self.bind = None
            self._release()

    def _release(self) -> None:
        calls, self._on_end = self._on_end, []
        for call in calls:
            call()

    if not TYPE_CHECKING:  # To a type checker they are SQLAlchemy's, which say what a statement gives.

        def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
            """Execute a statement, as SQLAlchemy's does; a lazy load of one row loads for all its peers."""
            loading = options.get("execution_options", _NONE).get("_sa_orm_load_options")
            if loading is not None and loading._lazy_loaded_from is not None:
                # An event for every statement would cost each of them; this one is for lazy loads alone.
                options["_add_event"] = load_for_peers
            return super().execute(statement, params, **options)

        def get(self, entity: Any, ident: Any, **options: Any) -> Any:
            """The row with a key, or None, as SQLAlchemy's `get`."""
            # `get_one` names each option, with what it is where nobody has said otherwise.
            if type(ident) in _SIMPLE and not any(options.values()):
                found = by_key(entity)
                if found is not None and found.identity_key(ident) not in self.identity_map:
                    self._autoflush()
                    return found.row(ident, self)
            if self.fresh:
                options["populate_existing"] = True
            return super().get(entity, ident, **options)

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what was added, changed and deleted."""
        if not self._is_clean():
            how_to_wait()  # Before anything: a flush that fails midway ends the transaction of who has a right to it.
            super().flush(objects)

    @property
    def is_changed(self) -> bool:
        """Whether something was added, changed or deleted that is not written yet."""
        return not self._is_clean()

    @property
    def _is_empty(self) -> bool:
        """Whether there is nothing to close, neither a transaction nor a row: it was not used, or is closed already."""
        return self._transaction is None and not self._new and not len(self.identity_map)

    @property
    def waits_for_end(self) -> bool:
        """Whether something is to be called after the transaction at hand."""
        return bool(self._after_commit or self._after_failure)

    def settle(self) -> None:
        """End the unit well: commit what was done; where nothing was, there is nothing to commit."""
        if self.in_transaction():
            unit = self._unit
            if unit is None or not unit.lazy or self.is_changed or self._after_commit:
                self.commit()
                return
        elif self._after_commit:
            self.commit()  # Of nothing: what was to be called after it is called all the same.
            return
        self._after_failure.clear()
        self.close()

    def go_on(self) -> None:
        """End the unit well, and let a stream use the session and what was loaded.

        Raises:
            UnreadRows: a query was sent, and rows of it are left.
        """
        if self._unit is not None and self._unit.holds():
            raise UnreadRows
        self.commit()

    def fail(self) -> None:
        """Roll back and close, and call what was to be called after a failure."""
        if not self._is_empty:
            self.close()
        self._is_over(committed=False)  # Where it has not begun, there was nothing to end it.

    def _is_over(self, *, committed: bool) -> None:
        """Call what waits for this end of the transaction, and forget what waits for the other."""
        self.committed = committed
        calls = self._after_commit if committed else self._after_failure
        self._after_commit, self._after_failure, self._savepoints = [], [], {}
        for call in calls:
            try:
                call()
            except Exception as error:
                _log.exception("what was to be called after the %s failed", "commit" if committed else "roll-back")
                note_unhandled(error)

    def end(self) -> None:
        """Let nothing use this session any more."""
        try:
            if not self._is_empty:
                self.close()
        finally:
            self.ended = True
            self._release()

    def on_end(self, call: Callable[[], object]) -> None:
        """Call a function when this session lets go of its engine."""
        self._on_end.append(call)


@event.listens_for(Session, "after_begin")
def _begun(session: Session, _transaction: Any, connection: Connection) -> None:
    unit: Any = connection.connection.dbapi_connection
    if isinstance(unit, UnitOfWork):
        session._unit = unit
        unit.watch = session.watch


@event.listens_for(Session, "before_flush")
def _may_flush(session: Session, _context: Any, _instances: Any) -> None:
    if session.mode == "read" and (session.new or session.deleted or session.dirty):
        raise ReadOnly


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    savepoint = session.get_nested_transaction()
    if savepoint is None:
        session.info["committed"] = True
    else:  # It is no commit yet: what it was to call stays with the whole.
        session._savepoints.pop(savepoint, None)


@event.listens_for(Session, "after_soft_rollback")
def _rolled_back(session: Session, transaction: SessionTransaction) -> None:
    session._took_back(transaction)


@event.listens_for(Session, "after_transaction_end")
def _over(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session._unit = None
        session._is_over(committed=session.info.pop("committed", False))
