"""New rows of an import: written many at once they are as a session would have written them, and whoever wants to see each
does.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import JSON, MetaData, String, event, func, select
from sqlalchemy.orm import validates

from admin.site import BROWSER, post
from wholestack import App
from wholestack.admin import Admin, AdminView
from wholestack.admin._import_inserts import takes_many
from wholestack.auth import Auth, Passwords, UserMixin
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    NewRows,
    Session,
    Table,
    Timestamps,
    UUIDModel,
    mapped_column,
    relationship,
)
from wholestack.testing import AsUser, Client


class Harbour(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class HarbourClerk(UserMixin, UUIDModel, Harbour): ...


class Berth(Model, Harbour):
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Ship(Timestamps, UUIDModel, Harbour):
    """What rows may have made for them: a key, moments, defaults of Python and of the database, a version."""

    name: Mapped[str] = mapped_column(String(40), unique=True)
    sails: Mapped[int | None] = mapped_column(default=3)
    crew: Mapped[int | None] = mapped_column(server_default="7")
    papers: Mapped[dict[str, Any] | None] = mapped_column(JSON())
    built: Mapped[datetime.date | None]
    berth_id: Mapped[int | None] = mapped_column(ForeignKey("berth.id"))
    berth: Mapped[Berth | None] = relationship()
    version: Mapped[int] = mapped_column()
    __mapper_args__: ClassVar[dict[str, Any]] = {"version_id_col": version}


class Lamp(Model, Harbour):
    colour: Mapped[str] = mapped_column(String(10))
    buoy_id: Mapped[int] = mapped_column(ForeignKey("buoy.id"))


class Buoy(Model, Harbour):
    """Values that neither Python alone nor the database by itself makes, and rows that are loaded with it."""

    name: Mapped[str] = mapped_column(String(40))
    slug: Mapped[str] = mapped_column(String(40), default=lambda context: context.get_current_parameters()["name"][:3])
    laid: Mapped[datetime.datetime | None] = mapped_column(default=func.current_timestamp())
    lamps: Mapped[list[Lamp]] = relationship(lazy="joined")


class Named(Model, Harbour):
    __abstract__ = True
    name: Mapped[str] = mapped_column(String(40))


class Checked(Named):
    @validates("name")
    def check(self, _key: str, name: str) -> str:
        if name == "row 7":
            raise ValueError("Not seven.")
        return name.upper()


class Constructed(Named):
    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.name += "!"


class Heard(Named): ...


class Greeted(Named): ...


class Hooked(Named): ...


class Watched(Named): ...


class Crate(Model, Harbour):
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(40))
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_on": "kind", "polymorphic_identity": "crate"}


class Barrel(Crate):
    __tablename__ = None  # type: ignore[assignment]
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "barrel"}


class Hooks(AdminView[Hooked]):
    def before_save(self, row: Hooked, identity: Any, *, new: bool) -> None:
        row.name += "?" if new else ""


@event.listens_for(Heard, "before_insert")
def _inserted(_mapper: Any, _connection: Any, row: Heard) -> None:
    row.name += "."


@event.listens_for(Greeted, "init")
def _begun(_row: Greeted, _args: Any, values: dict[str, Any]) -> None:
    values["name"] += ";"


class Numbered(Named):
    """Keys that are never given twice, on SQLite, too."""

    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_autoincrement": True}


class HarbourSite:
    def __init__(self, url: str) -> None:
        self.app = App(docs=False)
        self.database = Database(url, models=Harbour, migrations=None)
        self.admin = Admin(
            HarbourClerk, Berth, Ship, Buoy, Lamp, Checked, Constructed, Heard, Greeted, Hooks, Watched, Crate, Barrel
        )
        self.app.use(self.database, Auth(HarbourClerk, passwords=Passwords(memory=8, passes=1)), self.admin)

    def imported(self, model: str, text: str, columns: list[str], keys: tuple[str, ...] = ()) -> list[Any]:
        """What is said of each row, once the file is imported."""
        client = Client(self.app)
        AsUser(lambda: client)(is_staff=True, is_superuser=True, email=f"{uuid.uuid4().hex}@example.org")
        files = {"file": ("a.csv", text.encode(), "text/csv")}
        answer = client.post(f"/admin/{model}/-/import", files=files, headers=BROWSER, follow=False)
        assert answer.status == 303, answer.text
        where = answer.headers["location"]
        assert post(client, where, {"columns": columns, "keys": list(keys)}).status == 303
        number = int(where.rsplit("/", 1)[1])
        with self.app.session() as db:
            counts: dict[str, int] = self.admin.runs.jobs.of(db, number).settings["counts"]
        if not counts["fault"]:
            assert post(client, f"{where}/run").status == 303
        return [counts[each] for each in ("add", "change", "same", "fault")]

    def all(self, model: type[Any]) -> list[Any]:
        with self.app.session() as db:
            return list(db.scalars(select(model).order_by(model.name)).unique())

    def takes_many(self, model: type[Any], *names: str) -> bool:
        resource = next(each for each in self.admin.resources if each.model is model)
        with self.app.session() as db:
            return takes_many(db, resource, names)


@pytest.fixture(scope="module")
def site(url: str) -> Iterator[HarbourSite]:
    found = HarbourSite(url)
    with Client(found.app):
        found.database.create_tables()
        yield found


ROWS = "".join(f"row {each}\n" for each in range(1_200))


def test_rows_written_together_are_as_a_session_writes_them(site: HarbourSite) -> None:
    assert site.takes_many(Ship, "name", "sails", "crew", "papers", "built", "berth_id")
    with site.app.session() as db:
        db.add(berth := Berth(name="North"))
        db.flush()
        at = berth.id
    columns = ["name", "sails", "crew", "papers", "built", "berth_id"]
    lines = [f'all {each:04},5,9,"{{""a"": 1}}",2026-01-02,{at}' for each in range(600)]
    lines += [f"few {each:04},,,,," for each in range(600)]  # Between others, so that each batch has both kinds.
    lines.sort(key=lambda each: each[4:])
    text = "\n".join([",".join(columns), *lines])
    assert site.imported("ship", text, columns) == [1_200, 0, 0, 0]
    with site.app.session() as db:
        db.add(plain := Ship(name="plain", sails=None, crew=None, built=None, berth_id=None))
        db.add(
            full := Ship(name="rich", sails=5, crew=9, papers={"a": 1}, built=datetime.date(2026, 1, 2), berth_id=at)
        )
    with site.app.session() as db:
        plain, full = (db.scalars(select(Ship).where(Ship.name == name)).one() for name in ("plain", "rich"))
        names = [*columns[1:], "version"]
        assert (plain.sails, plain.crew) == (3, 7)
        made = {each.name: each for each in db.scalars(select(Ship).where(Ship.name.not_in(["plain", "rich"])))}
        assert len(made) == 1_200
        for each in made.values():
            model = full if each.name.startswith("all") else plain
            assert [getattr(each, name) for name in names] == [getattr(model, name) for name in names], each.name
            assert None not in (each.id, each.created_at, each.updated_at)
        nothing = select(func.count()).select_from(Ship).where(Ship.name.like("few%"), Ship.papers.is_(None))
        assert db.scalar(nothing) == 600


def test_defaults_that_want_to_know_what_they_are_made_for(site: HarbourSite) -> None:
    assert site.takes_many(Buoy, "name")
    assert site.imported("buoy", f"name\n{ROWS}", ["name"]) == [1_200, 0, 0, 0]
    made = site.all(Buoy)
    assert len(made) == 1_200
    assert {each.slug for each in made} == {"row"}
    assert not [each for each in made if each.laid is None]


@pytest.mark.parametrize("first", ["new", "changed"])
def test_a_new_row_takes_what_a_changed_one_lets_go(site: HarbourSite, first: str) -> None:
    with site.app.session() as db:
        db.add(old := Berth(name=f"quay {first}"))
        db.flush()
        key = old.id
    lines = [f",quay {first}\n", f"{key},slip {first}\n"]
    text = "id,name\n" + "".join(lines if first == "new" else reversed(lines))
    assert site.imported("berth", text, ["id", "name"], ("id",)) == [1, 1, 0, 0]
    with site.app.session() as db:
        assert db.get_one(Berth, key).name == f"slip {first}"
        assert db.scalars(select(Berth).where(Berth.name == f"quay {first}")).one().id != key


def test_the_history_has_what_the_database_has_made(site: HarbourSite) -> None:
    assert site.imported("ship", "name\nHistoric\n", ["name"]) == [1, 0, 0, 0]
    with site.app.session() as db:
        ship = db.scalars(select(Ship).where(Ship.name == "Historic")).one()
        rows = site.admin.history.rows
        found = db.execute(select(rows).where(rows.c.model == "ship", rows.c.key == str(ship.id))).one()
    assert (found.action, found.label) == ("add", "Historic")
    assert {name: found.values[name] for name in ("name", "sails", "crew")} == {
        "name": [None, "Historic"],
        "sails": [None, 3],
        "crew": [None, 7],
    }


def test_one_that_the_database_refuses_takes_no_other_s_key(site: HarbourSite) -> None:
    """What the first try has read of the database is forgotten: a key that was given and taken back comes again."""
    pier = uuid.uuid4().hex[:6]
    text = "name\n" + "".join(f"{pier} {each}\n" for each in range(700)) + f"{pier} 3\n"
    assert site.imported("berth", text, ["name"]) == [700, 0, 0, 1]
    assert not [each for each in site.all(Berth) if each.name.startswith(pier)]
    assert site.imported("berth", text.removesuffix(f"{pier} 3\n"), ["name"]) == [700, 0, 0, 0]
    with site.app.session() as db:
        rows = site.admin.history.rows
        told = db.execute(
            select(rows.c.key, rows.c.label).where(rows.c.model == "berth", rows.c.label.startswith(pier))
        )
        noted = dict(told.all())
    assert noted == {str(each.id): each.name for each in site.all(Berth) if each.name.startswith(pier)}


def test_new_and_changed_ones_in_one_file(site: HarbourSite) -> None:
    with site.app.session() as db:
        db.add_all(Watched(name=f"old {each}") for each in range(300))
    keys = [each.id for each in site.all(Watched)]
    text = "id,name\n" + "".join(f"{key},changed {key}\n,new {key}\n" for key in keys)
    assert site.imported("watched", text, ["id", "name"], ("id",)) == [300, 300, 0, 0]
    names = {each.name for each in site.all(Watched)}
    assert names == {f"{word} {key}" for key in keys for word in ("changed", "new")}
    with site.app.session() as db:
        db.execute(Watched.__table__.delete())


@pytest.mark.parametrize(("model", "end"), [(Constructed, "!"), (Heard, "."), (Greeted, ";"), (Hooked, "?")])
def test_who_wants_to_see_each_new_row_does(site: HarbourSite, model: type[Any], end: str) -> None:
    assert not site.takes_many(model, "name")
    assert site.imported(model.__tablename__, f"name\n{ROWS}", ["name"]) == [1_200, 0, 0, 0]
    assert {each.name for each in site.all(model)} == {f"row {each}{end}" for each in range(1_200)}


def test_a_model_that_checks_its_values_refuses_one(site: HarbourSite) -> None:
    assert not site.takes_many(Checked, "name")
    assert site.imported("checked", f"name\n{ROWS}", ["name"]) == [1_199, 0, 0, 1]
    assert site.imported("checked", "name\n" + ROWS.replace("row 7\n", ""), ["name"]) == [1_199, 0, 0, 0]
    assert {each.name for each in site.all(Checked)} == {f"ROW {each}" for each in range(1_200) if each != 7}


def test_a_session_that_somebody_listens_to(site: HarbourSite) -> None:
    seen: list[str] = []

    def flushed(db: Any, _context: Any, _rows: Any) -> None:
        seen.extend(each.name for each in db.new if isinstance(each, Watched))

    assert site.takes_many(Watched, "name")
    event.listen(Session, "before_flush", flushed)
    try:
        assert not site.takes_many(Watched, "name")
        assert site.imported("watched", "name\na\nb\n", ["name"]) == [2, 0, 0, 0]
    finally:
        event.remove(Session, "before_flush", flushed)
    assert set(seen) == {"a", "b"}
    assert site.takes_many(Watched, "name")


def test_an_attribute_that_somebody_listens_to(site: HarbourSite) -> None:
    def to_lower(_row: Any, value: str, _old: Any, _by: Any) -> str:
        return value.lower()

    event.listen(Watched.name, "set", to_lower, retval=True)
    try:
        assert not site.takes_many(Watched, "name")
        assert site.imported("watched", "name\nLOUD\n", ["name"]) == [1, 0, 0, 0]
    finally:
        event.remove(Watched.name, "set", to_lower)
    assert "loud" in {each.name for each in site.all(Watched)}


def test_a_class_of_several_in_one_table(site: HarbourSite) -> None:
    assert not site.takes_many(Barrel, "name")
    assert site.imported("crate-barrel", "name\nsalt\n", ["name"]) == [1, 0, 0, 0]
    with site.app.session() as db:
        assert db.scalars(select(Crate)).one().kind == "barrel"


@pytest.mark.parametrize("model", [Watched, Heard, Numbered, Ship])
def test_new_rows_come_back_in_their_order_by_few_statements(site: HarbourSite, model: type[Any]) -> None:
    names, sent = [f"{model.__name__} {each * 7919 % 401}" for each in range(401)], []
    with site.app.session() as db:
        event.listen(db.get_bind(), "before_cursor_execute", hear := lambda *args: sent.append(args[2]))
        try:
            made = NewRows(db, model, ["name"]).write(db, [{"name": name} for name in names])
            assert [each.name for each in made] == names
            keys = [each.id for each in made]
            assert len(sent) <= 5 or model is Numbered
        finally:
            event.remove(db.get_bind(), "before_cursor_execute", hear)
        assert model is Ship or keys == sorted(keys)
        assert dict(db.execute(select(model.id, model.name).where(model.id.in_(keys))).all()) == dict(
            zip(keys, names, strict=True)
        )
        db.rollback()


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_keys_of_sqlite_at_their_end_and_those_of_rows_that_are_no_more(site: HarbourSite) -> None:
    with site.app.session() as db:
        db.add(Watched(id=2**63 - 60, name="nearly last"))
        db.add(gone := Numbered(id=9_000, name="gone"))
        db.flush()
        db.delete(gone)
        db.flush()
        rows = [{"name": f"row {each}"} for each in range(59)]
        assert [each.id for each in NewRows(db, Watched, ["name"]).write(db, rows)][-1] == 2**63 - 1
        made = NewRows(db, Watched, ["name"]).write(db, rows)  # SQLite takes any that are free.
        assert len({each.id for each in made}) == 59
        numbered = NewRows(db, Numbered, ["name"]).write(db, rows)
        assert [each.id for each in numbered] == list(range(9_001, 9_060))
        db.rollback()
