"""What a form shows of a row, and what somebody else has changed in it meanwhile."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import object_session, selectinload

from wholestack.db import Session, func, select
from wholestack.forms import Field, FormView
from wholestack.languages import gettext

from ._access import Access
from ._cells import text_of
from ._form import (
    KEY,
    MOST_ROWS,
    SEEN,
    THEIRS,
    TOLD,
    FormOf,
    InlineForm,
    earlier_name,
    json_text,
    remove_name,
    shown_name,
)
from ._soft import is_deleted

Names = Callable[[FormOf, Access, Any], Iterable[str]]
_DIGITS = 10
_VERSION = "@"


class Children:
    """The rows of one inline that a person sees.

    Arguments:
        inline: the inline.
        access: what the person may with its model.
        rows: the rows, in their order.
        count: how many there are, where there are more, which are left as they are.
    """

    def __init__(self, inline: InlineForm, access: Access, rows: Sequence[Any], *, count: int | None = None) -> None:
        self.inline = inline
        self.access = access
        self.count: int = len(rows) if count is None else count
        self.more: bool = self.count > len(rows)
        self.editable = [each for each in rows if access.may_row("change", each)]
        self.others = [each for each in rows if each not in self.editable]

    def key(self, row: Any) -> str:
        """The key of a row, as text."""
        return self.inline.resource.keys.text(row)

    def room(self, in_form: int) -> int:
        """How many rows may still be added to a form that has so many; less than 0 where there are too many."""
        most = MOST_ROWS if self.inline.inline.maximum is None else self.inline.inline.maximum
        return most - in_form - (self.count - len(self.editable))

    @property
    def blanks(self) -> int:
        """How many empty rows the form shows."""
        if not self.access.may("add"):
            return 0
        inline = self.inline.inline
        return max(0, min(max(inline.extra, inline.minimum - self.count), self.room(len(self.editable))))


def access_to(inline: InlineForm, access: Access) -> Access:
    """What the person may with the rows of an inline."""
    return Access(inline.resource, access.identity)


def children_of(db: Session, inline: InlineForm, access: Access, parent: Any) -> Children:
    """The rows of an inline that a person sees, with those that belong to each of them."""
    mine = access_to(inline, access)
    if parent is None or not mine.may("view"):
        return Children(inline, mine, [])
    most = inline.inline.most
    statement = mine.rows().where(*_of(inline, parent)).order_by(*inline.order).limit(most + 1)
    nested = [getattr(inline.resource.model, each.name) for each in inline.form.inlines if each.is_whole]
    many = [getattr(inline.resource.model, each.name) for each in inline.form.references.values() if each.many]
    rows = db.scalars(statement.options(*(selectinload(each) for each in (*nested, *many)))).unique().all()
    count = len(rows)
    if count > most and (inline.inline.minimum or inline.inline.maximum is not None):
        count = db.scalar(select(func.count()).select_from(statement.order_by(None).limit(None).subquery())) or count
    return Children(inline, mine, rows[:most], count=count)


def nested_of(inline: InlineForm, access: Access, parent: Any) -> Children:
    """The same of rows within rows, which have been read with them."""
    db: Any = object_session(parent) if parent is not None and not inline.is_whole else None
    if db is not None:
        return children_of(db, inline, access, parent)
    mine = access_to(inline, access)
    there = [] if parent is None else getattr(parent, inline.name)
    rows = [each for each in there if mine.may_row("view", each) and not is_deleted(inline.resource, each)]
    if inline.inline.order:
        rows.sort(key=lambda each: getattr(each, inline.inline.order) or 0)
    return Children(inline, mine, rows[: inline.inline.most], count=len(rows))


def _of(inline: InlineForm, parent: Any) -> Iterator[Any]:
    for name, own in inline.link:
        yield getattr(inline.resource.model, name) == getattr(parent, own)


# -- what a form holds -----------------------------------------------------------------------------------------------


def filling(of: FormOf, row: Any, inner: Mapping[str, Children] | None = None) -> dict[str, Any]:
    """What a form is filled with for a row, by the names of its fields."""
    found = {name: _value(of, name, row) for name in of.names if name not in of.files}
    for inline in of.inlines:
        rows = inner[inline.name] if inner is not None else None
        if rows is not None:
            found[inline.name] = [filled_row(rows, each) for each in rows.editable]
            found[shown_name(inline.name)] = " ".join(rows.key(each) for each in rows.editable)
    return found


def filled_row(children: Children, row: Any) -> dict[str, Any]:
    """What the form of a row in an inline is filled with."""
    form = children.inline.form
    inner = {each.name: nested_of(each, children.access, row) for each in form.inlines}
    return {**filling(form, row, inner), KEY: children.key(row), SEEN: state_of(form, children.access, row)}


def _value(of: FormOf, name: str, row: Any) -> Any:
    reference = of.references.get(name)
    if reference is not None and reference.many:
        return reference.keys(row)
    value = getattr(row, name)
    return json_text(value) if of.resource.attributes[name].family == "json" and value is not None else value


# -- what has changed ------------------------------------------------------------------------------------------------


def state_of(of: FormOf, access: Access, row: Any) -> str:
    """What a form shows of a row, as digests of its fields: others where somebody has changed them.

    It has none of a field that the person may not see: a number or a date is soon found by its digest.
    """
    shown = FormView(of.taken).fill(filling(of, row))
    names = access.visible(of.names, row)
    parts = [f"{name}:{digest_of(shown[name])}" for name in names if name not in of.files]
    parts += [f"{name}:{_file_digest(getattr(row, name))}" for name in names if name in of.files]
    version = version_of(access, row)
    return " ".join([*parts, f"{_VERSION}:{_digest([version])}"] if version is not None else parts)


def version_of(access: Access, row: Any) -> str | None:
    """The version of a row, where its model counts them and the person may see it."""
    mapper = access.resource.mapper
    column = mapper.version_id_col
    name = None if column is None else mapper.get_property_by_column(column).key
    return None if name is None or not access.visible([name], row) else str(getattr(row, name))


def digest_of(field: Field) -> str:
    """A digest of what a field holds, typed or filled in."""
    return _digest(texts_in(field))


def texts_in(field: Field) -> list[str]:
    """What a field holds, so that typed and filled in are alike: a box without its tick is not sent, and lines end as
    they do in Python.
    """
    if field.widget in {"rows", "fieldset"}:
        found = [text for row in field for text in (row.values or [row.value])]
    else:
        found = field.values
    return sorted(text.replace("\r\n", "\n") for text in found if text not in {"", "false"})


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


@dataclasses.dataclass(frozen=True)
class Difference:
    """A field that somebody else has changed since the form was shown, and that holds something else here.

    Attributes:
        path: its name in the form.
        label: what it is called.
        theirs: what the row has now.
        yours: what was typed.
        keep: whether theirs is taken, where the person says nothing else: they have not touched it.
        file: whether it is a file, of which a form that comes back has no more than the name.
    """

    path: str
    label: str
    theirs: str
    yours: str
    keep: bool
    file: bool = False


def differences_to(form: FormView[Any], of: FormOf, row: Any, names: Iterable[str]) -> list[Difference]:
    """What somebody else has changed in the fields of a page meanwhile."""
    return list(_in_place(form, form, of, row, names, "", ""))


def differences_in(
    form: FormView[Any], place: Any, children: Children, names: Names, before: str = ""
) -> Iterator[Difference]:
    """The same in the rows of an inline, and in the rows of those.

    Arguments:
        form: the form.
        place: where the inline is: the form, or a row in it.
        children: the rows that there are.
        names: the fields of a row that the person may change.
        before: the words before those of a row.
    """
    of, access = children.inline.form, children.access
    there = {children.key(each): each for each in children.editable}
    for index, each in enumerate(place[children.inline.name].rows):
        row = there.get(each[KEY].value)
        if row is not None:
            words = f"{before}{children.inline.title} {index + 1}, "
            yield from _in_place(form, each, of, row, names(of, access, row), f"{each.name}.", words)
            for inner in of.inlines:
                if access.editable([inner.name], row):
                    yield from differences_in(form, each, nested_of(inner, access, row), names, words)


def _in_place(
    form: FormView[Any], place: Any, of: FormOf, row: Any, names: Iterable[str], path: str, before: str
) -> Iterator[Difference]:
    seen = dict(part.split(":", 1) for part in place[SEEN].value.split(" ") if ":" in part)
    now = FormView(of.taken).fill(filling(of, row))
    for name in names:
        if name in of.files and name in seen:
            yield from _of_file(place, of, row, name, seen[name], path, before)
        if name not in seen or name in of.files:
            continue
        theirs, yours = now[name], place[name]
        if digest_of(theirs) != seen[name] and texts_in(theirs) != texts_in(yours):
            relation = of.references[name].relation if name in of.references else ""
            label = before + of.resource.label(name, relation or "")
            keep = digest_of(yours) == seen[name]
            yield Difference(f"{path}{name}", label, _words(place[name], theirs), _words(place[name], yours), keep)


def _of_file(place: Any, of: FormOf, row: Any, name: str, seen: str, path: str, before: str) -> Iterator[Difference]:
    """A file that somebody else has put there, or removed, where this person does as well; else theirs stays."""
    theirs = getattr(row, name)
    earlier = not of.in_rows and place[earlier_name(name)].value
    yours = place[name].filename or (gettext("The earlier file") if earlier else "")
    removes = place[remove_name(name)].value == "true" and theirs is not None
    if _file_digest(theirs) != seen and (yours or removes):
        words = "" if theirs is None else theirs.filename or theirs.name
        yield Difference(f"{path}{name}", before + of.resource.label(name), words, yours, keep=False, file=True)


def _file_digest(stored: Any) -> str:
    return _digest([str(stored)])


def _words(offered: Field, field: Field) -> str:
    """What a field holds, in words: those of its choices where it has some."""
    if field.widget == "datetime-local":
        return field.value
    words = dict(offered.choices)
    return text_of([words.get(text, text) for text in texts_in(field)])


def same_version(form: FormView[Any], access: Access, row: Any) -> bool:
    """Whether a row has the version that the form was shown with."""
    version = version_of(access, row)
    sent = dict(part.split(":", 1) for part in form[SEEN].value.split(" ") if ":" in part).get(_VERSION)
    return version is None or sent is None or sent == _digest([version])


def taken_from(form: FormView[Any], differences: Sequence[Difference]) -> set[str]:
    """The paths of the differences in which theirs is to be taken: as was said, or as it is first proposed."""
    if form[TOLD].value:
        return {*form[THEIRS].values}
    return {each.path for each in differences if each.keep}
