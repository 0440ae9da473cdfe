"""A row that is asked for by its key is as SQLAlchemy loads it, in either colour, and whatever has a part in it has it."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, inspect

from backends import models
from backends.models import Author, Note, Size, Thing
from wholestack import App
from wholestack.db import Database, Session, assert_queries, select
from wholestack.testing import Client

Colour = Callable[[Any], Any]


@pytest.fixture
def app(url: str) -> App:
    filled, found = models.app_on(url), App()
    found.use(Database(url, models=models.Base))
    with Client(filled), filled.session() as db:
        db.add(Author(id=1, name="Ada", notes=[Note(id=1, text="one"), Note(id=2, text="two")]))
        db.add(
            Thing(
                id=1,
                moment=datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC),
                day=datetime.date(2026, 11, 28),
                money=decimal.Decimal("12.30"),
                key=uuid.UUID(int=7),
                size=Size.LARGE,
                data={"a": [1]},
                words=["b"],
                raw=b"\0\xff",
                big=2**40,
                text="Zoë",
                yes=True,
                number=0.5,
            )
        )
    return found


def done(app: App, colour: Colour, work: Callable[[Session], Any]) -> Any:
    """What some work gives that a handler does."""
    found: list[Any] = []
    app.post("/")(colour(_handler(work, found)))
    with Client(app) as client:
        client.post("/").expect(200)
    return found[0]


def _handler(work: Callable[[Session], Any], found: list[Any]) -> Callable[[Session], str]:
    def handler(db: Session) -> str:
        found.append(work(db))
        return "done"

    return handler


def seen(row: Any) -> Any:
    state = inspect(row)
    values = {each.key: getattr(row, each.key) for each in state.mapper.column_attrs}
    return values, state.persistent, state.modified, state.expired, state.identity_key, {*state.unloaded}


def test_it_is_as_sqlalchemy_loads_it(app: App, colour: Colour) -> None:
    """Each type of column, and a row that has relations."""

    def work(db: Session) -> Any:
        with assert_queries(2):
            found = [seen(db.get(Thing, 1)), seen(db.get_one(Author, 1))]
        db.expunge_all()
        return found, [seen(db.scalars(select(each)).one()) for each in (Thing, Author)]

    got, loaded = done(app, colour, work)
    assert got == loaded


def test_it_is_one_with_what_else_is_loaded(app: App, colour: Colour) -> None:
    def work(db: Session) -> Any:
        note = db.get_one(Note, 1)
        with assert_queries(0):
            assert db.get(Note, 1) is note
        author = note.author
        assert db.get(Author, 1) is author
        assert author.notes[0] is note
        assert db.get(Note, 99) is None
        note.text = "changed"
        db.expire(author)
        return db.get_one(Author, 1).name

    assert done(app, colour, work) == "Ada"
    with app.session() as db:
        assert db.get_one(Note, 1).text == "changed"


def test_what_is_not_written_yet_is_found(app: App, colour: Colour) -> None:
    def work(db: Session) -> Any:
        new = Author(id=7, name="Grace")
        db.add(new)
        with db.no_autoflush:
            assert db.get(Author, 7) is None
        return db.get(Author, 7) is new

    assert done(app, colour, work) is True


def test_from_within_a_flush(app: App, colour: Colour) -> None:
    found = []

    def before(session: Session, _context: Any, _rows: Any) -> None:
        found.append(session.get_one(Author, 1).name)

    def work(db: Session) -> None:
        event.listen(db, "before_flush", before)
        db.add(Author(name="Grace"))
        db.flush()

    done(app, colour, work)
    assert found == ["Ada"]


def test_who_listens_hears_of_it(app: App, colour: Colour) -> None:
    heard: list[str] = []

    def statement(state: Any) -> None:
        heard.append("statement")

    def loaded(_session: Any, row: Any) -> None:
        heard.append(row.text)

    def work(db: Session) -> None:
        db.get(Note, 2)
        event.listen(db, "do_orm_execute", statement)
        event.listen(db, "loaded_as_persistent", loaded)
        db.get(Note, 1)

    done(app, colour, work)
    assert heard == ["statement", "one"]


@pytest.mark.parametrize("wrong", ["no key", 2**70])
def test_a_key_that_no_row_can_have(app: App, colour: Colour, wrong: Any) -> None:
    """What the database says of it is told as it is where SQLAlchemy loads the row."""

    def loaded(db: Session) -> None:
        event.listen(db, "do_orm_execute", lambda state: None)
        db.get(Author, wrong)

    app.post("/key")(colour(_handler(lambda db: db.get(Author, wrong), [])))
    app.post("/loaded")(colour(_handler(loaded, [])))
    with Client(app, raise_errors=False) as client:
        told = [client.post(path) for path in ("/key", "/loaded")]
    assert told[0].status == told[1].status
    if told[0].status != 200:
        assert told[0].json()["code"] == told[1].json()["code"]
