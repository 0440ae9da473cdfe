"""Changes of models outside of the admin, by whatever session makes them: an API, a task, a command."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import MetaData, event, select
from sqlalchemy import inspect as look_at

from wholestack import App
from wholestack.auth import identity_of
from wholestack.db import Session
from wholestack.handlers import current_request

from ._history import Author, Change, History, differences, plain
from ._record import fields_of, record, related, snapshot
from ._resource import Resource

_KEY = "wholestack.admin.tracked"
_BEFORE = "wholestack_admin_before"
_INSIDE = "wholestack_admin_inside"


class Tracker:
    """Has each change of some models written to a history, whoever makes it; one that the admin makes it writes itself.

    Arguments:
        metadata: that of the models.
        history: where it is written.
        resources: the models; their subclasses are tracked with them.
    """

    def __init__(self, metadata: MetaData, history: History, resources: Mapping[type[Any], Resource]) -> None:
        self._known: dict[type[Any], tuple[History, Resource]] = metadata.info.setdefault(_KEY, {})
        self._mine = {model: (history, resource) for model, resource in resources.items()}

    def setup(self, app: App) -> None:
        """Begin when the app is sealed, also for commands, which do not start it; another app in this process that has
        the same models need not be tracked as this one is.
        """
        self._known.update(self._mine)

        @app.lifespan
        @contextlib.asynccontextmanager
        async def track_until_the_stop() -> AsyncIterator[None]:
            self._known.update(self._mine)
            try:
                yield
            finally:
                for model, mine in self._mine.items():
                    if self._known.get(model) is mine:
                        del self._known[model]


def write_by_itself(db: Session) -> None:
    """From here on who works with this session writes the history by themselves: a page of the admin."""
    db.info[_INSIDE] = True


def _tracked(db: Session, row: Any) -> tuple[History, Resource] | None:
    known = getattr(type(row), "metadata", None)
    if known is None or db.info.get(_INSIDE):
        return None
    tracked = known.info.get(_KEY)
    if not tracked:
        return None
    found: tuple[History, Resource] | None = next(
        (tracked[each] for each in type(row).__mro__ if each in tracked), None
    )
    return None if found is None else (found[0], found[1].own(row))


@event.listens_for(Session, "before_flush")
def _before(db: Session, _context: Any, _rows: Any) -> None:
    """Take down what changed rows hold before: afterwards the database has forgotten it."""
    held = []
    for row in db.dirty:
        found = _tracked(db, row)
        if found is not None and db.is_modified(row):
            held.append((row, _held(db, found[1], row)))
    db.info[_BEFORE] = held


def _held(db: Session, resource: Resource, row: Any) -> dict[str, Any]:
    """The old values of the fields that are changed."""
    state: Any = look_at(row)
    found, unread = {}, []
    for name in fields_of(resource):
        attribute = state.attrs[name]
        history = attribute.load_history() if name in resource.relations else attribute.history
        if not history.has_changes():
            continue
        if name in resource.relations:
            old = [*history.unchanged, *history.deleted]
            found[name] = related(old)
        elif history.deleted:
            found[name] = history.deleted[0]
        else:
            unread.append(name)  # Set without having been read.
    if unread:
        columns = [getattr(resource.model, name) for name in unread]
        same = [column == value for column, value in zip(state.mapper.primary_key, state.identity, strict=True)]
        with db.no_autoflush:
            row_before = db.execute(select(*columns).where(*same)).first()
        if row_before is not None:
            found |= dict(zip(unread, row_before, strict=True))
    return found


@event.listens_for(Session, "after_flush")
def _after(db: Session, _context: Any) -> None:
    """Write what was done, in the transaction that did it."""
    held = db.info.pop(_BEFORE, ())
    done: dict[History, list[Change]] = {}
    with db.no_autoflush:
        for history, change in _done(db, held):
            done.setdefault(history, []).append(change)
        for history, changes in done.items():
            request = current_request.get()
            author = Author.of(request, None if request is None else identity_of(request))
            history.write(db, author, changes)


def _done(db: Session, held: Sequence[tuple[Any, Mapping[str, Any]]]) -> Iterator[tuple[History, Change]]:
    for row in db.new:
        if (found := _tracked(db, row)) is not None:
            values = differences({}, snapshot(found[1], row))
            yield found[0], record(db, found[1], "add", row, values)
    for row, before in held:
        if (found := _tracked(db, row)) is not None and row not in db.deleted:
            now = snapshot(found[1], row, before)
            values = differences({name: plain(value) for name, value in before.items()}, now)
            if values:
                yield found[0], record(db, found[1], "change", row, values)
    for row in db.deleted:
        if (found := _tracked(db, row)) is not None:
            there = {name: [value, None] for name, value in snapshot(found[1], row, _loaded(found[1], row)).items()}
            yield found[0], record(db, found[1], "delete", row, there)


def _loaded(resource: Resource, row: Any) -> list[str]:
    """The fields of a row that can still be read: it is gone."""
    return [name for name in fields_of(resource) if name in vars(row)]
