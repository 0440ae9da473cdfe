"""What was done to the rows of a form's inlines, for the history of the row that they belong to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, select, tuple_

from wholestack.db import Session

from ._access import Access
from ._changes import FieldLine, Reader, readable, row_gone, shows
from ._form import InlineForm
from ._history import History, plain

_MOST = 200
"""Changes of the rows of one inline that a page shows."""
_KEYS = 1_000
"""Rows of one inline whose changes are looked for."""
Owner = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class InnerChange:
    """What was done to a row of an inline.

    Attributes:
        inline: the inline.
        change: the change.
        fields: those of it that the person may see.
    """

    inline: InlineForm
    change: Row[Any]
    fields: Sequence[FieldLine]


@dataclasses.dataclass(frozen=True)
class Entry:
    """What was done at once: to a row, to rows in its form, or to both.

    Attributes:
        shown: the change by which it is told who did it, and when.
        change: that of the row itself; None where only others were changed.
        fields: the fields of that, which the person may see.
        inner: the changes of the others.
    """

    shown: Row[Any]
    change: Row[Any] | None
    fields: Sequence[FieldLine]
    inner: Sequence[InnerChange]


def entries_of(own: Sequence[tuple[Row[Any], Sequence[FieldLine]]], inner: Iterable[InnerChange]) -> list[Entry]:
    """Changes of a row, and of those in its form, as they were done: the latest first."""
    beside: dict[str, list[InnerChange]] = {}
    for each in inner:
        beside.setdefault(each.change.batch, []).append(each)
    found = []
    for change, fields in own:
        theirs = beside.pop(change.batch, [])
        named = {each.inline.name for each in theirs}  # Of these more is told than their keys.
        found.append(Entry(change, change, [each for each in fields if each.name not in named], theirs))
    found += [Entry(each[0].change, None, (), each) for each in beside.values()]
    return sorted(found, key=lambda entry: entry.shown.id, reverse=True)


class InlineHistory:
    """Finds what was done to rows while they belonged to another.

    It knows those that belong to it now, and those that were written together with it: a row that came and went by its
    own pages has its history there.

    Arguments:
        db: the session.
        history: where it is found.
        tenant: the key of the tenant whom the request is for.
        after: the number of a change: what was before it is of another row that had the same key.
    """

    def __init__(self, db: Session, history: History, tenant: Any, after: int) -> None:
        self._db = db
        self._history = history
        self._tenant = tenant
        self._after = after

    def of(self, access: Access, row: Any, gone: Row[Any] | None, own: Sequence[Row[Any]]) -> Iterator[InnerChange]:
        """The changes of rows in the form of a row, as far as the person may see them.

        Arguments:
            access: what they may with the row's model.
            row: the row; None where it is deleted.
            gone: the change that deleted it.
            own: its own changes.
        """
        seen = row if gone is None else row_gone(self._db, access, gone)
        for inline in access.resource.page_form.inlines:
            if shows(access, inline.name, seen):
                then = {} if gone is None else {name: pair[0] for name, pair in gone.values.items() if len(pair) == 2}
                owner = tuple(
                    plain(getattr(row, name) if row is not None else then.get(name)) for _, name in inline.link
                )
                yield from self._below(inline, access, {owner}, own)

    def _below(
        self, inline: InlineForm, above: Access, owners: set[Owner], beside: Sequence[Row[Any]]
    ) -> Iterator[InnerChange]:
        access = Access(inline.resource, above.identity, tenant=self._tenant)
        if not access.may("view"):
            return
        now = self._now(inline, owners)
        changes = self._theirs(inline, owners, now, self._keys(inline, beside) | now.keys())
        reader = Reader(self._db, access)
        linked = {name for name, _ in inline.link}
        accesses = dict.fromkeys(inline.resource.line, access)
        for each, row in readable(self._db, self._history, accesses, changes, self._tenant):
            told = [line for line in reader.lines(each, row) if each.action == "change" or line.name not in linked]
            yield InnerChange(inline, each, told)
        names = inline.resource.keys.names
        for inner in inline.form.inlines:
            if [name for _, name in inner.link] != [*names] or not access.visible([inner.name]):
                continue
            keys = {each.key for each in changes} | now.keys()
            values = [found for key in keys if (found := inline.resource.keys.values(key)) is not None]
            yield from self._below(inner, access, {tuple(map(plain, each)) for each in values}, changes)

    def _now(self, inline: InlineForm, owners: set[Owner]) -> dict[str, Owner]:
        """The rows that belong to these now: by key to whom."""
        model = inline.resource.model
        links = [getattr(model, name) for name, _ in inline.link]
        readers = [inline.resource.attributes[name].reader for name, _ in inline.link]
        values = [tuple(map(_read, readers, each)) for each in owners if None not in each]
        if not values:
            return {}
        keys = [getattr(model, name) for name in inline.resource.keys.names]
        same = links[0].in_([first for (first,) in values]) if len(links) == 1 else tuple_(*links).in_(values)
        asked = select(*keys, *links).where(same).order_by(*(each.desc() for each in keys)).limit(_KEYS)
        rows = self._db.execute(asked).all()
        return {inline.resource.keys.text_of(each[: len(keys)]): tuple(map(plain, each[len(keys) :])) for each in rows}

    def _keys(self, inline: InlineForm, beside: Sequence[Row[Any]]) -> set[str]:
        """The keys of rows that were written together with what they belong to."""
        column = self._history.rows.c
        batches = list(dict.fromkeys(each.batch for each in beside))[:_KEYS]
        asked = select(column.key).where(column.batch.in_(batches), column.model.in_(inline.resource.line))
        return {*self._db.scalars(asked.order_by(column.id.desc()).limit(_KEYS))} if batches else set()

    def _theirs(
        self, inline: InlineForm, owners: set[Owner], now: dict[str, Owner], keys: Iterable[str]
    ) -> list[Row[Any]]:
        """Those changes of some rows that were made while each belonged to one of these: the latest first."""
        column, names = self._history.rows.c, [name for name, _ in inline.link]
        of_these = [column.model.in_(inline.resource.line), column.key.in_([*keys]), column.id > self._after]
        if self._after:  # What went with the row that had the key before was written after it.
            ended = select(column.batch).where(column.id == self._after)
            of_these.append(column.batch != ended.scalar_subquery())
        asked = select(self._history.rows).where(*of_these).order_by(column.id.desc()).limit(_MOST)
        found, held = [], dict(now)
        for each in self._db.execute(asked):
            # Backwards: whom it belonged to before a change is told by the change, or it is whom it belonged to after.
            after = held.get(each.key, (None,) * len(names))
            pairs: list[Sequence[Any]] = [each.values.get(name) or () for name in names]
            after = tuple(pair[1] if len(pair) == 2 else was for pair, was in zip(pairs, after, strict=True))
            before = tuple(pair[0] if len(pair) == 2 else was for pair, was in zip(pairs, after, strict=True))
            held[each.key] = before
            if before in owners or after in owners:
                found.append(each)
        return found


def _read(reader: Any, value: Any) -> Any:
    return reader.validate_python(value) if not isinstance(value, str) else reader.validate_strings(value)
