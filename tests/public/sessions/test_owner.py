"""Whose a session is, as a row: loaded with the session where that is one question, and by itself where it is none."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from sqlalchemy import MetaData

from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, Table, UUIDModel, assert_queries, mapped_column
from wholestack.sessions import BrowserSession, CookieSessions, DatabaseSessions, MemorySessions, Sessions, owner_key
from wholestack.testing import Client

OWN = {"sec-fetch-site": "same-origin"}


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData()


class Member(Model, Base):
    name: Mapped[str] = mapped_column(default="Ada")


class Guest(UUIDModel, Base):
    """By UUIDs."""


class Code(Base):
    code: Mapped[str] = mapped_column(primary_key=True)


class ElsewhereBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData()


class Elsewhere(Session):
    """Of a second database."""


STORES: dict[str, Any] = {"database": DatabaseSessions, "memory": MemorySessions, "cookie": CookieSessions}


def site(store: Any, *more: Any) -> App:
    app = App(docs=False)
    database = Database("sqlite://", models=Base, migrations=None)
    app.use(database, *more, Sessions(store))

    @app.post("/in/{kind}")
    def log_in(kind: str, session: BrowserSession, db: Session) -> str:
        row: Any = {"member": Member, "guest": Guest, "code": Code}[kind]()
        if kind == "code":
            row.code = "a-code"
        db.add(row)
        db.flush()
        session.user = str(row.code if kind == "code" else row.id)
        return session.user if session.owner(type(row), db) is row else "another"

    @app.get("/{kind}")
    def who(kind: str, session: BrowserSession, db: Session, first: bool = False) -> list[Any]:
        model: Any = {"member": Member, "guest": Guest, "code": Code}[kind]
        if first:
            _ = session.data
        found = session.owner(model, db)
        return [found is not None, session.user, session.owner(model, db) is found]

    @app.get("/out/{kind}")
    def out(kind: str, session: BrowserSession, db: Session) -> bool:
        session.revoke()
        return session.owner(Member, db) is None

    app.seal()
    for each in (database, *more):
        each.create_tables()
    return app


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ["member", "guest", "code"])
def test_a_session_and_its_owner(store: str, kind: str) -> None:
    one = 1 if store != "database" or kind != "code" else 2  # A key that is a text is looked for by itself.
    with Client(site(STORES[store]()), headers=OWN) as client:
        assert client.get(f"/{kind}").json() == [False, None, True]
        user = client.post(f"/in/{kind}").text
        assert user != "another"
        with assert_queries(one):
            assert client.get(f"/{kind}").json() == [True, user, True]
        with assert_queries(2 if store == "database" else 1):
            assert client.get(f"/{kind}", query={"first": "true"}).json() == [True, user, True]
        assert client.get(f"/out/{kind}").json() is True
        assert client.get(f"/{kind}").json() == [False, None, True]


def test_sessions_in_another_database() -> None:
    other = Database("sqlite://", models=ElsewhereBase, session=Elsewhere, migrations=None)
    with Client(site(DatabaseSessions(other), other), headers=OWN) as client:
        user = client.post("/in/member").text
        assert client.get("/member").json() == [True, user, True]


def test_a_key_from_its_text() -> None:
    assert [owner_key(Member, text) for text in ("7", "x", "")] == [7, None, None]
    assert owner_key(Guest, "x") is None
    assert owner_key(Code, "x") == "x"
