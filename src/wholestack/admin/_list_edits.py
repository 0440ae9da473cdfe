"""A list that is edited in place: a form over the rows of its page, and what is sent of it.

A cell is told by what a browser sends of it when nobody has touched it. Only those that were touched are read, by the
rules of the row's own form, and written; the others stay as they are, whatever a cell has no room for.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
from markupsafe import Markup
from sqlalchemy.exc import IntegrityError

from wholestack import Forbidden, NotFound, Request
from wholestack.db import Session
from wholestack.errors import FieldFault, ValidationFailed
from wholestack.forms import Field, FormError, FormView, Widget
from wholestack.handlers import body_faults, json_pointer
from wholestack.languages import gettext, translated_fault

from ._access import Access
from ._form import FormOf, Taken
from ._history import differences
from ._paths import among
from ._record import is_secret, snapshot
from ._resource import Resource

if TYPE_CHECKING:
    from ._desk import Desk

MOST_EDITED = 100
"""Rows of a page that can be edited at once; a longer page is only shown."""
_DIGITS = 10
_LINE_END = re.compile(r"\r\n?")
_Unseen = Annotated[str, Widget("hidden")]


@functools.lru_cache(512)
def _form_of(resource: Resource) -> FormOf:
    """The cells that a list edits, with the rules of the row's own form."""
    return FormOf(resource, resource.view.editable)


@functools.lru_cache(512)
def edits_form(resource: Resource) -> type[Taken]:
    """The form over the rows of a page: of each its key, digests of what was shown, and the values.

    Nothing of it must be filled in, and it takes what is sent as it is: `SentEdits` reads what was touched.

    Raises:
        SetupError: the view's ``editable`` names an attribute that a list cannot edit.
    """
    can = [
        name
        for name, each in resource.attributes.items()
        if not each.made and not each.key and name not in resource.foreign_keys
        if each.family not in {"secret", "bytes", "json", "array", "other"} and name not in resource.view.read_only
    ]
    for name in resource.view.editable:
        if name not in can:
            raise resource.fault(f"{resource.model.__name__}.{name} cannot be edited in the list.", can)
    values = _form_of(resource).values
    cells: dict[str, Any] = {
        name: (info.rebuild_annotation(), _left_out(info)) for name, info in values.model_fields.items()
    }
    called = f"{resource.model.__name__}Admin"
    bases: Any = (Taken, values)
    row: Any = pydantic.create_model(
        f"{called}Row", __base__=bases, row_key=(_Unseen, ""), row_seen=(_Unseen, ""), **cells
    )
    rows: Any = (list.__class_getitem__(row), pydantic.Field(default_factory=list))
    made: Any = pydantic.create_model(f"{called}Rows", __base__=Taken, rows=rows)
    form: type[Taken] = made
    return form


def _left_out(info: Any) -> Any:
    """A field that may be left out: what must be there is told when its cell is read, and not by the browser, which
    would ask for it of rows that nobody has touched.
    """
    default = False if info.annotation is bool else None
    return pydantic.Field(default=default, title=info.title, alias=info.alias)


def editable_in(access: Access, names: Sequence[str], row: Any) -> list[str]:
    """Those of some attributes that a person may change in a row, as its own form has it."""
    return access.editable(names, row) if access.may_row("change", row) else []


def digests_of(place: Field, names: Iterable[str]) -> dict[str, str]:
    """Digests of some cells of a row: the same for a cell as it is shown, and as a browser sends it untouched."""
    texts = {name: _sent_text(place[name]) for name in names}
    return {
        name: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
        for name, text in texts.items()
    }


def _sent_text(field: Field) -> str:
    """What a browser sends of a cell: of one line without the ends of lines, of a choice one that there is."""
    text = next(iter(field.values), "")
    if field.widget == "checkbox":
        return "" if text == "false" else text
    if field.widget == "select":
        return text if text in dict(field.choices) else ""
    if field.widget == "number":
        return text if _is_finite(text) else ""
    lines = _LINE_END.sub("\n", text)
    return lines if field.widget == "textarea" else lines.replace("\n", "")


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True  # No number: it is told so.


def _rows_in(model: type[Taken], rows: Sequence[Any]) -> Sequence[Field]:
    return FormView(model).fill({"rows": rows})["rows"].rows


