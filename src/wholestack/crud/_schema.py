"""Models of Pydantic made from a model's columns: what an answer shows, what a client may send."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypedDict

import pydantic
from sqlalchemy import Enum, String, Text
from sqlalchemy import inspect as look_at
from sqlalchemy.orm import Mapper, RelationshipProperty
from typing_extensions import Unpack

from ._columns import NONE, Attribute, attributes, key_of, mapper_of, named
from ._faults import bad_crud

MOST_RELATED = 1_000
"""The most rows that a client may name in one relation."""


class SchemaOptions(TypedDict, total=False):
    """What a schema takes of its model.

    `only` these columns, or all `without` some; `also` relations to many, as the keys of their rows, and columns that
    an answer leaves out by itself (secrets, deferred ones); `new` what a client sends for a new row; `partial` the
    same with nothing required, for a change of some.
    """

    only: Collection[str]
    without: Collection[str]
    also: Collection[str]
    new: bool
    partial: bool


class Schema(pydantic.BaseModel):
    """A Pydantic model whose fields are a database model's columns: as a class, so that handlers can name it.

    Without `new` or `partial` it is an answer: every column but secrets. With them it is what a client may send: what
    the server makes (a key that numbers itself, the version, marks of time) is left out, lengths and ranges are those
    of the columns, and what has a default may be left out. Fields that the class itself declares go first.

    Arguments:
        of: the model, a class of `wholestack.db`; the rest is `SchemaOptions`.

    Raises:
        SetupError: a name that the model does not have.

    Example:
        >>> from sqlalchemy import Integer, String
        >>> from wholestack.db import Model, mapped_column
        >>> class Stamp(Model):
        ...     motif = mapped_column(String(80), nullable=False)
        ...     cents = mapped_column(Integer(), nullable=False)
        >>> class NewStamp(Schema, of=Stamp, new=True):
        ...     cents: Annotated[int, pydantic.Field(gt=0)]
        >>> NewStamp.model_validate({"motif": "a horse", "cents": 80})
        NewStamp(motif='a horse', cents=80)
    """

    model_config: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(from_attributes=True)
    _model: ClassVar[type | None] = None
    _attributes: ClassVar[Mapping[str, str]] = types.MappingProxyType({})
    _unknown: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, of: type | None = None, **options: Any) -> None:
        chosen = {name: options.pop(name) for name in SchemaOptions.__annotations__ if name in options}
        super().__init_subclass__(**options)
        if of is not None:
            _fill(cls, of, SchemaOptions(**chosen))  # type: ignore[typeddict-item]

    @classmethod
    def __has_lines__(cls, name: str) -> bool:
        """Whether a field stands for a long text: a `Text` column, or one with a bound that no single line shows."""
        column = None if cls._model is None else mapper_of(cls._model).columns.get(cls._attributes.get(name, name))
        kind = None if column is None else column.type
        if isinstance(kind, Enum) or not isinstance(kind, String):
            return False
        return isinstance(kind, Text) or (kind.length or 0) > 255

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Takes the class keywords that `__init_subclass__` has read already."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def schema(model: type, *, name: str | None = None, **options: Unpack[SchemaOptions]) -> type[Schema]:
    """A Pydantic model of a database model's columns; where a handler is to name it as a type, see `Schema`.

    Arguments:
        model: a class of `wholestack.db`.
        name: what the documents call it: the model's name, with "New" or "Partial" before it for what is sent.
        options: see `SchemaOptions`.

    Raises:
        SetupError: a name that the model does not have.

    Example:
        >>> from sqlalchemy import Integer
        >>> from wholestack.db import Model, mapped_column
        >>> class Parcel(Model):
        ...     grams = mapped_column(Integer())
        >>> list(schema(Parcel).model_fields), list(schema(Parcel, new=True).model_fields)
        (['id', 'grams'], ['grams'])
    """
    mapper_of(model)
    before = "Partial" if options.get("partial") else "New" if options.get("new") else ""
    space = {"__module__": model.__module__, "__doc__": None}
    keywords: dict[str, Any] = {"of": model, **options}
    return types.new_class(name or before + model.__name__, (Schema,), keywords, lambda body: body.update(space))


def attribute_names(kind: type[pydantic.BaseModel]) -> dict[str, str]:
    """The attribute of the database model that each field of a Pydantic model stands for.

    Example:
        >>> class Note(pydantic.BaseModel):
        ...     text: str
        >>> attribute_names(Note)
        {'text': 'text'}
    """
    known = kind._attributes if issubclass(kind, Schema) else {}
    return {name: known.get(name, name) for name in kind.model_fields}


def model_of(kind: type) -> type | None:
    """The database model that a class of `Schema` was made from; None for any other class.

    Example:
        >>> model_of(dict) is None
        True
    """
    return kind._model if inspect.isclass(kind) and issubclass(kind, Schema) else None


# -- the fields ------------------------------------------------------------------------------------------------------


def _fill(cls: type[Schema], model: type, options: SchemaOptions) -> None:
    """Give a class its fields, before Pydantic reads them."""
    columns = attributes(model)
    sent = bool(options.get("new") or options.get("partial"))
    also = named(model, options.get("also", ()), [*columns, *_related(model, options)])
    chosen = _chosen(model, options, sent, also)
    found = {each.name: _column(each, options) for each in chosen}
    found |= {name: _keys(model, name, options) for name in also if name not in columns}
    own = dict(vars(cls).get("__annotations__", {}))
    known = {**cls._attributes}
    unknown: set[str] = set()
    hints: dict[str, Any] = {}
    for attribute, (hint, said) in found.items():
        # A field may not be called as something that each model of Pydantic has: it gets another name, and the alias.
        taken = hasattr(pydantic.BaseModel, attribute)
        name = f"{attribute}_" if taken else attribute
        known[name] = attribute
        if name not in own:
            hints[name] = hint
            setattr(cls, name, pydantic.Field(**said, alias=attribute) if taken else pydantic.Field(**said))
            unknown |= {name} if "default_factory" in said else set()
    cls.__annotations__ = {**hints, **own}
    cls._model, cls._attributes, cls._unknown = model, known, frozenset(unknown)
    if unknown:
        setattr(cls, "_dumped", pydantic.model_serializer(mode="wrap")(_dumped))  # noqa: B010  (no attribute to a type)
    if any(each.family == "bytes" for each in chosen):
        cls.model_config |= {"val_json_bytes": "base64", "ser_json_bytes": "base64"}


def _chosen(model: type, options: SchemaOptions, sent: bool, also: Collection[str]) -> list[Attribute]:
    columns = attributes(model)
    only = options.get("only")
    without = named(model, options.get("without", ()), columns)
    if only is not None:
        only = named(model, only, columns)
        return [each for name, each in columns.items() if name in only and name not in without]
    return [
        each
        for name, each in columns.items()
        if name not in without and (name in also or not (each.made if sent else each.hidden))
    ]


def _column(attribute: Attribute, options: SchemaOptions) -> tuple[Any, dict[str, Any]]:
    """The type of a column's field, and what else it says."""
    sent = options.get("new") or options.get("partial")
    hint = attribute.taken if sent else attribute.shown
    hint = hint | None if attribute.nullable and hint is not Any else hint
    if not sent:
        return hint, {}
    if options.get("partial"):
        return hint, {"default_factory": lambda: None}
    if not attribute.optional:
        return hint, {}
    given = attribute.column.default
    plain = given.is_scalar if given is not None else attribute.column.server_default is None
    # What is made anew for each row, or by the database, no document can tell.
    return hint, {"default": attribute.default()} if plain else {"default_factory": functools.partial(_made, attribute)}


