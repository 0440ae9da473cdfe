"""The row of a session's owner is a row as any other, whether it was made of its columns or SQLAlchemy has loaded it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from sqlalchemy import JSON, ForeignKey, MetaData, Select, event, func, inspect, select, update
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import column_property, reconstructor, relationship

from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, Table, assert_queries, mapped_column
from wholestack.sessions import BrowserSession, DatabaseSessions, MemorySessions, Sessions
from wholestack.testing import Client


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData()


class Steward(Model, Base):
    """Nothing but columns makes it, one of them under another name than its attribute."""

    name: Mapped[str] = mapped_column("called", default="Ada")
    since: Mapped[datetime.datetime] = mapped_column(default=lambda: datetime.datetime.now(datetime.UTC))
    keys: Mapped[list[StewardKey]] = relationship(order_by="StewardKey.id")


class StewardKey(Model, Base):
    steward_id: Mapped[int] = mapped_column(ForeignKey(Steward.id))


class Eager(Model, Base):
    keys: Mapped[list[EagerKey]] = relationship(lazy="joined")


class EagerKey(Model, Base):
    eager_id: Mapped[int] = mapped_column(ForeignKey(Eager.id))


class Deferring(Model, Base):
    long: Mapped[str] = mapped_column(default="a long text", deferred=True)


class Doubled(Model, Base):
    """One of its attributes is asked of the database."""


Doubled.twice = column_property(Doubled.id * 2)  # type: ignore[attr-defined]
Doubled.count = column_property(  # type: ignore[attr-defined]
    select(func.count(StewardKey.id)).where(StewardKey.id > Doubled.id).correlate_except(StewardKey).scalar_subquery()
)


class Renewed(Model, Base):
    """What is there already is overwritten by what is loaded."""

    name: Mapped[str] = mapped_column(default="old")
    __mapper_args__: ClassVar[dict[str, Any]] = {"always_refresh": True}


class Woken(Model, Base):
    @reconstructor
    def wake(self) -> None:
        self.is_awake = True


class Noted(Model, Base):
    notes: Mapped[list[str]] = mapped_column(MutableList.as_mutable(JSON), default=list)


class Kinds(Model, Base):
    kind: Mapped[str] = mapped_column(default="one")
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": "kind", "polymorphic_identity": "any"}


class OneKind(Kinds):
    __tablename__ = None  # type: ignore[assignment]  # In the table above.
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "one"}


Ask = Callable[[BrowserSession[Any], Session], Any]


class House:
    """An app whose one handler does what it is told, in a session of a row."""

    def __init__(self, store: Any = None) -> None:
        self.app = App(docs=False)
        self.database = Database("sqlite://", models=Base, migrations=None)
        self.app.use(self.database, Sessions(store))
        self.asks: Ask
        self.found: Any = None

        @self.app.get("/def")
        def plain(session: BrowserSession, db: Session) -> None:
            self.found = self.asks(session, db)

        @self.app.get("/async")
        async def asynchronous(session: BrowserSession, db: Session) -> None:
            self.found = self.asks(session, db)

        @self.app.post("/def")
        def writing(session: BrowserSession, db: Session) -> None:
            self.found = self.asks(session, db)

    def become(self, row: Any) -> None:
        with self.app.session() as db:
            db.add(row)
        name, text = self.app.plugin(Sessions).begin_for(str(row.id), {}, scheme="http")
        self.client.cookies[name] = text

    def ask(self, asks: Ask, path: str = "/def", method: str = "get") -> Any:
        self.asks = asks
        answer = getattr(self.client, method)(path, headers={"sec-fetch-site": "same-origin"})
        assert answer.status < 300, answer.text
        return self.found


@contextmanager
def opened(store: Any = None) -> Iterator[House]:
    house = House(store)
    with Client(house.app) as house.client:
        house.database.create_tables()
        yield house


@pytest.fixture
def house() -> Iterator[House]:
    with opened() as found:
        yield found


@pytest.mark.parametrize("path", ["/def", "/async"])
def test_it_is_what_sqlalchemy_would_have_loaded(house: House, path: str) -> None:
    house.become(Steward(name="Grace", keys=[StewardKey(), StewardKey()]))

    def seen(row: Any) -> Any:
        state = inspect(row)
        told = state.persistent, state.modified, state.expired, state.identity_key, {*state.unloaded}
        return told, row.id, row.name, row.since, [key.id for key in row.keys], type(row)

    def asks(session: BrowserSession[Any], db: Session) -> Any:
        found = session.owner(Steward, db)
        mine = found in db, db.get(Steward, 1) is found, db.scalars(select(Steward)).one() is found, db.is_changed
        told = seen(found)
        db.expunge_all()
        return mine, told, seen(db.scalars(select(Steward)).one())

    mine, made, loaded = house.ask(asks, path)
    assert mine == (True, True, True, False)
    assert made == loaded


def test_it_is_written_refreshed_and_deleted_as_any_other(house: House) -> None:
    house.become(Steward())

    def changes(session: BrowserSession[Any], db: Session) -> None:
        row = session.owner(Steward, db)
        assert row is not None
        row.name = "Lady Ada"
        assert inspect(row).attrs.name.history == (["Lady Ada"], (), ["Ada"])

    house.ask(changes, method="post")

    def refreshes(session: BrowserSession[Any], db: Session) -> list[str]:
        row = session.owner(Steward, db)
        assert row is not None
        names = [row.name]
        db.expire(row)
        names.append(row.name)
        db.refresh(row)
        return [*names, row.name]

    assert house.ask(refreshes) == ["Lady Ada"] * 3

    def deletes(session: BrowserSession[Any], db: Session) -> None:
        db.delete(session.owner(Steward, db))

    house.ask(deletes, method="post")
    assert house.ask(lambda session, db: session.owner(Steward, db)) is None


def test_one_that_is_there_already_stays_as_it_is(house: House) -> None:
    house.become(Steward())

    def asks(session: BrowserSession[Any], db: Session) -> Any:
        there = db.get_one(Steward, 1)
        there.name = "changed"
        return session.owner(Steward, db) is there, there.name

    assert house.ask(asks, method="post") == (True, "changed")


def test_one_that_is_to_be_overwritten_is(house: House) -> None:
    house.become(Renewed())

    def asks(session: BrowserSession[Any], db: Session) -> Any:
        there = db.get_one(Renewed, 1)
        db.connection().execute(update(Renewed.__table__).values(name="new"))
        return session.owner(Renewed, db) is there, there.name

    assert house.ask(asks, method="post") == (True, "new")


LOADED: dict[Any, Callable[[Any], Any]] = {
    Eager: lambda row: "keys" in vars(row) and len(row.keys) == 2,
    Deferring: lambda row: "long" not in vars(row) and row.long == "a long text",
    Doubled: lambda row: (vars(row)["twice"], vars(row)["count"]) == (row.id * 2, 0),
    Woken: lambda row: row.is_awake,
    Noted: lambda row: isinstance(row.notes, MutableList) and row.notes == ["one"],
    Kinds: lambda row: type(row) is OneKind,
}


@pytest.mark.parametrize("model", LOADED, ids=lambda model: model.__name__)
def test_what_has_a_part_in_a_row_has_it_here(house: House, model: Any) -> None:
    rows = {Eager: lambda: Eager(keys=[EagerKey(), EagerKey()]), Noted: lambda: Noted(notes=["one"]), Kinds: OneKind}
    house.become(rows.get(model, model)())
    with assert_queries(2 if model is Deferring else 1):
        assert house.ask(lambda session, db: LOADED[model](session.owner(model, db))) is True


def test_who_listens_is_told(house: House) -> None:
    house.become(Steward())
    seen: list[str] = []
    events: list[tuple[Any, str, Any]] = [
        (Steward, "load", lambda _row, _context: seen.append("load")),
        (Session, "loaded_as_persistent", lambda _session, _row: seen.append("loaded_as_persistent")),
        (Session, "do_orm_execute", lambda _state: seen.append("do_orm_execute")),
    ]
    for target, name, listener in events:
        assert house.ask(lambda session, db: session.owner(Steward, db)) is not None
        assert seen == []
        event.listen(target, name, listener)
        try:
            assert house.ask(lambda session, db: session.owner(Steward, db)) is not None
            assert seen == [name]
        finally:
            event.remove(target, name, listener)
            seen.clear()


def of_keys(statement: Select[Any]) -> Select[Any]:
    keys = StewardKey.__table__
    return statement.outerjoin(keys, keys.c.steward_id == Steward.id).add_columns(keys.c.id, func.abs(-1))


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("listening", [False, True])
def test_what_is_theirs_comes_with_them(house: House, count: int, listening: bool) -> None:
    house.become(Steward(keys=[StewardKey() for _ in range(count)]))

    def asks(session: BrowserSession[Any], db: Session) -> Any:
        if listening:
            event.listen(db, "do_orm_execute", lambda _state: None)
        row, found = session.owner_with(Steward, db, of_keys)
        assert found is not None
        again = session.owner_with(Steward, db, of_keys)
        return row is again[0], again[1], sorted(tuple(each) for each in found)

    with assert_queries(1):
        same, again, found = house.ask(asks)
    assert (same, again) == (True, None)  # It is asked for once.
    assert found == [(key, 1) for key in range(1, count + 1)] if count else [(None, 1)]


def test_where_it_is_no_one_query_nothing_stands_beside() -> None:
    with opened(MemorySessions()) as house:
        house.become(Steward(keys=[StewardKey()]))
        row, found = house.ask(lambda session, db: session.owner_with(Steward, db, of_keys))
        assert (row.id, found) == (1, None)
    with opened(DatabaseSessions()) as house:
        assert house.ask(lambda session, db: session.owner_with(Steward, db, of_keys)) == (None, None)
