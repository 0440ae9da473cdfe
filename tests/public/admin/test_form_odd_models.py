"""Forms of models that are unlike most: with a constructor of their own, texts of which there are a few, and rules that
look at the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import CheckConstraint, Column, Enum, ForeignKey, MetaData, String
from sqlalchemy import Table as Rows
from sqlalchemy.orm import WriteOnlyMapped

from admin.site import BROWSER, login, post
from wholestack import App, SetupError
from wholestack.admin import Admin, AdminView, FieldRule, Inline
from wholestack.auth import Auth, Identity, Passwords, UserMixin, policy
from wholestack.db import Database, Mapped, Model, Table, UUIDModel, mapped_column, relationship, select
from wholestack.files import Files, MemoryStorage, StoredFile
from wholestack.testing import Client


class OddBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Person(UserMixin, UUIDModel, OddBase):
    nickname: Mapped[str] = mapped_column(String(40), default="")


class Lamp(Model, OddBase):
    name: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(Enum("on", "off", name="lamp_state"))


class Buoy(Model, OddBase):
    name: Mapped[str] = mapped_column(String(40))
    depth: Mapped[int | None]

    def __init__(self, name: str) -> None:
        self.name = name.title()


class Tank(Model, OddBase):
    name: Mapped[str] = mapped_column(String(40))
    full: Mapped[int] = mapped_column(default=0)
    __table_args__ = (CheckConstraint("full <= 100", name="not_over"),)


class Word(Model, OddBase):
    text: Mapped[str] = mapped_column(String(40))


book_word = Rows(
    "book_word",
    OddBase.metadata,
    Column("book_id", ForeignKey("lexicon.id"), primary_key=True),
    Column("word_id", ForeignKey("word.id"), primary_key=True),
)


class Lexicon(Model, OddBase):
    """With more words than anybody reads at once."""

    name: Mapped[str] = mapped_column(String(40))
    words: WriteOnlyMapped[Word] = relationship(secondary=book_word)


class Sheet(Model, OddBase):
    deed_id: Mapped[int] = mapped_column(ForeignKey("deed.id"))
    owner: Mapped[str] = mapped_column(String(40), default="")
    scan: Mapped[StoredFile | None]
    note: Mapped[str] = mapped_column(String(40), default="")


class Deed(Model, OddBase):
    title: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), default="")
    scan: Mapped[StoredFile | None]
    sheets: Mapped[list[Sheet]] = relationship(cascade="all, delete-orphan", order_by="Sheet.id")


def is_owner(identity: Identity[Any], row: Any) -> bool:
    return row is None or row.owner == identity.user.nickname


@policy
def any_sheet(user: Person, sheet: Sheet) -> bool:
    return True


@any_sheet.where
def _(user: Person) -> Any:
    return Sheet.id == Sheet.id


class Deeds(AdminView[Deed]):
    field_rules = {"scan": is_owner}
    inlines = (Inline(Sheet, fields=("owner", "scan", "note")),)


class Sheets(AdminView[Sheet]):
    field_rules = {"scan": is_owner, "note": FieldRule(change=any_sheet)}


class Office:
    """The back office at work, and a browser."""

    def __init__(self, app: App, client: Client, storage: MemoryStorage) -> None:
        self.app, self.client, self.storage = app, client, storage

    def all(self, model: type[Any]) -> list[Any]:
        with self.app.session() as db:
            return [*db.scalars(select(model).order_by(model.id))]

    def add(self, *rows: Any) -> None:
        with self.app.session() as db:
            db.add_all(rows)

    def send(self, path: str, files: dict[str, Any] | None = None, **data: Any) -> Any:
        return self.client.post(path, data=data, files=files or {}, headers=BROWSER, follow=False)


@pytest.fixture
def office() -> Iterator[Office]:
    storage = MemoryStorage()
    app = App(docs=False)
    database = Database("sqlite://", models=OddBase, migrations=None)
    auth = Auth(Person, passwords=Passwords(memory=8, passes=1))
    app.use(database, auth, Files(storage), Admin(Lamp, Buoy, Tank, Lexicon, Word, Deeds, Sheets, Person))
    with Client(app) as client:
        database.create_tables()
        yield Office(app, client, storage)


def test_a_text_of_which_there_are_a_few_is_chosen_and_filtered(office: Office) -> None:
    login(office.client, "*")
    office.add(Lamp(name="Hall", state="on"), Lamp(name="Stairs", state="off"))
    page = office.client.get("/admin/lamp?state=off", headers=BROWSER)
    assert page.status == 200 and "Stairs" in page.text and ">Hall<" not in page.text
    assert post(office.client, "/admin/lamp/1", {"name": "Hall", "state": "dim"}).status == 422
    assert post(office.client, "/admin/lamp/1", {"name": "Hall", "state": "off"}).status == 303
    assert [each.state for each in office.all(Lamp)] == ["off", "off"]


def test_a_constructor_of_the_models_own_takes_what_it_takes(office: Office) -> None:
    login(office.client, "*")
    assert post(office.client, "/admin/buoy/new", {"name": "west", "depth": "12"}).status == 303
    (buoy,) = office.all(Buoy)
    assert (buoy.name, buoy.depth) == ("West", 12)
    assert post(office.client, f"/admin/buoy/{buoy.id}/delete").status == 303
    assert post(office.client, f"/admin/buoy/{buoy.id}/restore").status == 303
    assert [(each.name, each.depth) for each in office.all(Buoy)] == [("West", 12)]


def test_a_rule_of_the_database_alone_takes_nothing_of_what_was_typed(office: Office) -> None:
    login(office.client, "*")
    answer = post(office.client, "/admin/tank/new", {"name": "West", "full": "500"})
    assert answer.status == 422 and "it is not allowed" in answer.text and 'value="West"' in answer.text
    office.add(Tank(name="East", full=50))
    answer = post(office.client, "/admin/tank/1", {"name": "South", "full": "500"})
    assert answer.status == 422 and 'value="South"' in answer.text
    assert [(each.name, each.full) for each in office.all(Tank)] == [("East", 50)]


def test_a_relation_that_is_not_read_as_a_whole_stands_in_nobodys_way(office: Office) -> None:
    login(office.client, "*")
    assert post(office.client, "/admin/lexicon/new", {"name": "One"}).status == 303
    assert office.client.get("/admin/lexicon/1", headers=BROWSER).status == 200
    assert post(office.client, "/admin/lexicon/1", {"name": "Two"}).status == 303
    for path in ("", "/1/history", "/1/delete", "/-/export/file"):
        assert office.client.get(f"/admin/lexicon{path}", headers=BROWSER).status == 200, path
    assert [each.name for each in office.all(Lexicon)] == ["Two"]


def test_a_row_with_such_a_relation_is_deleted_or_says_why_not(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLAlchemy deletes it only where the database minds the rows (``passive_deletes``)."""
    login(office.client, "*")
    office.add(Lexicon(name="One"))
    told = post(office.client, "/admin/lexicon/1/delete")
    assert told.status < 500 and "passive_deletes=True" in caplog.text
    assert [each.name for each in office.all(Lexicon)] == ["One"]