class ShownEdits:
    """The fields by which a page edits its rows.

    Arguments:
        access: what the person may.
        form: the form, as the page shows it.
        rows: the page's rows.
        names: the attributes that can be edited, of the columns that the page shows.
    """

    def __init__(self, access: Access, form: FormView[Any], rows: Sequence[Any], names: Sequence[str]) -> None:
        self.form = form
        self._keys = access.resource.keys
        self._names = {
            self._keys.text(row): mine for row in rows[:MOST_EDITED] if (mine := editable_in(access, names, row))
        }
        if not form.typed:
            form.fill(
                {"rows": self._filled(access.resource, [row for row in rows if self._keys.text(row) in self._names])}
            )
        self._places: dict[str, Field] = {
            key: each for each in form["rows"].rows if (key := each["row_key"].value) in self._names
        }

    def _filled(self, resource: Resource, rows: Sequence[Any]) -> list[dict[str, Any]]:
        names = [self._names[self._keys.text(row)] for row in rows]
        values = [{name: getattr(row, name) for name in mine} for row, mine in zip(rows, names, strict=True)]
        shown = _rows_in(edits_form(resource), values)
        seen = [_joined(digests_of(place, mine)) for place, mine in zip(shown, names, strict=True)]
        return [
            {"row_key": self._keys.text(row), "row_seen": digests, **each}
            for row, digests, each in zip(rows, seen, values, strict=True)
        ]

    def __bool__(self) -> bool:
        return bool(self._places)

    @property
    def open_tag(self) -> Markup:
        """The form's beginning. A browser refuses nothing: it might be in a cell that nobody touched."""
        tag, _, rest = str(self.form.open_tag).partition(">")
        return Markup(f"{tag} novalidate>{rest}")  # noqa: S704  (each piece is the form's own)

    def hidden(self, row: Any) -> Markup:
        """What the form keeps of a row: its key, and how it was shown."""
        place = self._places.get(self._keys.text(row))
        return Markup() if place is None else place["row_key"].input + place["row_seen"].input

    def of(self, row: Any) -> Mapping[str, Field]:
        """The fields of a row that the person may change."""
        key = self._keys.text(row)
        place = self._places.get(key)
        return {} if place is None else {name: place[name] for name in self._names[key]}


def _joined(digests: Mapping[str, str]) -> str:
    return " ".join(f"{name}:{digest}" for name, digest in digests.items())


@dataclasses.dataclass
class _SentRow:
    """A row of what was sent.

    Attributes:
        index: which of the form's it is.
        raw: what was sent of it.
        place: the same, as a field of the form.
        row: the row.
        now: the row as the form would show it now.
    """

    index: int
    raw: Mapping[str, Any]
    place: Field
    row: Any
    now: Field

    @property
    def seen(self) -> dict[str, str]:
        """The digests of the cells that were shown."""
        return dict(each.split(":", 1) for each in self.place["row_seen"].value.split(" ") if ":" in each)


