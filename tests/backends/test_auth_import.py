"""Users of a Django site on each database: whose address counts as proven."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import Boolean, Column, Connection, Date, DateTime, Integer, MetaData, String, create_engine, insert
from sqlalchemy import Table as Columns

from wholestack import App, SetupError
from wholestack.auth import Auth, Imported, UserMixin, import_django
from wholestack.db import Database, Table, UUIDModel, select
from wholestack.mail import Mailing

DAY = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC).replace(tzinfo=None)  # As Django keeps it.
VERSIONS = ("nobody", "everybody", "email_verified", "verified_at", "verified_on", "account_emailaddress.verified")

django = MetaData()
users = Columns(
    "auth_user",
    django,
    Column("id", Integer, primary_key=True),
    Column("username", String(50)),
    Column("email", String(100)),
    Column("password", String(100)),
    Column("email_verified", Boolean),
    Column("verified_at", DateTime),
    Column("verified_on", Date),
)
addresses = Columns(
    "account_emailaddress",
    django,
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer),
    Column("email", String(100)),
    Column("verified", Boolean),
)


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Settler(UserMixin, UUIDModel, Base):
    pass


@pytest.fixture(scope="module")
def source(url: str) -> Iterator[Connection]:
    """A site whose Ann has proven her address, and whose Bo has not; Cem has proven another than his own."""
    drivers = {"postgresql://": "postgresql+psycopg://", "mariadb://": "mariadb+pymysql://"}
    for plain, full in drivers.items():
        url = url.replace(plain, full, 1)
    engine = create_engine(url)
    with engine.connect() as connection:
        django.create_all(connection)
        proof = {"email_verified": True, "verified_at": DAY, "verified_on": DAY.date()}
        none = {"email_verified": False, "verified_at": None, "verified_on": None}
        for number, (name, proven) in enumerate({"ann": True, "bo": False, "cem": False}.items(), 1):
            row = {"id": number, "username": name, "email": f"{name.title()}@Example.org", "password": "x"}
            connection.execute(insert(users).values(**row, **(proof if proven else none)))
        for row in (
            {"user_id": 1, "email": "ann@example.org", "verified": True},
            {"user_id": 2, "email": "bo@example.org", "verified": False},
            {"user_id": 3, "email": "cem@elsewhere.example", "verified": True},
            {"user_id": 2, "email": "cem@example.org", "verified": True},  # Another's proof is none of his.
        ):
            connection.execute(insert(addresses).values(**row))
        connection.commit()
        yield connection
        connection.rollback()
        django.drop_all(connection)
        connection.commit()
    engine.dispose()


@pytest.fixture
def app(url: str) -> Iterator[App]:
    app = App(docs=False)
    database = Database(url, models=Base, migrations=None)
    app.use(database, Mailing("a@example.org", "memory:", base_url="https://site.example"), Auth(Settler))
    app.seal()
    database.create_tables()
    yield app
    Base.metadata.drop_all(database.engine)
    database.dispose()


def taken_over(app: App, source: Connection, **options: Any) -> tuple[Imported, dict[str, Any]]:
    with app.session() as db:
        done = import_django(app.plugin(Auth).accounts(app, db), source, **options)
        moments: dict[str, Any] = {
            each.email[:3].strip("@"): each.email_confirmed_at for each in db.scalars(select(Settler))
        }
    return done, moments


@pytest.mark.parametrize("confirmed", VERSIONS)
def test_whose_address_is_proven(app: App, source: Connection, confirmed: str) -> None:
    said: dict[str, Any] = {"nobody": {}, "everybody": {"confirmed": True}}
    done, moments = taken_over(app, source, **said.get(confirmed, {"confirmed": confirmed}))
    proven = {"nobody": set(), "everybody": {"ann", "bo", "cem"}}.get(confirmed, {"ann"})
    assert (done.made, done.proven) == (3, len(proven))
    assert {name for name, moment in moments.items() if moment is not None} == proven
    if confirmed == "verified_at":
        assert moments["ann"] == DAY.replace(tzinfo=datetime.UTC)
    if confirmed == "verified_on":
        assert moments["ann"] == datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("confirmed", "said"),
    [
        ("nothing", "The table auth_user has no column nothing"),
        ("account_emailaddress.nothing", "The table account_emailaddress has no column nothing"),
        ("auth_user.email_verified", "The table auth_user has no column user_id"),
        ("nothing.verified", "There is no table nothing"),
        ("username", "The column username holds neither truth nor moments"),
    ],
)
def test_what_says_nothing_of_it(app: App, source: Connection, confirmed: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        taken_over(app, source, confirmed=confirmed)
    with app.session() as db:
        assert db.scalars(select(Settler)).all() == []
