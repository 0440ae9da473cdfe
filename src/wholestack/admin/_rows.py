"""The page of one row, as its template shows it: a new one, one that is changed or only shown."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from sqlalchemy.orm import object_session

from wholestack.db import Session
from wholestack.forms import Field, FormView

from ._access import Access
from ._cells import cell, members, text_of
from ._choosing import Chooser, offer
from ._form import KEY, SEEN, FormOf, InlineForm, earlier_name, find_name, remove_name, shown_name
from ._form_state import (
    Children,
    Difference,
    children_of,
    differences_in,
    differences_to,
    filling,
    nested_of,
    same_version,
    state_of,
    taken_from,
)
from ._kept import Files
from ._reading import editable_names
from ._references import Reference, references_of
from ._resource import Resource
from ._saving import THUMBNAIL

if TYPE_CHECKING:
    from wholestack.files import FileStore, StoredFile

Texts = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Shown:
    """One field of a page.

    Attributes:
        name: the attribute.
        label: what it is called.
        field: what is typed into; None where it is only shown.
        value: what it holds where it is only shown, and the file that it holds.
        find: what its choices are searched by, where they are too many for a list.
        again: whether its choices depend on other fields, and are shown anew by a button.
        remove: the box that removes its file.
        earlier: the box that gives it a file again that it had before, and what that is called.
        opens: the row that it refers to, where the person may see it: the address and what it is called.
        adds: where another row may be added that it could refer to: the address and what one is called.
    """

    name: str
    label: str
    field: Field | None
    value: Any = None
    find: Field | None = None
    again: bool = False
    remove: Field | None = None
    earlier: tuple[Field, str] | None = None
    opens: tuple[Sequence[str], str] | None = None
    adds: tuple[Sequence[str], str] | None = None


class Places:
    """What a person may do in the form of a row, or of one in an inline, and how its fields are shown.

    Arguments:
        of: the form.
        access: what the person may with its model.
        searched: the fields whose choices are searched.
        files: gives addresses of stored files.
        earlier: files that the row had before.
    """

    def __init__(
        self, of: FormOf, access: Access, searched: set[str], files: FileStore | None, earlier: Files | None = None
    ) -> None:
        self._earlier: Files = earlier or {}
        self._of = of
        self._access = access
        self._searched = searched
        self._files = files

    def fields(self, names: Sequence[str], place: Any, row: Any, *, editable: bool = True) -> list[Shown]:
        """Fields by their names.

        Arguments:
            names: those of the page that the person may see; others are left out.
            place: where they are typed: the form, or a row in it.
            row: the row; None for a new one.
            editable: whether any can be typed into.
        """
        may = {*editable_names(self._of, self._access, row)} if editable else set()
        return [self._one(name, place, row, name in may) for name in self._access.visible(names, row)]

    def _one(self, name: str, place: Any, row: Any, editable: bool) -> Shown:
        resource = self._of.resource
        computed = resource.view.computed(name)
        reference = self._of.references.get(name)
        relation = (reference.relation if reference is not None else resource.foreign_keys.get(name)) or name
        label = computed.title if computed is not None else resource.label(name, relation)
        stored = getattr(row, name) if row is not None and name in resource.files else None
        if editable:
            find = place[find_name(name)] if name in self._searched else None
            removes = stored is not None and resource.attributes[name].nullable
            remove = place[remove_name(name)] if removes else None
            link = None if stored is None else self._link(stored)
            earlier = self._earlier_box(name, place)
            ways = self._opens(reference, row), self._adds(reference)
            return Shown(name, label, place[name], link, find, name in resource.view.depends, remove, earlier, *ways)
        held = self._link(stored) if stored is not None else self._held(name, relation, row)
        return Shown(
            name,
            label,
            None,
            cell(held, is_key=name in resource.called_by),
            opens=self._opens(reference or self._refers(name), row),
        )

    def _refers(self, name: str) -> Reference | None:
        return references_of(self._of.resource).get(name)

    def _opens(self, reference: Reference | None, row: Any) -> tuple[Sequence[str], str] | None:
        """Where the row is that a field refers to. Nothing is read for it: the form has read it for its name."""
        db: Any = object_session(row) if row is not None else None
        other = self._other(reference)
        if db is None or other is None or reference is None or reference.many or not other.resource.slug:
            return None
        found = reference.loaded(db, getattr(row, reference.name))
        if found is None or not other.may_row("view", found):
            return None
        return (other.resource.slug, other.resource.keys.text(found)), other.resource.view.label(found)

    def _adds(self, reference: Reference | None) -> tuple[Sequence[str], str] | None:
        """Where a row is added that a field could refer to; of rows in rows each would have it, and so none has."""
        other = self._other(reference)
        if other is None or self._of.in_rows or not other.may("add") or other.resource.above is not None:
            return None
        return (other.resource.slug, "new"), other.resource.singular

    def _other(self, reference: Reference | None) -> Access | None:
        """What the person may with the rows that a field refers to; None where the admin does not show them."""
        return None if reference is None else self._access.of(reference.model)

    def _earlier_box(self, name: str, place: Any) -> tuple[Field, str] | None:
        if not self._earlier or name not in self._of.files:
            return None
        box = place[earlier_name(name)]
        file = self._earlier.get((name, box.value))
        return None if file is None else (box, file.filename or file.name)

    def _held(self, name: str, relation: str, row: Any) -> Any:
        """What a field that is only shown holds."""
        resource = self._of.resource
        if row is None:
            return None
        if resource.view.computed(name) is not None:
            return getattr(resource.view, name)(row)
        found = getattr(row, relation)
        return self._labels(found) if relation in resource.relations and found is not None else found

    def _labels(self, held: Any) -> str:
        """Related rows by what they are called, as far as this person may know it."""
        several = members(held)
        rows = [held] if several is None else several
        return text_of([self._access.label(each) for each in rows])

    def _link(self, stored: StoredFile) -> Any:
        """A file, by a link that saves it, and a picture by a small one: nothing of it runs."""
        if self._files is None:
            return stored.filename
        url = self._files.url(stored, download=self._files.signs)
        inner = Markup("<bdi>{}</bdi>").format(stored.filename or stored.name)
        if THUMBNAIL in stored.variants:
            source = self._files.url(stored, variant=THUMBNAIL)
            inner = Markup('<img class="admin-thumbnail" src="{}" alt="{}">').format(source, stored.filename)
        return Markup('<a href="{}">{}</a>').format(url, inner)


@dataclasses.dataclass(frozen=True)
class InlinePage:
    """The rows of an inline on a page.

    Attributes:
        inline: the inline.
        children: its rows that the person sees.
        field: the field of the form that holds them.
        places: how their fields are shown.
        editable: whether the page is for changing.
        inner: the pages' inlines of a row in it.
        shown: the hidden field that keeps which rows were shown.
    """

    inline: InlineForm
    children: Children
    field: Field
    places: Places
    editable: bool
    inner: Any
    shown: Field

    @property
    def may_add(self) -> bool:
        """Whether the person may add rows, and there is room for one."""
        return self.editable and self.children.access.may("add") and self.children.room(len(self.field.rows)) > 0

    @property
    def rows(self) -> Iterator[tuple[Field, Any, list[Shown], list[InlinePage], bool]]:
        """Its rows that can be changed: the field, the row or None, its fields, its own inlines, and whether it may be
        removed.
        """
        there = {self.children.key(each): each for each in self.children.editable}
        access = self.children.access
        for place in self.field.rows if self.editable else ():
            row = there.get(place[KEY].value)
            fields = self.places.fields(self.inline.shown, place, row)
            yield (
                place,
                row,
                fields,
                self.inner(self.inline, access, place, row),
                row is None or access.may_row("delete", row),
            )

    @property
    def others(self) -> list[tuple[str, list[Shown]]]:
        """Its rows that are only shown: what each is called, and its fields."""
        rows = self.children.others if self.editable else [*self.children.editable, *self.children.others]
        return [
            (self.children.access.label(row), self.places.fields(self.inline.shown, None, row, editable=False))
            for row in rows
        ]


class RowPage:
    """What the template of one row shows.

    Arguments:
        access: what the person may.
        form: the form.
        row: the row; None for a new one.
        editable: whether the form can be sent.

    Attributes:
        gone: whether the row has gone while its form was open.
        files: gives addresses of stored files.
        earlier: files that the row had before, which it may be given again.
        version: the moment, in a cell, of the version that is had back; empty for the row as it is.
        lost: what files of that version were called, which are not there any more.
        searched: by form, the fields whose choices are searched.
    """

    def __init__(self, access: Access, form: FormView[Any], row: Any, *, editable: bool) -> None:
        self.access = access
        self.resource: Resource = access.resource
        self.form = form
        self.row = row
        self.editable = editable
        self.gone: bool = False
        self.differences: list[Difference] = []
        self.moved_on: bool = False
        self.files: FileStore | None = None
        self.earlier: Files = {}
        self.version: str = ""
        self.lost: Sequence[str] = ()
        self._of: FormOf = self.resource.page_form
        self._known: dict[Any, Any] = {}
        self._searched: dict[FormOf, set[str]] = {}
        self._children: dict[str, Children] = {}

    # -- before it is shown ------------------------------------------------------------------------------------------

    def open(self, db: Session, values: Any = None) -> RowPage:
        """Fill the form, look for what may be chosen, and whether somebody else has changed the row. Gives the page.

        Arguments:
            db: the session.
            values: an object or a mapping whose values are shown in the place of the row's.
        """
        self._children = {each.name: children_of(db, each, self.access, self.row) for each in self._of.inlines}
        if not self.editable:
            return self
        given = values if isinstance(values, Mapping) else {} if values is None else vars(values)
        held = _Held(self.row, given)
        shown = filling(self._of, held, self._children) if self.row is not None else {**blank(self._of), **given}
        for name, children in self._children.items():
            rows = [dict(blank(children.inline.form)) for _ in range(children.blanks)]
            shown[name] = [*shown.get(name, ()), *rows]
        for name in self._of.files:
            if given.get(name) is not None and given[name] != getattr(self.row, name):
                shown[earlier_name(name)] = given[name].name
        self.form.fill(shown)
        if self.row is not None and self.form.typed:
            self.compare(self._children)
        self._offer(db)
        return self

    def compare(self, children: Mapping[str, Children]) -> None:
        """Look for what somebody else has changed since the form was shown."""
        names = editable_names(self._of, self.access, self.row)
        self.differences = differences_to(self.form, self._of, self.row, names)
        for each in children.values():
            if each.editable and self.access.editable([each.inline.name], self.row):
                self.differences += differences_in(self.form, self.form, each, editable_names)
        self.moved_on = not self.differences and not same_version(self.form, self.access, self.row)

    def _offer(self, db: Session) -> None:
        so_far = {name: self.so_far(name) for name in self._of.names if name not in self._of.files}
        chooser = Chooser(self.access, db, so_far, self._known)
        self._searched[self._of] = offer(self.form, self._of, chooser, [self.form], "", self.row)
        for name, children in self._children.items():
            if children.access.may("view"):
                self._offer_rows(db, children, [*self.form[name].rows], f"{name}.", so_far)

    def _offer_rows(self, db: Session, children: Children, places: list[Field], path: str, so_far: Texts) -> None:
        of, rows = children.inline.form, children.editable
        chooser = Chooser(children.access, db, so_far, self._known)
        self._searched[of] = offer(self.form, of, chooser, places, path, rows)
        for each in of.inlines:
            inner = [nested_of(each, children.access, row) for row in rows]
            together = Children(each, Access(each.resource, self.access.identity), [])
            together.editable = [row for found in inner for row in found.editable]
            below = [row for place in places for row in place[each.name].rows]
            self._offer_rows(db, together, below, f"{path}{each.name}.", so_far)

    def so_far(self, name: str) -> Any:
        """What a field holds now, as text."""
        field = self.form[name]
        return field.values if name in self._of.references and self._of.references[name].many else field.value

    # -- for the template --------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """What the row is called."""
        return self.resource.view.label(self.row)

    @property
    def key(self) -> str:
        """The row's key in a path."""
        return self.resource.keys.text(self.row)

    @property
    def seen(self) -> str:
        """What the form was first shown with, by which it is told whether somebody has changed it."""
        if self.row is None or not self.editable:
            return ""
        return self.form[SEEN].value if self.form.typed else state_of(self._of, self.access, self.row)

    @property
    def told(self) -> str:
        """What the person has been told of: the state of the row and of its inlines as they are now."""
        changed = self.differences or self.moved_on
        return told_of(self._of, self.access, self.row, self._children) if changed else ""

    @property
    def theirs(self) -> set[str]:
        """The fields for which theirs is taken, unless the person says otherwise."""
        return taken_from(self.form, self.differences)

    @property
    def field_sets(self) -> list[tuple[str, list[Shown]]]:
        """Headings, each with its fields."""
        places = Places(self._of, self.access, self._searched.get(self._of, set()), self.files, self.earlier)
        sets = self.resource.field_sets.items()
        found = [(title, places.fields(names, self.form, self.row, editable=self.editable)) for title, names in sets]
        return [(title, fields) for title, fields in found if fields]

    @property
    def inlines(self) -> list[InlinePage]:
        """The inlines whose rows the person may see."""
        return self._visible(self._children.values(), self.access, self.form, self.row)

    def _visible(self, found: Iterable[Children], access: Access, place: Any, row: Any) -> list[InlinePage]:
        """Those inlines of a row that the person may see, and whether they may change anything there."""
        shown = [each for each in found if each.access.may("view") and access.visible([each.inline.name], row)]
        return [self._inline(each, place, may=bool(access.editable([each.inline.name], row))) for each in shown]

    def _inline(self, children: Children, place: Any, *, may: bool) -> InlinePage:
        of, name = children.inline.form, children.inline.name
        places = Places(of, children.access, self._searched.get(of, set()), self.files)
        may, shown = may and self.editable, place[shown_name(name)]
        return InlinePage(children.inline, children, place[name], places, may, self._nested, shown)

    def _nested(self, inline: InlineForm, access: Access, place: Any, row: Any) -> list[InlinePage]:
        return self._visible((nested_of(each, access, row) for each in inline.form.inlines), access, place, row)

    @property
    def has_blank_rows(self) -> bool:
        """Whether there are rows that may stay empty, which a browser must not insist on."""
        return any(each.inline.extra or each.inline.minimum for each in self._of.inlines)


