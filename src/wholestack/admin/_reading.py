"""What was sent in the form of a row, read by what its sender may change: nothing else gets through."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pydantic
from sqlalchemy import UniqueConstraint, and_, or_, select
from sqlalchemy.orm import RelationshipDirection

from wholestack.db import Session
from wholestack.errors import FieldFault, ValidationFailed
from wholestack.handlers import body_faults, json_pointer
from wholestack.languages import gettext

from ._access import Access
from ._choosing import Chooser
from ._form import KEY, FormOf, InlineForm, earlier_name, remove_name, shown_name
from ._form_state import Children, nested_of
from ._kept import Files
from ._references import Reference

Place = tuple[str | int, ...]

_NEW: Any = object()
"""In the place of a parent's key, which has none yet."""


@dataclasses.dataclass
class SentRow:
    """A row as it was sent.

    Attributes:
        of: what it is the form of.
        access: what the sender may with its model.
        row: the row; None for a new one.
        place: where it stands in the form.
        raw: what was sent.
        copied: the row that a new one is a copy of; None where it is of none.
        values: what was read of it, by attribute; related rows as rows.
        inner: the rows of its inlines.
    """

    of: FormOf
    access: Access
    row: Any
    place: Place
    raw: Mapping[str, Any]
    copied: Any = None
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    inner: list[SentRows] = dataclasses.field(default_factory=list)

    def may_have(self, name: str) -> bool:
        """Whether a copy takes a file of the row that it is made of: who may not see it there has it nowhere else, and
        who may not change it sets none.
        """
        return self.copied is not None and self.access.editable([name], self.copied) == [name]


@dataclasses.dataclass
class SentRows:
    """The rows of an inline as they were sent.

    Attributes:
        inline: the inline.
        access: what the sender may with its model.
        rows: what was sent, in its order, without what was left empty.
        removed: the rows that were shown and are not sent any more.
    """

    inline: InlineForm
    access: Access
    rows: list[SentRow]
    removed: list[Any]


