"""New rows that are wanted back, many in one statement: without a flush, which makes each of them by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ARRAY, Integer, Table, any_, bindparam, cast, func, insert, inspect, literal, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import Mapper, Session

from ._bulk import Rows, copy_in, insert_by_driver, is_made_alone

M = TypeVar("M")
_MANY = 50
"""Rows that are worth a ``COPY``, which takes some statements around it."""
_LAST = 2**63 - 1
"""The largest key of a table in SQLite (https://sqlite.org/autoinc.html)."""
Keys = Callable[[Session, int], Sequence[Any]]
"""What makes so many keys for rows that are to be written; none where there are none."""


class NewRows(Generic[M]):
    """Inserts rows of a model, and gives them as the database has them: with their keys, and with all that was made
    there.

    What a flush does beside that is left out: no event of writing is called, no constructor and no validator of the
    model, and nothing is written for its relations.

    Arguments:
        db: a session; those that write are of the same database.
        model: the model, of one table.
        names: the attributes that rows are given; of a key only such whose values the database gives back as they are.

    Example:
        >>> from sqlalchemy import Integer, create_engine
        >>> from wholestack.db import Model, mapped_column
        >>> class Marble(Model):
        ...     colour = mapped_column(Integer(), default=7)
        >>> engine = create_engine("sqlite://")
        >>> Marble.metadata.create_all(engine, [Marble.__table__])
        >>> with Session(engine) as db:
        ...     [(each.id, each.colour) for each in NewRows(db, Marble, ["colour"]).write(db, [{"colour": 1}, {}])]
        [(1, 1), (2, 7)]
    """

    def __init__(self, db: Session, model: type[M], names: Collection[str]) -> None:
        mapper: Mapper[M] = inspect(model)
        self._model: Any = model
        self._insert = insert(model).returning(model, sort_by_parameter_order=True)
        #: As a flush has it: nothing in the place of such a value is as if it had not been given.
        self._made = {name for name in names if _is_made(mapper.columns[name])}
        self._key = mapper.get_property_by_column(mapper.primary_key[0]).key
        self._send = _way_to_send(db, mapper.local_table)
        self._keys = _keys_before(db, mapper, names) if self._send is not None else None

    @staticmethod
    def fit(db: Session) -> bool:
        """Whether the database of a session can give rows back in their order; MySQL cannot."""
        return bool(db.get_bind().dialect.insert_executemany_returning_sort_by_parameter_order)

    def write(self, db: Session, rows: Sequence[Mapping[str, Any]]) -> list[M]:
        """Insert rows.

        Arguments:
            db: the session.
            rows: their values by attribute.

        Returns:
            the rows, in their order.

        Raises:
            IntegrityError: the database refuses one; what was written of the others is the caller's to roll back.
        """
        alike: dict[frozenset[str], list[int]] = {}
        values = [
            {name: value for name, value in row.items() if value is not None or name not in self._made} for row in rows
        ]
        for place, each in enumerate(values):
            alike.setdefault(frozenset(each), []).append(place)
        found: dict[int, M] = {}
        for places in alike.values():
            found.update(zip(places, self._written(db, [values[place] for place in places]), strict=True))
        return [found[place] for place in range(len(rows))]

    def _written(self, db: Session, rows: list[dict[str, Any]]) -> Sequence[M]:
        """Insert rows with the same names. What the session has of them is what the database says: one that was rolled
        back may be there still, under a key that has been given anew.
        """
        fresh = {"populate_existing": True}
        keys = self._keys(db, len(rows)) if self._keys is not None and len(rows) >= _MANY else ()
        if not keys or self._send is None:
            return db.scalars(self._insert, rows, execution_options=fresh).unique().all()
        self._send(db, self._model, ({self._key: key, **row} for key, row in zip(keys, rows, strict=True)))
        asked = select(self._model).where(_is_among(db, getattr(self._model, self._key), keys))
        found = {getattr(row, self._key): row for row in db.scalars(asked, execution_options=fresh).unique()}
        return [found[key] for key in keys]


def _is_among(db: Session, column: Any, keys: Sequence[Any]) -> Any:
    """Whether a column has one of some keys; in a statement that is the same for any number of them where it can be."""
    if isinstance(keys, range):
        return column.between(keys[0], keys[-1])
    if db.get_bind().dialect.name == "postgresql":
        return column == any_(literal([*keys], ARRAY(column.type)))
    return column.in_(keys)


def _is_made(column: Any) -> bool:
    made = column.default is not None or column.server_default is not None
    return made and not column.type.should_evaluate_none


def _way_to_send(db: Session, table: Any) -> Callable[[Session, Any, Rows], object] | None:
    """What sends rows past SQLAlchemy, which makes the values of each anew: where Python makes all values that are not
    given, none stands in an expression, and nothing that listens to the session's statements, as a tenant's does, has a
    say in what is written.
    """
    if db.dispatch.do_orm_execute or not all(map(_can_be_sent, table.columns)):
        return None
    ways = {"postgresql": copy_in if _may_copy(db, table) else None, "sqlite": insert_by_driver}
    return ways.get(db.get_bind().dialect.name)


def _keys_before(db: Session, mapper: Mapper[Any], names: Collection[str]) -> Keys | None:
    """What makes the keys of rows before they are written, so that they can be told apart afterwards: then rows need
    not be asked back one by one, as of SQLite, which promises nothing of the order in which it gives them
    (https://sqlite.org/lang_returning.html), and PostgreSQL may be given them as a ``COPY``, which gives none back.
    None where the database has to make them.
    """
    key: Any = mapper.primary_key[0]
    if len(mapper.primary_key) > 1 or mapper.get_property_by_column(key).key in names:
        return None
    default = key.default
    if default is not None:
        return (lambda _, number: [default.arg(None) for _ in range(number)]) if default.is_callable else None
    if key is not key.table.autoincrement_column:
        return None
    return _keys_of_sequence(db, key) if db.get_bind().dialect.name == "postgresql" else _keys_after_last(key)


def _keys_of_sequence(db: Session, key: Any) -> Keys | None:
    sequence = func.pg_get_serial_sequence(_name_of(db, key.table), key.name)
    if not db.scalar(select(func.has_sequence_privilege(sequence, "USAGE"))):
        return None
    series = func.generate_series(1, bindparam("number", type_=Integer())).alias()
    some = select(func.nextval(cast(sequence, REGCLASS))).select_from(series)
    return lambda db, number: db.scalars(some, {"number": number}).all()


def _keys_after_last(key: Any) -> Keys | None:
    """Those that SQLite would give: it has one writer at a time, so nobody takes them between. An ``AUTOINCREMENT``
    knows of rows that are no more, and after the largest number it takes any that is free: both are left to it.
    """
    if key.table.dialect_options["sqlite"]["autoincrement"]:
        return None
    asked = select(func.coalesce(func.max(key), 0))

    def made(db: Session, number: int) -> Sequence[int]:
        last = db.scalars(asked).one()
        return range(last + 1, last + number + 1) if last <= _LAST - number else ()

    return made


def _can_be_sent(column: Any) -> bool:
    """Whether what is sent for a column is a value, and Python alone makes it where it is not given."""
    is_plain = column.default is None or is_made_alone(column.default)
    return bool(is_plain and not column.type._has_bind_expression)


def _may_copy(db: Session, table: Any) -> bool:
    """Whether PostgreSQL takes rows of a table as a ``COPY``: row-level security has no say in them."""
    if db.get_bind().dialect.name != "postgresql":
        return False
    return not db.scalar(select(func.row_security_active(_name_of(db, table))))


def _name_of(db: Session, table: Any) -> str:
    return db.get_bind().dialect.identifier_preparer.format_table(table)


def insert_at_once(db: Session, table: Table, rows: Rows) -> None:
    """Insert rows that nobody wants back, in the fastest way that the database has: PostgreSQL's ``COPY``, where the
    session may, or many in a call of the driver.

    Arguments:
        db: the session; what it holds is flushed first, so this is not for an event of a flush.
        table: the table.
        rows: values by the names of columns, each row with the same names.

    Example:
        >>> from sqlalchemy import Column, MetaData, create_engine
        >>> pebbles = Table("pebble", MetaData(), Column("size", Integer()))
        >>> engine = create_engine("sqlite://")
        >>> pebbles.create(engine)
        >>> with Session(engine) as db:
        ...     insert_at_once(db, pebbles, [{"size": 1}, {"size": 2}])
        ...     db.scalar(select(func.sum(pebbles.c.size)))
        3
    """
    send = _way_to_send(db, table)
    if send is not None:
        send(db, table, rows)
    else:
        db.flush()
        db.execute(insert(table), [dict(row) for row in rows])