class _Held:
    """A row, with some values in the place of its own."""

    def __init__(self, row: Any, values: Mapping[str, Any]) -> None:
        self._row = row
        self._values = values

    def __getattr__(self, name: str) -> Any:
        return self._values[name] if name in self._values else getattr(self._row, name)


def blank(of: FormOf) -> dict[str, Any]:
    """What the form of a new row shows: the defaults of its columns."""
    found = {}
    for name, field in of.values.model_fields.items():
        if not field.is_required():
            found[of.values.model_fields[name].alias or name] = field.get_default(call_default_factory=True)
    return found


def told_of(of: FormOf, access: Access, row: Any, children: Mapping[str, Children]) -> str:
    """The state of a row and of those in its inlines, as far as the person sees them, in short."""
    states = [state_of(of, access, row), *_states(access, row, children)]
    return hashlib.sha256("\n".join(states).encode()).hexdigest()[:24]


def _states(access: Access, row: Any, children: Mapping[str, Children]) -> Iterator[str]:
    for each in (children[name] for name in access.visible(children, row)):
        form = each.inline.form
        for child in each.editable:
            yield f"{each.key(child)} {state_of(form, each.access, child)}"
            yield from _states(
                each.access, child, {below.name: nested_of(below, each.access, child) for below in form.inlines}
            )