class Reading:
    """Reads a form, and keeps what is wrong with it.

    Arguments:
        db: the session.
        copy: whether all rows are to be new ones, with the files of those that they are copies of.
        earlier: the files that the row of the page had before, any of which it may be given again.
    """

    def __init__(self, db: Session, *, copy: bool = False, earlier: Files | None = None) -> None:
        self._db = db
        self._earlier: Files = earlier or {}
        self._copy = copy
        self._faults: list[FieldFault] = []
        self._chosen: list[tuple[SentRow, Reference]] = []

    def page(
        self, of: FormOf, access: Access, raw: Mapping[str, Any], row: Any, children: Mapping[str, Children]
    ) -> SentRow:
        """The form of a page.

        Arguments:
            of: the form.
            access: what the sender may with its model.
            raw: what was sent.
            row: the row, or that which a copy is made of; None where there is neither.
            children: the rows of its inlines.

        Raises:
            ValidationFailed: with all that is wrong.
        """
        found = self._row(of, access, raw, row, (), children)
        self._choices(texts_of(of, raw))
        for sent in rows_in(found):
            self._several(sent)
            for inner in sent.inner:
                self._taken(inner, sent.row)
        self.check()
        return found

    def fault(self, place: Place, detail: str, code: str = "form_error") -> None:
        """Say what is wrong at a place."""
        self._faults.append(FieldFault("form", json_pointer(place), code, detail))

    def check(self) -> None:
        """Refuse the form if anything was wrong.

        Raises:
            ValidationFailed: with all of it.
        """
        if self._faults:
            raise ValidationFailed(self._faults)

    # -- one row -----------------------------------------------------------------------------------------------------

    def _row(
        self,
        of: FormOf,
        access: Access,
        raw: Mapping[str, Any],
        row: Any,
        place: Place,
        children: Mapping[str, Children],
    ) -> SentRow:
        sent = SentRow(of, access, None, place, raw, row) if self._copy else SentRow(of, access, row, place, raw)
        row = sent.row
        names = editable_names(of, access, row)
        try:
            values = of.reader(names).model_validate(dict(raw))
        except pydantic.ValidationError as error:
            for each in body_faults(error, dict(raw)):
                self._faults.append(
                    dataclasses.replace(each, source="form", pointer=json_pointer(place) + each.pointer)
                )
        else:
            fields = {name: attribute for attribute, name in of.fields.items()}
            sent.values = {fields[name]: getattr(values, name) for name in values.model_fields_set}
            self._keep_microseconds(sent)
        sent.values |= {name: raw[name] for name in of.files if name in names and raw.get(name) is not None}
        for name in of.files:
            removes = name in names and name not in sent.values and raw.get(remove_name(name)) in {True, "true", "on"}
            earlier = None if place else self._earlier.get((name, str(raw.get(earlier_name(name)))))
            allowed = name in names and (not self._copy or sent.may_have(name))
            if earlier is not None and allowed and name not in sent.values:
                sent.values[name] = earlier
            elif removes and (row is not None or sent.copied is not None):
                self._remove_file(sent, name)
        self._chosen += [(sent, each) for name, each in of.references.items() if name in sent.values]
        sent.inner = [
            self._rows(each, children[each.name], raw, (*place, each.name))
            for each in of.inlines
            if access.editable([each.name], row)
        ]
        return sent

    def _keep_microseconds(self, sent: SentRow) -> None:
        """What a browser does not show of a moment is no change of it."""
        for name, value in sent.values.items():
            now = getattr(sent.row, name) if sent.row is not None and name in sent.of.resource.attributes else None
            if isinstance(now, (datetime.datetime, datetime.time)) and now.replace(microsecond=0) == value:
                sent.values[name] = now

    def _remove_file(self, sent: SentRow, name: str) -> None:
        if sent.of.resource.attributes[name].nullable:
            sent.values[name] = None
        else:
            self.fault((*sent.place, name), gettext("There must be a file. Choose another one in its place."))

    # -- rows --------------------------------------------------------------------------------------------------------

    def _rows(self, inline: InlineForm, children: Children, raw: Mapping[str, Any], place: Place) -> SentRows:
        """The rows of an inline; of one that the person does not see, none."""
        found = SentRows(inline, children.access, [], [])
        given = raw.get(inline.name, [])  # A browser sends nothing of a list without rows.
        if not children.access.may("view") or not isinstance(given, list):
            return found
        shown = {children.key(each): each for each in children.editable}
        for index, each in enumerate(given):
            if not isinstance(each, Mapping):
                continue
            key = str(each.get(KEY) or "")
            row = shown.pop(key, None)
            if row is None and ((key and not self._copy) or _is_blank(inline.form, each)):
                if key and not self._copy:
                    self.fault((*place, index), gettext("This row is not there any more, or not yours to change."))
                continue
            inner = {below.name: nested_of(below, children.access, row) for below in inline.form.inlines}
            found.rows.append(self._row(inline.form, children.access, each, row, (*place, index), inner))
            if inline.inline.order:
                found.rows[-1].values[inline.inline.order] = len(found.rows) - 1
            if found.rows[-1].row is None and not children.access.may("add"):
                self.fault((*place, index), gettext("You may not add rows here."))
        were = [] if self._copy else str(raw.get(shown_name(inline.name)) or "").split(" ")
        found.removed = [row for key, row in shown.items() if key in were]
        for row in found.removed:
            if not children.access.may_row("delete", row):
                text = gettext("You may not remove %(label)s.")
                self.fault(place, text % {"label": children.access.label(row)})
        self._check_number(found, children, place)
        return found

    def _check_number(self, found: SentRows, children: Children, place: Place) -> None:
        """Whether there are as many rows as the inline says; who has changed nothing of their number made no fault."""
        inline = found.inline.inline
        added = sum(each.row is None for each in found.rows)
        count = (0 if self._copy else children.count) + added - len(found.removed)
        if inline.maximum is not None and added and count > inline.maximum:
            self.fault(place, gettext("There may be %(count)s of these at most.") % {"count": inline.maximum})
        if count < inline.minimum and (found.removed or children.access.may("add")):
            self.fault(place, gettext("There must be %(count)s of these at least.") % {"count": inline.minimum})

    # -- what was chosen ---------------------------------------------------------------------------------------------

    def _choices(self, so_far: Mapping[str, Any]) -> None:
        """Look up what was chosen, one query for each field, and refuse what this person may not choose."""
        groups: dict[Any, list[SentRow]] = {}
        for sent, reference in self._chosen:
            groups.setdefault((sent.of, reference), []).append(sent)
        for (_, reference), rows in groups.items():
            chooser = Chooser(rows[0].access, self._db, so_far)
            wanted = [self._new_keys(sent, reference) for sent in rows]
            allowed = chooser.allowed(reference, {key for keys in wanted for key in keys})
            for sent, keys in zip(rows, wanted, strict=True):
                if not keys <= allowed.keys():
                    self.fault(
                        (*sent.place, reference.name), gettext("There is no such row, or it is not yours to see.")
                    )
                elif reference.many:
                    sent.values[reference.name] = _together(sent, reference, allowed)

    def _new_keys(self, sent: SentRow, reference: Reference) -> set[Any]:
        """The keys that a row does not have in it already."""
        value = sent.values[reference.name]
        keys = set(value) if reference.many else set() if value is None else {value}
        return keys - set(reference.keys(sent.row) if sent.row is not None else ())

    def _several(self, sent: SentRow) -> None:
        """Foreign keys of several columns lead to rows that this person sees, too."""
        for relation in sent.of.resource.relations.values():
            pairs = relation.local_remote_pairs
            if relation.direction is not RelationshipDirection.MANYTOONE or len(pairs) < 2:
                continue
            names = [sent.of.resource.mapper.get_property_by_column(local).key for local, _ in pairs]
            values = [sent.values.get(name, getattr(sent.row, name, None)) for name in names]
            if None in values or not sent.values.keys() & {*names}:
                continue
            target = relation.mapper.class_
            other = sent.access.of(target)
            same = (column == value for (_, column), value in zip(pairs, values, strict=True))
            asked = (select(target) if other is None else other.rows()).where(*same)
            if self._db.scalars(asked.limit(1)).unique().first() is None:
                place = next(name for name in names if name in sent.values)
                self.fault((*sent.place, place), gettext("There is no such row, or it is not yours to see."))

    # -- what may be there once only ---------------------------------------------------------------------------------

    def _taken(self, inner: SentRows, parent: Any) -> None:
        """What rows of an inline have that may be there once only; of the page itself the database says it."""
        for names, partial in unique_in(inner.inline):
            if partial or not any(name in inner.inline.form.names for name in names):
                continue  # Of which rows it is, or where they stand, the database alone knows.
            places: dict[tuple[Any, ...], Place] = {}
            changed = set()
            for each in inner.rows:
                values = tuple(value_in(inner.inline, parent, each, name) for name in names)
                place = (*each.place, next((name for name in names if name in each.of.names), ""))
                if None in values:
                    continue
                if values in places:
                    self.fault(place, gettext("Another row has the same."))
                places[values] = place
                if _NEW not in values and (
                    each.row is None or values != tuple(getattr(each.row, name) for name in names)
                ):
                    changed.add(values)
            for values in self._there(inner, names, changed):
                self.fault(places[values], gettext("This value is taken already."), "duplicate")

    def _there(
        self, inner: SentRows, names: Sequence[str], wanted: Collection[tuple[Any, ...]]
    ) -> list[tuple[Any, ...]]:
        """Those of some values that other rows have."""
        if not wanted:
            return []
        columns = [getattr(inner.inline.resource.model, name) for name in names]
        same = [and_(*(column == each for column, each in zip(columns, values, strict=True))) for values in wanted]
        known = [*(each.row for each in inner.rows), *inner.removed]
        rows = self._db.scalars(select(inner.inline.resource.model).where(or_(*same))).unique()
        found = [tuple(getattr(row, name) for name in names) for row in rows if row not in known]
        return [values for values in found if values in wanted]