@pytest.mark.parametrize("column", ["words", "words.text"])
def test_such_a_relation_is_no_column_of_a_list(column: str) -> None:
    view = type("Lexicons", (AdminView,), {"model": Lexicon, "columns": ("name", column)})
    app = App(docs=False)
    auth = Auth(Person, passwords=Passwords(memory=8, passes=1))
    with pytest.raises(SetupError, match=r"Lexicon\.words is never read as a whole"):
        app.use(Database("sqlite://", models=OddBase, migrations=None), auth, Admin(view, Word, Person))
        app.seal()


# -- copies ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def deed(office: Office) -> str:
    """The page of a deed of somebody else's, with a sheet of theirs and one of Zoe's."""
    login(office.client, "*", nickname="bo")
    made = office.send(
        "/admin/deed/new", {"scan": ("deed.txt", b"deed")}, title="A house", owner="bo", form_then="stay"
    )
    where = str(made.headers["location"])
    for number, owner in enumerate(("bo", "zoe")):
        office.add(Sheet(deed_id=1, owner="bo"))
        keys = {f"sheets[{each}].form_key": str(each + 1) for each in range(number + 1)}
        owners = {"sheets[0].owner": "bo", f"sheets[{number}].owner": "bo"}
        files = {f"sheets[{number}].scan": (f"{owner}.txt", owner.encode())}
        assert office.send(where, files, title="A house", owner="bo", **keys, **owners).status == 303
    with office.app.session() as db:
        db.get_one(Sheet, 2).owner = "zoe"
    assert [each.scan is not None for each in office.all(Sheet)] == [True, True]
    login(
        office.client,
        *(f"{model}.{act}" for model in ("deed", "sheet") for act in ("view", "add", "change")),
        nickname="zoe",
    )
    return where


KEYS = {"sheets[0].form_key": "1", "sheets[1].form_key": "2"}
OWNERS = {"sheets[0].owner": "zoe", "sheets[1].owner": "zoe", "sheets[0].note": "first", "sheets[1].note": "second"}


def test_a_copy_takes_no_file_that_one_may_not_see(office: Office, deed: str) -> None:
    assert "deed.txt" not in office.client.get(deed, headers=BROWSER).text
    copied = office.send(deed, title="Mine", owner="zoe", form_then="copy", **KEYS, **OWNERS)
    assert copied.status == 303
    _, mine = office.all(Deed)
    assert (mine.owner, mine.scan) == ("zoe", None)
    # Of the rows within it the same: that of somebody else's sheet stays there, one's own is had.
    assert [each.scan and each.scan.filename for each in office.all(Sheet)[2:]] == [None, "zoe.txt"]


def test_a_copy_has_the_files_of_its_rows_for_itself_but_those_that_are_taken_out(office: Office, deed: str) -> None:
    login(office.client, "*", nickname="bo")
    copied = office.send(deed, title="Again", owner="bo", form_then="copy", form_remove_scan="true", **KEYS, **OWNERS)
    assert copied.status == 303
    first, second = office.all(Deed)
    assert (first.scan.filename, second.scan) == ("deed.txt", None)
    there, _, copy, _ = office.all(Sheet)
    assert (copy.deed_id, copy.scan.filename) == (second.id, "bo.txt") and copy.scan.name != there.scan.name
    assert post(office.client, "/admin/deed/1/delete").status == 303
    assert copy.scan.name in {each.name for each in office.storage.names()}


def test_two_with_a_row_within_are_told_where_a_policy_says_who_may_change_it(office: Office, deed: str) -> None:
    page = office.client.get(deed, headers=BROWSER)
    shown = dict(
        re.findall(
            r'<input type="hidden" name="((?:form_seen|sheets\[\d\]\.form_(?:seen|key)))"(?: id="[^"]*")? value="([^"]*)"',
            page.text,
        )
    )
    with office.app.session() as db:
        db.get_one(Sheet, 1).note = "theirs"
    told = office.send(
        deed,
        title="A house",
        owner="bo",
        **shown,
        **{"sheets[0].owner": "bo", "sheets[0].note": "mine", "sheets[1].owner": "zoe"},
    )
    assert told.status == 422 and "Somebody else has saved this" in told.text
    assert office.all(Sheet)[0].note == "theirs"