def _made(attribute: Attribute) -> Any:
    value = attribute.default()
    return None if value is NONE else value


def _dumped(self: Schema, dump: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
    """What is sent, as a dict, has nothing in it that was not sent and that only the database knows."""
    found: dict[str, Any] = dump(self)
    for name in self._unknown - self.model_fields_set:
        if getattr(self, name) is None:
            found.pop(name, None)
            found.pop(type(self)._attributes.get(name, name), None)
    return found


# -- relations -------------------------------------------------------------------------------------------------------


def _related(model: type, options: SchemaOptions) -> Iterable[str]:
    """The relations of a model to many rows; asked only where a name is none of a column."""
    columns = attributes(model)
    if all(name in columns for name in options.get("also", ())):
        return ()
    return [name for name, each in mapper_of(model).relationships.items() if each.uselist]


def related(model: type, name: str) -> tuple[type, Attribute]:
    """The model at the other end of a relation, and its key.

    Raises:
        SetupError: its key has several columns.
    """
    relation: RelationshipProperty[Any] = mapper_of(model).relationships[name]
    target: Mapper[Any] = relation.mapper
    keys = key_of(target.class_)
    if len(keys) != 1:
        message = f"{model.__name__}.{name} leads to {target.class_.__name__}, whose key has several columns."
        raise bad_crud(message, "Declare a field for it in a class of your own: class Out(Schema, of=…).")
    return target.class_, keys[0]


def _keys(model: type, name: str, options: SchemaOptions) -> tuple[Any, dict[str, Any]]:
    _, key = related(model, name)
    if options.get("new") or options.get("partial"):
        hint: Any = list.__class_getitem__(key.taken)
        return hint, {"default_factory": list, "max_length": MOST_RELATED}

    def keys_of(rows: Any) -> Any:
        return [look_at(row).identity[0] if hasattr(row, "_sa_instance_state") else row for row in rows]

    return Annotated[list.__class_getitem__(key.shown), pydantic.BeforeValidator(keys_of)], {}
