"""What the six actions do where nobody has written them: plain `def` handlers over a session, made for one model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import pydantic
import pydantic_core
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.exc import StaleDataError

from wholestack import JSON, Partial, Query, Request
from wholestack.errors import FieldFault, PreconditionFailed, ValidationFailed

from ._apply import kept, rows_by_keys
from ._columns import NONE, attributes, key_of, mapper_of
from ._faults import bad_crud
from ._found import found, missing, words_of
from ._listing import Listing
from ._page import Page, Pager
from ._schema import attribute_names, related

M = TypeVar("M")


class Actions:
    """The default handlers of one model.

    Arguments:
        model: the database model.
        shows: what an answer shows of a row.
        new: what a client sends for one.
        asked: the query of the list.
        session: the type of the session.
    """

    def __init__(
        self,
        model: type[Any],
        shows: type[pydantic.BaseModel],
        new: type[pydantic.BaseModel],
        asked: type[Listing],
        session: Any,
    ) -> None:
        self.model = model
        self.asked = asked
        self.new = new
        self.session = session
        self.columns = attributes(model)
        self.keys = key_of(model)
        version = mapper_of(model).version_id_col
        self.version = next((name for name, each in self.columns.items() if each.column is version), None)
        self.fields = _fitting(model, new, "new")
        self.rows_key: Any = type(f"{model.__name__}Rows", (), {})
        self._shown = _fitting(model, shows, "shows", strict=False)

    @property
    def path(self) -> str:
        """The path of one row, below that of all."""
        return "".join(f"/{{{each.name}}}" for each in self.keys)

    def rows(self) -> Select[Any]:
        """All rows, with the keys of those relations that an answer shows."""
        statement = select(self.model)
        for name in self._shown.values():
            if name not in self.columns and name in mapper_of(self.model).relationships:
                target, key = related(self.model, name)
                loaded = selectinload(getattr(self.model, name)).load_only(getattr(target, key.name))
                statement = statement.options(loaded)
        return statement

    # -- the handlers ------------------------------------------------------------------------------------------------

    def handler(self, action: str) -> Callable[..., Any]:
        """The default handler of an action."""
        one = {each.name: each.compared for each in self.keys}
        around = {"rows": self.rows_key, "db": self.session, "request": Request}
        query: Any = Query
        some: Any = Partial
        takes: Mapping[str, dict[str, Any]] = {
            "list": {"asked": query[self.asked], "pages": Pager, "rows": self.rows_key, "db": self.session},
            "detail": {**one, **around},
            "create": {"new": self.new, "db": self.session, "request": Request},
            "replace": {**one, "new": self.new, **around},
            "patch": {**one, "changes": some[self.new], **around},
            "delete": {**one, **around},
        }
        return _function(getattr(self, f"_{action}"), f"{action}_{self.model.__name__.lower()}", takes[action])

    def _list(self, asked: Listing, pages: Pager, rows: Select[Any], db: Session) -> Page[Any]:
        return pages(db, rows, asked)

    def _detail(self, rows: Select[Any], db: Session, request: Request, **key: Any) -> JSON:
        row: Any = self._one(db, rows, key)
        return JSON(row, headers=self._tag(row))

    def _create(self, new: pydantic.BaseModel, db: Session, request: Request) -> JSON:
        sent = {name: getattr(new, name) for name in new.model_fields_set & self.fields.keys()}
        values, lists = self._values(db, sent)
        try:
            row = self.model(**values, **lists)
        except ValueError as error:  # a `@validates` of the model's own
            raise ValidationFailed([FieldFault("body", "", "value_error", str(error))]) from error
        db.add(row)
        self._flush(db, request)
        place = self._place(request.path, row)
        return JSON(row, 201, headers={"location": request.root_path + place, **self._tag(row)})

    def _replace(self, new: pydantic.BaseModel, rows: Select[Any], db: Session, request: Request, **key: Any) -> JSON:
        row = self._to_change(db, rows, key, request)
        sent = {name: getattr(new, name) for name in new.model_fields_set & self.fields.keys()}
        for name, attribute in self.fields.items():
            if name not in sent:
                value = self.columns[attribute].default() if attribute in self.columns else []
                sent |= {name: value} if value is not NONE else {}
        return self._changed(db, row, sent, request)

    def _patch(self, changes: Partial[Any], rows: Select[Any], db: Session, request: Request, **key: Any) -> JSON:
        row = self._to_change(db, rows, key, request)
        return self._changed(db, row, {name: changes.sent[name] for name in self.fields if name in changes}, request)

    def _delete(self, rows: Select[Any], db: Session, request: Request, **key: Any) -> None:
        db.delete(self._to_change(db, rows, key, request))
        self._flush(db, request)

    # -- rows --------------------------------------------------------------------------------------------------------

    def _one(self, db: Session, rows: Select[Any], key: Mapping[str, Any]) -> Any:
        wanted = [getattr(self.model, name) == value for name, value in key.items()]
        return found(db.scalars(rows.where(*wanted)).unique().first(), missing(self.model))

    def _to_change(self, db: Session, rows: Select[Any], key: Mapping[str, Any], request: Request) -> Any:
        row = self._one(db, rows, key)
        if self.version is None:
            # There is a row, and no tag that a client could know.
            request.precondition(last_modified=0.0)
        else:
            request.precondition(self._tag(row)["etag"])
        return row

    def _changed(self, db: Session, row: Any, sent: Mapping[str, Any], request: Request) -> JSON:
        values, lists = self._values(db, sent)
        for name, value in {**values, **lists}.items():
            try:
                setattr(row, name, value)
            except ValueError as error:
                raise ValidationFailed([FieldFault("body", f"/{name}", "value_error", str(error))]) from error
        self._flush(db, request)
        # The tag is that of the content as it is now, which this answer shows (RFC 9110 §8.7, §9.3.4).
        return JSON(row, headers={"content-location": request.root_path + quote(request.path), **self._tag(row)})

    def _values(self, db: Session, sent: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What was sent by the model's attributes: plain values, and the rows of relations."""
        values: dict[str, Any] = {}
        lists: dict[str, Any] = {}
        for field, value in sent.items():
            name = self.fields[field]
            if name not in self.columns:
                lists[name] = self._related(db, name, value)
            else:
                values[name] = kept(self.model, name, value)
        return values, lists

    def _related(self, db: Session, name: str, keys: list[Any]) -> list[Any]:
        rows, absent = rows_by_keys(db, self.model, name, keys)
        if absent:
            text = f"There is no such {words_of(related(self.model, name)[0])}."
            raise ValidationFailed([FieldFault("body", f"/{name}/{each}", "no_such_row", text) for each in absent])
        return rows

    def _flush(self, db: Session, request: Request) -> None:
        try:
            db.flush()
        except StaleDataError as error:
            if "if-match" in request.headers:
                raise PreconditionFailed("The resource has changed since you read it; read it again.") from error
            raise

    def _tag(self, row: Any) -> dict[str, str]:
        """The entity tag of a row by its version (RFC 9110 §8.8.3)."""
        return {} if self.version is None else {"etag": f'"{quote(str(getattr(row, self.version)))}"'}

    def _place(self, path: str, row: Any) -> str:
        parts = [str(pydantic_core.to_jsonable_python(getattr(row, each.name))) for each in self.keys]
        return "/".join([quote(path.rstrip("/")), *(quote(part, safe="") for part in parts)])


def _fitting(model: type, kind: type[pydantic.BaseModel], word: str, *, strict: bool = True) -> dict[str, str]:
    """The attribute behind each field of a schema; each field of what is sent must have one."""
    names = attribute_names(kind)
    unknown = [name for name in names.values() if not hasattr(model, name)]
    if unknown and strict:
        message = f"{kind.__name__} has {unknown[0]!r}, which {model.__name__} has not."
        raise bad_crud(message, f"Take a class that fits for {word}=, and name yours where you write the handler.")
    return names


def _function(body: Callable[..., Any], name: str, takes: Mapping[str, Any]) -> Callable[..., Any]:
    """A function with a signature that the calling convention reads."""

    def handler(**arguments: Any) -> Any:
        return body(**arguments)

    made: Any = handler
    made.__name__ = made.__qualname__ = name
    made.__annotations__ = dict(takes)
    parameters = [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, annotation=takes[each]) for each in takes]
    made.__signature__ = inspect.Signature(parameters)
    return handler
