"""The form of a row on each database: rows within it, classes in two tables, arrays, and two people at the same moment."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import re
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import JSON, Integer, MetaData, String
from sqlalchemy.dialects.postgresql import ARRAY

from wholestack import App
from wholestack.admin import Admin, AdminView, Inline
from wholestack.auth import Auth, Identity, Passwords, UserMixin
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Moment,
    Table,
    UniqueConstraint,
    UUIDModel,
    mapped_column,
    relationship,
    select,
)
from wholestack.testing import AsUser, Client, log_in

PAGE = {"accept": "text/html"}
RACERS = 4
TWO = threading.Barrier(2)


class FormBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class FormClerk(UserMixin, UUIDModel, FormBase): ...


class FormVerse(FormBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey("form_song.id"))
    text: Mapped[str] = mapped_column(String(80))
    place: Mapped[int] = mapped_column(default=0)
    __table_args__ = (UniqueConstraint("song_id", "text"),)


class FormSong(FormBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80), unique=True)
    price: Mapped[decimal.Decimal | None]
    written_at: Mapped[datetime.datetime | None] = mapped_column(Moment())
    facts: Mapped[Any | None] = mapped_column(JSON())
    kind: Mapped[str] = mapped_column(String(20))
    verses: Mapped[list[FormVerse]] = relationship(cascade="all, delete-orphan")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "song"}


class FormHymn(FormSong):
    id: Mapped[int] = mapped_column(ForeignKey("form_song.id"), primary_key=True)
    number: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "hymn"}


class FormList(FormBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[list[str]] = mapped_column(ARRAY(String()).with_variant(JSON(), "sqlite", "mysql", "mariadb"))
    numbers: Mapped[list[int] | None] = mapped_column(
        ARRAY(Integer()).with_variant(JSON(), "sqlite", "mysql", "mariadb")
    )


class Songs(AdminView[FormSong]):
    inlines = (Inline(FormVerse, fields=("text",), order="place"),)

    def before_save(self, song: FormSong, identity: Identity[Any], *, new: bool) -> None:
        """Between reading and writing, until another one has come as far: who waits for its turn never does."""
        if song.title.startswith("Raced ") and not new:
            with contextlib.suppress(threading.BrokenBarrierError):
                TWO.wait(0.5)


class Hymns(AdminView[FormHymn]):
    inlines = Songs.inlines


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    app = App(docs=False)
    database = Database(url, models=FormBase, migrations=None)
    app.use(
        database, Auth(FormClerk, passwords=Passwords(memory=8, passes=1)), Admin(Songs, Hymns, FormVerse, FormList)
    )
    with Client(app, interface="wsgi") as found:
        database.create_tables()
        AsUser(lambda: found)(is_staff=True, is_superuser=True, email="clerk@example.org")
        yield found


def verses(client: Client) -> list[str]:
    with client.app.session() as db:
        return list(db.scalars(select(FormVerse.text).order_by(FormVerse.place)))


def sent(client: Client, path: str) -> dict[str, str]:
    """What a browser would send of the hidden fields of a page."""
    text = client.get(path).text
    return dict(
        re.findall(r'<input type="hidden" name="(form_[^"]+|verses[^"]+)"(?: id="[^"]*")? value="([^"]*)"', text)
    )


def test_a_row_in_two_tables_with_rows_of_its_own(client: Client) -> None:
    data = {"title": "One", "number": "7", "price": "2.50", "written_at": "2026-11-27T08:05", "facts": '{"a": null}'}
    rows = {"verses[0].text": "first", "verses[1].text": "second"}
    made = client.post("/admin/form-hymn/new", data={**data, **rows, "form_then": "stay"}, headers=PAGE)
    assert made.status == 303, made.text
    path = made.headers["location"]
    shown = sent(client, path)
    keys = {name: value for name, value in shown.items() if name.endswith("form_key")}
    assert len(keys) == 2
    # Turned round; one of them goes, and another comes by its name.
    moved = {"verses[0].form_key": keys["verses[1].form_key"], "verses[0].text": "second", "verses[1].text": "first"}
    data |= {"form_shown_verses": shown["form_shown_verses"], "title": "Changed"}
    answer = client.post(path, data={**data, **moved}, headers=PAGE)
    assert answer.status == 303, answer.text
    assert verses(client) == ["second", "first"]
    twice = client.post(path, data={**data, "verses[0].text": "a", "verses[1].text": "a"}, headers=PAGE)
    assert (twice.status, "Another row has the same." in twice.text) == (422, True)
    with client.app.session() as db:
        (hymn,) = db.scalars(select(FormHymn))
        assert (hymn.title, hymn.number, hymn.kind, hymn.facts) == ("Changed", 7, "hymn", {"a": None})
        assert hymn.written_at == datetime.datetime(2026, 11, 27, 8, 5, tzinfo=datetime.UTC)


def test_a_value_that_is_taken_is_told_beside_its_field(client: Client) -> None:
    client.post("/admin/form-song/new", data={"title": "Taken"}, headers=PAGE)
    answer = client.post("/admin/form-song/new", data={"title": "Taken"}, headers=PAGE)
    assert (answer.status, 'id="f-title-error"' in answer.text) == (422, True)


def test_of_several_at_the_same_moment_one_saves_and_the_others_are_told(client: Client) -> None:
    made = client.post("/admin/form-song/new", data={"title": "Raced", "form_then": "stay"}, headers=PAGE)
    path = made.headers["location"]
    data = sent(client, path)
    with client.app.session() as db:
        (clerk,) = db.scalars(select(FormClerk))
    racers = [Client(client.app, interface="wsgi") for _ in range(RACERS)]
    statuses: list[int] = []
    line = threading.Barrier(RACERS)

    def race(number: int) -> None:
        log_in(racers[number], clerk)
        line.wait(20)
        statuses.append(racers[number].post(path, data={**data, "title": f"Raced {number}"}, headers=PAGE).status)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [303] + [422] * (RACERS - 1)


def test_arrays_are_rows_of_values(client: Client) -> None:
    data = {"words[0]": "one", "words[1]": "two", "numbers[0]": "3"}
    made = client.post("/admin/form-list/new", data={**data, "form_then": "stay"}, headers=PAGE)
    assert made.status == 303, made.text
    shown = client.get(made.headers["location"]).text
    assert 'name="words[1]"' in shown
    wrong = client.post(made.headers["location"], data={**data, "numbers[0]": "x"}, headers=PAGE)
    assert (wrong.status, 'id="f-numbers-0-error"' in wrong.text) == (422, True)
    assert client.post(made.headers["location"], data={"words[0]": "last", "numbers": ""}, headers=PAGE).status == 303
    with client.app.session() as db:
        (row,) = db.scalars(select(FormList))
        assert (row.words, row.numbers) == (["last"], [])
