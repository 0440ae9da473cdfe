"""A list that is edited in place: a form over the rows of its page, and what is sent of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
from markupsafe import Markup
from sqlalchemy.exc import IntegrityError

from wholestack import Forbidden, NotFound, Request
from wholestack.crud import attribute_names, schema
from wholestack.db import Session
from wholestack.forms import Field, FormError, FormView, Widget
from wholestack.languages import gettext

from ._access import Access
from ._history import differences, plain
from ._paths import among
from ._record import is_secret, snapshot
from ._resource import Resource

if TYPE_CHECKING:
    from ._desk import Desk

MOST_EDITED = 100
"""Rows of a page that can be edited at once; a longer page is only shown."""
_Unseen = Annotated[str, Widget("hidden")]


def edits_form(resource: Resource, names: Sequence[str]) -> type[pydantic.BaseModel]:
    """The form over the rows of a page: of each its key, a digest of what was shown, and the values.

    Arguments:
        resource: the model.
        names: attributes, as the view's ``editable`` has them.

    Raises:
        SetupError: one that a list cannot edit.
    """
    can = [
        name
        for name, each in resource.attributes.items()
        if not each.made and not each.key and name not in resource.foreign_keys
        if each.family not in {"secret", "bytes", "json", "array", "other"} and name not in resource.view.read_only
    ]
    for name in names:
        if name not in can:
            raise resource.fault(f"{resource.model.__name__}.{name} cannot be edited in the list.", can)
    called = f"{resource.model.__name__}Admin"
    base: Any = schema(resource.model, name=f"{called}RowBase", partial=True, only=list(names))
    of_row = {
        "__module__": resource.model.__module__,
        "__annotations__": {"row_key": _Unseen, "row_seen": _Unseen},
        "row_key": pydantic.Field(max_length=1_000),
        "row_seen": pydantic.Field(max_length=100),
    }
    row: Any = type(f"{called}Row", (base,), of_row)
    of_rows = {
        "__module__": resource.model.__module__,
        "__annotations__": {"rows": list.__class_getitem__(row)},
        "rows": pydantic.Field(default_factory=list, max_length=MOST_EDITED),
    }
    return type(f"{called}Rows", (pydantic.BaseModel,), of_rows)


class ShownEdits:
    """The fields by which a page edits its rows.

    Arguments:
        access: what the person may.
        form: the form, as the page shows it.
        rows: the page's rows.
        names: the attributes that can be edited.
    """

    def __init__(self, access: Access, form: FormView[Any], rows: Sequence[Any], names: Sequence[str]) -> None:
        self.names = access.editable(names)
        self.form = form
        self._keys = access.resource.keys
        mine = [row for row in rows[:MOST_EDITED] if self.names and access.may_row("change", row)]
        if not form.typed:
            form.fill({"rows": [self._filled(row) for row in mine]} if mine else {"rows": []})
        sent = form["rows"].rows if mine else []
        self._fields: dict[str, Field] = {each["row_key"].value: each for each in sent}

    def _filled(self, row: Any) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in self.names}
        return {"row_key": self._keys.text(row), "row_seen": digest(values), **values}

    def __bool__(self) -> bool:
        return bool(self._fields)

    @staticmethod
    def hidden(fields: Field, name: str) -> Markup:
        """A value that no column shows, sent as it is."""
        field = fields[name]
        return Markup('<input type="hidden" name="{}" value="{}">').format(field.name, field.value)

    def of(self, row: Any) -> Field | None:
        """The fields of a row; None where the person may not change it."""
        return self._fields.get(self._keys.text(row))


def digest(values: Mapping[str, Any]) -> str:
    """Values as a short text: another one when one of them is another."""
    text = json.dumps({name: plain(value) for name, value in values.items()}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class SentEdits:
    """What was sent of a list's form: all of it is written, or none.

    Arguments:
        desk: where the rows are worked on.
        access: what the person may.
        names: the attributes that can be edited.
    """

    def __init__(self, desk: Desk, access: Access, names: Sequence[str]) -> None:
        self._desk = desk
        self._access = access
        self._names = access.editable(names)
        self._faults: list[tuple[str, str]] = []

    def write(self, db: Session, request: Request, form: Any) -> int:
        """Write what is new; how many rows have changed.

        Raises:
            Forbidden: a row, or a field, that the person may not change.
            NotFound: a row that is not there, or not theirs to see.
            FormError: somebody else has changed a row meanwhile, or the model or the database refuses a value.
        """
        rows = self._rows(db, [each.row_key for each in form.rows])
        changed = 0
        with db.begin_nested():
            for index, sent in enumerate(form.rows):
                changed += self._one(db, request, f"rows[{index}]", rows[sent.row_key], sent)
            if self._faults:
                raise FormError(*self._faults[0], *self._faults[1:])
        return changed

    def _rows(self, db: Session, texts: Sequence[str]) -> dict[str, Any]:
        """The rows by their keys, read at once."""
        resource = self._access.resource
        keys = [resource.keys.values(text) for text in texts]
        known = [key for key in keys if key is not None]
        found: dict[tuple[Any, ...], Any] = {}
        if known:
            locked = self._access.rows().where(among(resource, known)).with_for_update(of=resource.model)
            for row in db.scalars(locked.execution_options(populate_existing=True)):
                found[tuple(getattr(row, name) for name in resource.keys.names)] = row
        if any(key not in found for key in keys):
            raise NotFound(gettext("There is no such row, or it is not yours to see."))
        if not all(self._access.may_row("change", row) for row in found.values()):
            raise Forbidden(gettext("You may not do this."))
        return {text: found[key] for text, key in zip(texts, keys, strict=True) if key is not None}

    def _one(self, db: Session, request: Request, at: str, row: Any, sent: Any) -> int:
        fields = attribute_names(type(sent))
        values = {fields[name]: getattr(sent, name) for name in sent.model_fields_set if fields[name] in self._names}
        before = {name: getattr(row, name) for name in values}
        if not values or digest(values) == sent.row_seen or values == before:
            return 0  # As it was shown, or as it is.
        first = f"{at}.{next(iter(values))}"
        if digest({name: getattr(row, name) for name in self._names}) != sent.row_seen:
            told = gettext("Somebody else has changed this row meanwhile. Open the list anew to see it.")
            self._faults.append((first, told))
            return 0
        return self._put(db, request, (at, first), row, values)

    def _put(self, db: Session, request: Request, at: tuple[str, str], row: Any, values: Mapping[str, Any]) -> int:
        resource, name = self._access.resource, ""
        names = [name for name in resource.attributes if not is_secret(resource, name)]
        before = snapshot(resource, row, names)
        try:
            with db.begin_nested():
                for name, value in values.items():
                    setattr(row, name, value)
                resource.view.before_save(row, self._access.identity, new=False)
                db.flush()
        except FormError as error:  # of the view's `before_save`
            own = {name: f"{at[0]}.{name}" for name in values}
            self._faults += [(own.get(each.pointer[1:], at[1]), each.detail) for each in error.faults]
            return 0
        except ValueError as error:  # a `@validates` of the model's own
            self._faults.append((f"{at[0]}.{name}", str(error)))
            return 0
        except IntegrityError:
            self._faults.append((at[1], gettext("This is not possible: another row has it, or it is not allowed.")))
            return 0
        changed = differences(before, snapshot(resource, row, names))
        self._desk.note(db, request, self._access.identity, "change", row, changed)
        return 1
