"""Rows of a database's tables for tests, from the model alone."""

from __future__ import annotations

import datetime
import decimal
import enum
from typing import Annotated, Any, TypeVar, get_args, get_origin

import pydantic

from ._errors import CannotMake
from ._factories import Factory

T = TypeVar("T")


class RowFactory(Factory[T]):
    """Makes instances of one model of SQLAlchemy, which no session knows yet; see `factory`.

    What must be given is made from the column's type and length; a row that must be referred to is made as well, where
    the model has a relationship to it.
    """

    def __init__(self, kind: type[T], *, seed: int = 0, full: bool = False) -> None:
        self._mapper: Any = kind.__mapper__  # type: ignore[attr-defined]
        self._full_rows = full
        self._parents: dict[str, RowFactory[Any]] = {}
        self._seed = seed
        pairs = [pair for each in self._mapper.iterate_to_root() for pair in each._inherits_equated_pairs or ()]
        #: What nobody makes up: of which kind a row is, and what a subclass's table has of its parent's.
        self._by_mapper = {self._mapper.polymorphic_on, *(copy for _, copy in pairs)}
        super().__init__(self._plain(), seed=seed, full=True)  # type: ignore[arg-type]
        self._kind = kind

    def __call__(self, **fields: Any) -> T:
        """One row; `fields` are set as they are."""
        strange = [name for name in fields if name not in self._mapper.attrs]
        if strange:
            there = ", ".join(each.key for each in self._mapper.attrs)
            raise CannotMake(f"{self._kind.__name__} has no field {strange[0]!r}. It has {there}.")
        made: Any = super().__call__()
        values = {name: value for name, value in dict(made).items() if name not in fields}
        for relation, columns in self._required():
            if relation.key not in fields and not any(name in fields for name in columns):
                if relation.mapper not in self._parents.values() and relation.key not in self._parents:
                    self._parents[relation.key] = RowFactory(relation.mapper.class_, seed=self._seed + 1)
                values[relation.key] = self._parents[relation.key]()
        return self._kind(**values, **fields)

    def _plain(self) -> type[pydantic.BaseModel]:
        """A model of the columns that hold no reference."""
        fields: dict[str, Any] = {}
        for each in self._mapper.column_attrs:
            column = self._column_of(each)
            if column.foreign_keys or not self._is_wanted(column):
                continue
            fields[each.key] = (_type_of(column, _said(self._mapper.class_, each.key)), ...)
        name = f"{self._mapper.class_.__name__}Row"
        return pydantic.create_model(name, __config__={"arbitrary_types_allowed": True}, **fields)

    def _column_of(self, attribute: Any) -> Any:
        """The column that says what an attribute holds; of those that a key has in several tables, the parent's."""
        keys = self._mapper.primary_key
        return next((each for each in attribute.columns if each in keys), attribute.columns[0])

    def _is_wanted(self, column: Any) -> bool:
        if column in self._by_mapper or column is getattr(column.table, "_autoincrement_column", None):
            return False
        has_default = column.default is not None or column.server_default is not None
        return self._full_rows or not (column.nullable or has_default)

    def _required(self) -> list[tuple[Any, list[str]]]:
        """Relationships whose columns must be given, and the names of these columns."""
        found = []
        for relation in self._mapper.relationships:
            columns = [column for column in relation.local_columns if column.foreign_keys]
            if relation.uselist or not columns or all(column.nullable for column in columns):
                continue
            found.append((relation, [self._mapper.get_property_by_column(column).key for column in columns]))
        covered = {name for _, names in found for name in names}
        for each in self._mapper.column_attrs:
            column = self._column_of(each)
            if column.foreign_keys and self._is_wanted(column) and each.key not in covered:
                found.append((_Bare(each.key, self._mapper.class_.__name__), [each.key]))
        return found


class _Bare:
    """A reference without a relationship: it has to be given by hand."""

    def __init__(self, key: str, owner: str) -> None:
        self.key = key
        self._owner = owner

    @property
    def mapper(self) -> Any:
        raise CannotMake(f"{self._owner} needs {self.key}, and has no relationship by which to make it. Give it.")


def _said(model: type, name: str) -> tuple[Any, ...]:
    """What `Annotated` says of a column in its model."""
    from wholestack.crud import attributes

    found = attributes(model).get(name)
    return get_args(found.shown)[1:] if found is not None and get_origin(found.shown) is Annotated else ()


def _type_of(column: Any, said: tuple[Any, ...]) -> Any:
    enumeration = getattr(column.type, "enum_class", None)
    if isinstance(enumeration, type) and issubclass(enumeration, enum.Enum):
        return enumeration
    kind = pydantic.AwareDatetime if column.type.python_type is datetime.datetime else column.type.python_type
    length = getattr(column.type, "length", None)
    precision, scale = getattr(column.type, "precision", None), getattr(column.type, "scale", None)
    digits: dict[str, Any] = {"max_digits": precision, "decimal_places": scale}
    is_exact = kind is decimal.Decimal and None not in digits.values()
    if said:  # It goes before what is usual here.
        fits: dict[str, Any] = {"max_length": length} if kind is str and length else digits if is_exact else {}
        return Annotated[(kind, *([pydantic.Field(**fits)] if fits else ()), *said)]
    if kind is str:
        return Annotated[str, pydantic.Field(min_length=1, max_length=min(length or 12, 12))]
    if kind is int:
        return Annotated[int, pydantic.Field(ge=0, lt=2**31)]
    return Annotated[kind, pydantic.Field(ge=0, **digits)] if is_exact else kind
