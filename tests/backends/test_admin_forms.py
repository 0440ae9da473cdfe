"""The form of a row on each database: rows within it, classes in two tables, arrays, and two people at the same moment."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import re
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import JSON, CheckConstraint, Enum, Integer, MetaData, SmallInteger, String
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


class FormVoice(enum.Enum):
    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


class FormSeat(FormBase):
    """What may be there once only: a number, a name, a choice, another row, and what may be empty."""

    id: Mapped[int] = mapped_column(primary_key=True)
    song_id: Mapped[int] = mapped_column(ForeignKey("form_song.id"))
    place: Mapped[int] = mapped_column(SmallInteger())
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(12), unique=True)
    voice: Mapped[FormVoice] = mapped_column(Enum(FormVoice, native_enum=False, length=20))
    list_id: Mapped[int] = mapped_column(ForeignKey("form_list.id"))
    mark: Mapped[str | None] = mapped_column(String(12), unique=True)
    day: Mapped[datetime.date]
    __table_args__ = (
        CheckConstraint("place >= 0", name="seat_in_place"),
        UniqueConstraint("song_id", "place", name="seat_place"),
        UniqueConstraint("song_id", "number", name="seat_number"),
        UniqueConstraint("song_id", "voice", name="seat_voice"),
        UniqueConstraint("song_id", "list_id", name="seat_list"),
        UniqueConstraint("song_id", "day", name="seat_day"),
    )


class FormSong(FormBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80), unique=True)
    price: Mapped[decimal.Decimal | None]
    written_at: Mapped[datetime.datetime | None] = mapped_column(Moment())
    facts: Mapped[Any | None] = mapped_column(JSON())
    kind: Mapped[str] = mapped_column(String(20))
    verses: Mapped[list[FormVerse]] = relationship(cascade="all, delete-orphan")
    seats: Mapped[list[FormSeat]] = relationship(cascade="all, delete-orphan")
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


class FormStage(FormBase):
    """What is read with each of its rows, and may be nothing."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    list_id: Mapped[int | None] = mapped_column(ForeignKey("form_list.id"))
    list: Mapped[FormList | None] = relationship(lazy="joined")
    kind: Mapped[str] = mapped_column(String(20), default="stage")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "stage", "with_polymorphic": "*"}


class FormTent(FormStage):
    id: Mapped[int] = mapped_column(ForeignKey("form_stage.id"), primary_key=True)
    poles: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"polymorphic_identity": "tent"}


class Songs(AdminView[FormSong]):
    inlines = (Inline(FormVerse, fields=("text",), order="place"), Inline(FormSeat, order="place"))

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
        database,
        Auth(FormClerk, passwords=Passwords(memory=8, passes=1)),
        Admin(Songs, Hymns, FormVerse, FormList, FormStage, FormTent),
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


SEATS = (
    {"number": "1", "name": "first", "voice": "low", "list_id": "0", "mark": "a", "day": "2026-11-27"},
    {"number": "2", "name": "second", "voice": "high", "list_id": "1", "mark": "b", "day": "2026-11-28"},
)


def seats(*rows: dict[str, str]) -> dict[str, str]:
    """Rows as a form has them."""
    return {f"seats[{index}].{name}": text for index, row in enumerate(rows) for name, text in row.items()}