class SentEdits:
    """What was sent of a list's form: all of it is written, or none.

    Arguments:
        desk: where the rows are worked on.
        access: what the person may.
    """

    def __init__(self, desk: Desk, access: Access) -> None:
        self._desk = desk
        self._access = access
        self._names = access.resource.view.editable
        self._faults: list[FieldFault] = []

    def write(self, db: Session, request: Request, form: Taken) -> int:
        """Write what is new; how many rows have changed.

        Raises:
            Forbidden: a row, or a field, that the person may not change.
            NotFound: a row that is not there, or not theirs to see.
            ValidationFailed: somebody else has changed a row meanwhile, or the row's form, the model or the database
                refuses a value.
        """
        changed = 0
        with db.begin_nested():
            for sent in self._sent(db, form):
                changed += self._one(db, request, sent)
            if self._faults:
                raise ValidationFailed(self._faults)
        return changed

    def _sent(self, db: Session, form: Taken) -> list[_SentRow]:
        given = form.sent.get("rows")
        raws = [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []
        if len(raws) > MOST_EDITED:
            raise FormError("", gettext("There may be %(count)s of these at most.") % {"count": MOST_EDITED})
        rows = self._rows(db, [str(each.get("row_key") or "") for each in raws])
        model = edits_form(self._access.resource)
        shown = _rows_in(model, [{name: getattr(row, name) for name in self._names} for row in rows])
        pairs = zip(raws, _rows_in(model, raws), rows, shown, strict=True)
        return [_SentRow(index, *each) for index, each in enumerate(pairs)]

    def _rows(self, db: Session, texts: Sequence[str]) -> list[Any]:
        """The rows of some keys, read at once."""
        resource = self._access.resource
        keys = [resource.keys.values(text) for text in texts]
        known = [key for key in keys if key is not None]
        found: dict[tuple[Any, ...], Any] = {}
        if known:
            locked = self._access.rows().where(among(resource, known)).with_for_update(of=resource.model)
            for row in db.scalars(locked.execution_options(populate_existing=True)).unique():
                found[tuple(getattr(row, name) for name in resource.keys.names)] = row
        if any(key not in found for key in keys):
            raise NotFound(gettext("There is no such row, or it is not yours to see."))
        if not all(self._access.may_row("change", row) for row in found.values()):
            raise Forbidden(gettext("You may not do this."))
        return [found[key] for key in keys if key is not None]

    def _one(self, db: Session, request: Request, sent: _SentRow) -> int:
        """Write the cells of a row that were touched: those that are sent otherwise than they were shown."""
        mine = editable_in(self._access, self._names, sent.row)
        if any(name in sent.raw and name not in mine for name in self._names):
            raise Forbidden(gettext("You may not do this."))  # Whatever it says: else it would tell what is there.
        seen, now = sent.seen, digests_of(sent.now, mine)
        there = [name for name in mine if name in sent.raw or (name in seen and self._may_be_left_out(name))]
        given = digests_of(sent.place, there)
        touched = [name for name in there if given[name] not in {seen.get(name), now[name]}]
        if not touched:
            return 0  # As it was shown, or as it is.
        if any(seen.get(name) != now[name] for name in {*seen, *touched} & {*mine}):
            told = gettext("Somebody else has changed this row meanwhile. Open the list anew to see it.")
            self._fault(sent, touched[0], told)
            return 0
        values = self._read(sent, touched)
        return self._put(db, request, sent, values) if values else 0

    def _may_be_left_out(self, name: str) -> bool:
        """Whether a cell that was shown is left out by what it holds: a box without its tick, a number that is emptied.

        Any other that is missing was not sent, and so not touched.
        """
        attribute = self._access.resource.attributes[name]
        return attribute.family == "bool" or not (attribute.nullable or attribute.family == "text")

    def _read(self, sent: _SentRow, names: Sequence[str]) -> dict[str, Any]:
        """The values of some cells, by the rules of the row's own form; none where one is refused."""
        form, attributes = _form_of(self._access.resource), self._access.resource.attributes
        raw = {name: sent.raw[name] for name in names if name in sent.raw}
        for name in names:
            if name not in raw and attributes[name].family == "bool":
                raw[name] = False  # A box without its tick is not sent.
            elif name not in raw:  # Nor is a number that was emptied.
                self._fault(sent, name, translated_fault("missing", None, ""), "missing")
        try:
            read = form.reader(names).model_validate(raw)
        except pydantic.ValidationError as error:
            told = {str(each.pointer) for each in self._faults}
            for each in body_faults(error, raw):
                pointer = json_pointer(("rows", sent.index)) + each.pointer
                if pointer not in told:
                    self._faults.append(dataclasses.replace(each, source="form", pointer=pointer))
            return {}
        return {name: getattr(read, form.fields[name]) for name in raw} if len(raw) == len(names) else {}

    def _put(self, db: Session, request: Request, sent: _SentRow, values: Mapping[str, Any]) -> int:
        resource, row, name = self._access.resource, sent.row, ""
        first = next(iter(values))
        names = [name for name in resource.attributes if not is_secret(resource, name)]
        before = snapshot(resource, row, names)
        try:
            with db.begin_nested():
                for name, value in values.items():
                    setattr(row, name, value)
                resource.view.before_save(row, self._access.identity, new=False)
                db.flush()
        except FormError as error:  # of the view's `before_save`
            for each in error.faults:
                own = each.pointer[1:]
                self._fault(sent, own if own in values else first, each.detail)
            return 0
        except ValueError as error:  # a `@validates` of the model's own
            self._fault(sent, name, str(error))
            return 0
        except IntegrityError:
            self._fault(sent, first, gettext("This is not possible: another row has it, or it is not allowed."))
            return 0
        changed = differences(before, snapshot(resource, row, names))
        self._desk.note(db, request, self._access.identity, "change", row, changed)
        return 1

    def _fault(self, sent: _SentRow, name: str, detail: str, code: str = "form_error") -> None:
        self._faults.append(FieldFault("form", json_pointer(("rows", sent.index, name)), code, detail))
