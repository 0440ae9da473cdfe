"""What of a migration has been done, statement by statement, where a transaction cannot hold all of it.

PostgreSQL and SQLite undo a migration that is killed, but for what it does outside its transaction. MariaDB commits
with each change of the schema. Such a statement is noted before it runs, with a fingerprint of the schema, and again
when it has run. When the migration is run again, its statements are counted once more; what has been done is left out.
Where one was noted and did not come back, the fingerprint tells whether the server did it all the same.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, MetaData, String, Table, event, inspect, select
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from ._errors import MigrationChanged
from ._fingerprint import fingerprint

UNRECORDED = "wholestack_unrecorded"
"""The execution option of a statement that keeps its own record of what it has done, or may be done twice."""

STEPS = Table(
    "wholestack_migration_step",
    MetaData(),
    Column("revision", String(64), primary_key=True),
    Column("direction", String(8), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("before", String(64), nullable=False),
    Column("done", Boolean(create_constraint=False), nullable=False),
    Column("changed", BigInteger, nullable=False),
)

_SPACE = r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"
_READS = re.compile(
    _SPACE + r"(?:SELECT|SHOW|EXPLAIN|VALUES|DESC|DESCRIBE|TABLE|PRAGMA|SET|RESET|BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT"
    r"|RELEASE|USE|CREATE\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP(?:ORARY)?|DROP\s+TEMPORARY)\b",
    re.IGNORECASE | re.DOTALL,
)
_DATA = re.compile(_SPACE + r"(?:INSERT|UPDATE|DELETE|REPLACE|MERGE|WITH|CALL|DO|COPY)\b", re.IGNORECASE | re.DOTALL)
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)


def kind_of(statement: str) -> str:
    """What a statement is about: it `reads`, it changes `data`, or else the `schema`.

    Example:
        >>> [kind_of(each) for each in ("SELECT 1", "UPDATE note SET text = ''", "CREATE TABLE note (id INT)")]
        ['reads', 'data', 'schema']
    """
    if _READS.match(statement):
        return "reads"
    if _DATA.match(statement):
        questions = re.match(_SPACE + "WITH", statement, re.IGNORECASE | re.DOTALL) and not _WRITES.search(statement)
        return "reads" if questions else "data"
    return "schema"


@dataclasses.dataclass
class Done:
    """A statement as it is noted."""

    digest: str
    before: str = ""
    done: bool = True
    changed: int = -1


class Recorder:
    """Runs the statements of one migration on one connection, and leaves out what has been done.

    Arguments:
        connection: its connection, in a transaction.
        transactional: whether the database can undo a change of the schema.
    """

    def __init__(self, connection: Connection, *, transactional: bool) -> None:
        self.connection = connection
        self.transactional = transactional
        self._revision, self._direction = "", ""
        self._noted: list[Done] = []
        self._fresh: list[Done] = []
        self._step = 0
        self._busy = self._outside = self._has_table = False

    @contextlib.contextmanager
    def recording(self, revision: str, direction: str) -> Iterator[None]:
        """Watch each statement of the connection while a migration's function runs."""
        self._revision, self._direction, self._step, self._fresh, self._outside = revision, direction, 0, [], False
        self._noted = self._load()
        engine = self.connection.engine
        listeners = {name: functools.partial(self._run, name) for name in _CALLS}
        for name, listener in listeners.items():
            event.listen(engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners.items():
                event.remove(engine, name, listener)

    def forget(self) -> None:
        """Take the notes on this migration away: part of the transaction in which it is written down as applied."""
        if self._has_table:
            self.connection.execute(STEPS.delete().where(*self._mine))

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """Run statements outside the transaction, which is committed, and begun anew afterwards."""
        with self._quietly():
            self._leave()
        self._outside = True
        try:
            yield
        finally:
            self._outside = False
        with self._quietly():
            self._enter()

    def as_one(self, text: str, call: Callable[[], Any]) -> None:
        """Run several statements that belong together as one step, which this text tells from others."""
        with self._quietly():
            entry, noted = self._compared(text)
            if noted is not None:
                entry.changed = noted.changed
            elif self._outside:
                self._enter()
                try:
                    call()
                    self._note(entry, self._step)
                    self._say("COMMIT")
                except BaseException:
                    with contextlib.suppress(Exception):
                        self._say("ROLLBACK")
                    raise
            else:
                call()
                self._fresh.append(entry)
            self._step += 1

    # -- each statement ------------------------------------------------------------------------------------------

    def _run(self, name: str, cursor: Any, statement: str, *arguments: Any) -> bool | None:
        """Called by SQLAlchemy in place of the driver; True says that the statement has been run."""
        context = arguments[-1]
        if self._busy or context is None or context.root_connection is not self.connection:
            return None
        if kind_of(statement) == "reads" or context.execution_options.get(UNRECORDED):
            return None
        with self._quietly():
            entry, noted = self._compared(statement)
            if noted is not None and self._was_done(noted, statement):
                entry.changed = noted.changed
                _leave_out(cursor, context, noted)
            else:
                call = functools.partial(getattr(context.dialect, name), cursor, statement, *arguments)
                self._call(entry, statement, call, context)
            self._step += 1
        return True

    def _compared(self, text: str) -> tuple[Done, Done | None]:
        """A step as it is noted now, and as it was noted when the migration was interrupted.

        Raises:
            MigrationChanged: another one was.
        """
        entry = Done(hashlib.sha256(text.encode()).hexdigest()[:32])
        noted = self._noted[self._step] if self._step < len(self._noted) else None
        if noted is not None and noted.digest != entry.digest:
            raise MigrationChanged(_changed(self._revision, self._step))
        return entry, noted

    def _call(self, entry: Done, statement: str, call: Callable[[], Any], context: Any) -> None:
        cursor = context.cursor
        is_schema = kind_of(statement) == "schema"
        if self._outside and not is_schema:
            self._enter()
            try:
                call()
                if cursor.description is not None:  # SQLite does not commit before the rows are read.
                    rows = collections.deque(cursor.fetchall())
                    context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, initial_buffer=rows)
                entry.changed = cursor.rowcount
                self._note(entry, self._step)
                self._say("COMMIT")
            except BaseException:
                with contextlib.suppress(Exception):
                    self._say("ROLLBACK")
                raise
        elif self._outside or (is_schema and not self.transactional):
            self._alone(entry, statement, call)
        else:
            call()
            entry.changed = cursor.rowcount
            self._fresh.append(entry)

    def _alone(self, entry: Done, statement: str, call: Callable[[], Any]) -> None:
        """Run what commits by itself, and note it before and after."""
        if not self._outside:
            self._leave()
        self._note(dataclasses.replace(entry, before=fingerprint(self.connection), done=False), self._step)
        try:
            call()
        except BaseException:
            # It came back, so nothing of it is there; a process that is killed does not come here.
            with contextlib.suppress(Exception):
                self._clean(statement)
                self.connection.execute(STEPS.delete().where(*self._mine, STEPS.c.step == self._step))
            raise
        self.connection.execute(STEPS.update().where(*self._mine, STEPS.c.step == self._step).values(done=True))
        if not self._outside:
            self._enter()

    def _was_done(self, noted: Done, statement: str) -> bool:
        if noted.done:
            return True
        if not self._outside:
            self._leave()
        self._clean(statement)
        where = (*self._mine, STEPS.c.step == self._step)
        done = noted.before != fingerprint(self.connection)
        self.connection.execute(
            STEPS.update().where(*where).values(done=True) if done else STEPS.delete().where(*where)
        )
        if not self._outside:
            self._enter()
        return done

    def _clean(self, statement: str) -> None:
        """Take away what PostgreSQL leaves of an index that it could not make, or not drop, to the end."""
        if self.connection.dialect.name != "postgresql":
            return
        quote = self.connection.dialect.identifier_preparer.quote_identifier
        for schema, name in self.connection.exec_driver_sql(_INVALID).all():
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", statement):
                words = f"DROP INDEX CONCURRENTLY IF EXISTS {quote(schema)}.{quote(name)}"
                self.connection.exec_driver_sql(words.replace("%", "%%"))

    # -- the transaction around ----------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Commit what has been done so far, with the notes on it."""
        if not self._has_table:
            STEPS.create(self.connection, checkfirst=True)
            self._has_table = True
        for offset, each in enumerate(self._fresh):
            self._note(each, self._step - len(self._fresh) + offset)
        self._fresh = []
        self._say("COMMIT")

    def _enter(self) -> None:
        self._say("BEGIN IMMEDIATE" if self.connection.dialect.name == "sqlite" else "BEGIN")

    def _say(self, words: str) -> None:
        self.connection.exec_driver_sql(words)

    def _note(self, entry: Done, step: int) -> None:
        where = {"revision": self._revision, "direction": self._direction, "step": step}
        self.connection.execute(STEPS.insert().values(**where, **dataclasses.asdict(entry)))

    def _load(self) -> list[Done]:
        with self._quietly():
            self._has_table = self._has_table or inspect(self.connection).has_table(STEPS.name)
            if not self._has_table:
                return []
            columns = (STEPS.c.digest, STEPS.c.before, STEPS.c.done, STEPS.c.changed)
            rows = self.connection.execute(select(*columns).where(*self._mine).order_by(STEPS.c.step))
            return [Done(*row) for row in rows]

    @property
    def _mine(self) -> tuple[Any, ...]:
        return (STEPS.c.revision == self._revision, STEPS.c.direction == self._direction)

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """What happens meanwhile is book-keeping, and no part of the migration."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before


_CALLS = ("do_execute", "do_executemany", "do_execute_no_params")
_INVALID = """
SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid
"""


def _leave_out(cursor: Any, context: Any, noted: Done) -> None:
    """Let SQLAlchemy see a statement that has run, with the count of rows that it had."""
    context._rowcount = noted.changed
    returning = getattr(context.compiled, "effective_returning", None) if context.compiled is not None else None
    if returning:
        nothing = ", ".join(["NULL"] * len(returning))
        cursor.execute(f"SELECT {nothing} FROM (SELECT 1) AS wholestack_nothing WHERE 1 = 0")  # noqa: S608


def _changed(revision: str, step: int) -> str:
    return (
        f"The migration {revision} was interrupted, and its statement {step + 1} is not the one that was run then: the "
        "file has changed, or it makes its statements anew each time. Put the file back and run it again; or undo by "
        "hand what it has done, and run: wholestack db migrate --from-start"
    )


def interrupted(connection: Connection) -> list[tuple[str, str, int]]:
    """Migrations that began and did not end: name, direction (`up`, `down`), and how many statements are done."""
    if not inspect(connection).has_table(STEPS.name):
        return []
    found: dict[tuple[str, str], int] = {}
    for revision, direction, done in connection.execute(select(STEPS.c.revision, STEPS.c.direction, STEPS.c.done)):
        found[revision, direction] = found.get((revision, direction), 0) + bool(done)
    return [(*names, count) for names, count in found.items()]


def forget(connection: Connection) -> None:
    """Forget what interrupted migrations have done: they begin at their first statement again."""
    if inspect(connection).has_table(STEPS.name):
        connection.execute(STEPS.delete())