@pytest.fixture
def seated(client: Client) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Where a song with two seats is changed, the keys of the seats, and what else its form sends."""
    with client.app.session() as db:
        lists = [FormList(words=[], numbers=None) for _ in range(3)]
        db.add_all(lists)
        db.flush()
        keys = [each.id for each in lists]
    data = {"title": "Seated", "form_then": "stay"}
    rows = [{**each, "list_id": str(keys[int(each["list_id"])])} for each in SEATS]
    made = client.post("/admin/form-song/new", data={**data, **seats(*rows)}, headers=PAGE)
    assert made.status == 303, made.text
    with client.app.session() as db:
        found = [str(key) for key in db.scalars(select(FormSeat.id).order_by(FormSeat.place))]
    yield made.headers["location"], found, {**data, "form_shown_seats": " ".join(found)}
    with client.app.session() as db:
        for song in db.scalars(select(FormSong).where(FormSong.title == "Seated")):
            db.delete(song)


def held(client: Client) -> list[dict[str, Any]]:
    with client.app.session() as db:
        rows = db.execute(select(FormSeat.__table__).order_by(FormSeat.id)).mappings()
        return [{name: value for name, value in row.items() if name != "id"} for row in rows]


@pytest.mark.parametrize("names", [["number"], ["name"], ["voice"], ["list_id"], ["mark"], ["day"], [*SEATS[0]], []])
def test_rows_take_each_others_values(
    client: Client, seated: tuple[str, list[str], dict[str, str]], names: list[str]
) -> None:
    path, keys, data = seated
    before = held(client)
    rows = [{name: str(getattr(row[name], "value", row[name])) for name in SEATS[0]} for row in before]
    turned = [{**row, **{name: other[name] for name in names}} for row, other in zip(rows, rows[::-1], strict=True)]
    # Also the place of each: the second stands first now.
    sent_rows = [{**turned[1], "form_key": keys[1]}, {**turned[0], "form_key": keys[0]}]
    answer = client.post(path, data={**data, **seats(*sent_rows)}, headers=PAGE)
    assert answer.status == 303, answer.text
    after = held(client)
    for index in (0, 1):
        other = before[1 - index]
        assert after[index] == {**before[index], **{name: other[name] for name in (*names, "place")}}
    # The history has what they were and are, and nothing of what was in between.
    history = client.app.plugin(Admin).history
    with client.app.session() as db:
        changes = history.of(db, "form_seat", keys[0])
        assert changes[0].values["place"] == [0, 1]
        for name in names:
            old, new = (getattr(row[name], "value", row[name]) for row in before)
            assert [str(each) for each in changes[0].values[name]] == [str(old), str(new)]


def test_rows_move_on_by_one_and_a_new_one_takes_the_first_place(
    client: Client, seated: tuple[str, list[str], dict[str, str]]
) -> None:
    path, keys, data = seated
    rows = [{name: str(getattr(row[name], "value", row[name])) for name in SEATS[0]} for row in held(client)]
    with client.app.session() as db:
        third = str(max(db.scalars(select(FormList.id))))
    new = {
        **rows[0],
        "number": "9",
        "name": "third",
        "voice": "middle",
        "list_id": third,
        "mark": "",
        "day": "2026-12-01",
    }
    moved = [{**row, "form_key": key} for row, key in zip(rows, keys, strict=True)]
    answer = client.post(path, data={**data, **seats(new, *moved)}, headers=PAGE)
    assert answer.status == 303, answer.text
    assert [(row["name"], row["place"]) for row in held(client)] == [("first", 1), ("second", 2), ("third", 0)]


def test_what_the_model_makes_the_same_again_is_refused_and_changes_nothing(
    client: Client, seated: tuple[str, list[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, keys, data = seated
    before = held(client)

    def back(_view: Any, row: FormSeat, _identity: Any, *, new: bool) -> None:
        row.number = 1 if str(row.id) == keys[0] else row.number

    view = client.app.plugin(Admin).resource_of(FormSong).page_form.inlines[1].resource.view
    monkeypatch.setattr(type(view), "before_save", back)
    rows = [{name: str(getattr(row[name], "value", row[name])) for name in SEATS[0]} for row in before]
    turned = [{**rows[1], **{"number": "1", "form_key": keys[1]}}, {**rows[0], "number": "2", "form_key": keys[0]}]
    answer = client.post(path, data={**data, **seats(*turned)}, headers=PAGE)
    assert answer.status in {409, 422}
    assert held(client) == before


def test_a_row_is_locked_without_what_is_joined_to_it(client: Client) -> None:
    with client.app.session() as db:
        db.add_all([FormStage(id=1, name="Hall"), FormTent(id=2, name="Circus", poles=4)])
    for path in ("form-stage/1", "form-stage/2", "form-tent/2"):
        answer = client.post(f"/admin/{path}", data={"name": f"New {path}", "poles": "5"}, headers=PAGE)
        assert answer.status == 303, answer.text
    with client.app.session() as db:
        assert [*db.scalars(select(FormStage.name).order_by(FormStage.id))] == ["New form-stage/1", "New form-tent/2"]