def editable_names(of: FormOf, access: Access, row: Any) -> list[str]:
    """The attributes of a form that this person may change in a row; the key of one that is there stays."""
    names = access.editable(of.names, row)
    if row is None or of.in_rows:
        return names
    return [name for name in names if name not in of.resource.keys.names]


def rows_in(sent: SentRow) -> Iterator[SentRow]:
    """A row, and those within."""
    yield sent
    for inner in sent.inner:
        for each in inner.rows:
            yield from rows_in(each)


def texts_of(of: FormOf, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A form so far, as texts by attribute."""
    found: dict[str, Any] = {}
    for name in of.names:
        value = raw.get(name)
        if isinstance(value, list):
            found[name] = [str(each) for each in value]
        elif name not in of.files:
            found[name] = "" if value is None else str(value)
    return found


def _together(sent: SentRow, reference: Reference, allowed: Mapping[Any, Any]) -> list[Any]:
    """The rows of a relation: those that were chosen, and those that the sender does not see, which stay."""
    other = sent.access.of(reference.model)
    chosen = sent.values[reference.name]
    now = {} if sent.row is None else {getattr(each, reference.key): each for each in getattr(sent.row, reference.name)}
    unseen = [each for key, each in now.items() if key not in chosen and other and not other.may_row("view", each)]
    return [*(now.get(key) or allowed[key] for key in dict.fromkeys(chosen)), *unseen]


def _is_blank(of: FormOf, raw: Mapping[str, Any]) -> bool:
    """Whether nothing was filled in but what a new row shows already."""
    for name, field in of.values.model_fields.items():
        given = raw.get(field.alias or name)
        default: Any = None if field.is_required() else field.get_default(call_default_factory=True)
        if given not in (None, "", False, []) and str(given) != str(getattr(default, "value", default)):
            return False
    inner = [each for inline in of.inlines for each in raw.get(inline.name) or ()]
    return not any(raw.get(name) for name in of.files) and all(isinstance(each, str) for each in inner)


def unique_in(inline: InlineForm) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The attributes whose values, together, may be there once only, and whether that is so of some rows alone."""
    mapper = inline.resource.mapper
    table: Any = mapper.local_table
    sets = [(each.columns, False) for each in table.constraints if isinstance(each, UniqueConstraint)]
    sets += [(each.columns, _is_partial(each)) for each in table.indexes if each.unique]
    sets += [(table.primary_key.columns, False)] if len(table.primary_key.columns) > 1 else []
    for columns, partial in sets:
        names = tuple(mapper.get_property_by_column(each).key for each in columns)
        if any(name in inline.form.names or name == inline.inline.order for name in names):
            yield names, partial


def _is_partial(index: Any) -> bool:
    return any("where" in options for options in index.dialect_options.values())


def value_in(inline: InlineForm, parent: Any, sent: SentRow, name: str) -> Any:
    """The value that a row of an inline is to have; of a key that its parent does not have yet a mark for that."""
    if name in sent.values:
        return sent.values[name]
    own = dict(inline.link).get(name)
    if own is not None and sent.row is None:
        return _NEW if parent is None else getattr(parent, own)
    return getattr(sent.row, name, None)
