"""Who is logged in on pages for errors, on each database, interface and colour; and that such a page is always shown."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, ForeignKey, MetaData, event
from sqlalchemy.orm import relationship

from backends.conftest import asynchronous, plain
from databases import Cluster
from wholestack import App, Forbidden, NotFound, Router, TooManyRequests
from wholestack.auth import Auth, Identity, UserMixin, add_to_role, role_called, staff
from wholestack.db import Database, Mapped, Model, Table, mapped_column, select
from wholestack.templates import Page, Templates
from wholestack.testing import Answer, Client, log_in

BROWSER = {"accept": "text/html"}
PAGE = """{{ error.status }} {{ user.email if user else "nobody" }}
{%- if error.status == 404 and user %} of the {{ user.boat.name }}{% endif %}
{%- if can("sails.set") %} may set sails{% endif %}
{%- if error.code == "conflict" %}{{ nothing }}{% endif %}"""
WAYS = ("plain", "asked", "known", "page")


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Boat(Model, Base):
    name: Mapped[str]


class Sailor(UserMixin, Model, Base):
    boat_id: Mapped[int] = mapped_column(ForeignKey("boat.id"))
    boat: Mapped[Boat] = relationship()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "error.html").write_text(PAGE)
    (folder / "form.html").write_text("{{ user.email if user else 'nobody' }} {{ can('sails.set') }}")
    return str(folder)


def made(url: str, pages: str) -> App:
    app = App(docs=False)
    app.use(Database(url, models=Base, migrations=None), Auth(Sailor), Templates(pages))
    for colour in (plain, asynchronous):
        app.include(handlers(colour), at=f"/{colour.__name__}")
    app.seal()
    return app


def handlers(colour: Callable[[Any], Any]) -> Router:
    router = Router()

    @router.get("/plain/{code}")
    @colour
    def of_nobody(code: int) -> str:
        raise error(code)

    @router.get("/asked/{code}")
    @colour
    def of_an_identity(code: int, identity: Identity[Sailor]) -> str:
        raise error(code)

    @router.get("/known/{code}")
    @colour
    def of_a_user(code: int, sailor: Sailor | None) -> str:
        raise error(code)

    @router.get("/page/{code}")
    @colour
    def of_a_page(code: int) -> Page:
        raise error(code)

    @router.get("/staff", needs=staff)
    @colour
    def of_staff() -> str:
        return "staff"

    @router.get("/form")
    @colour
    def form() -> Page:
        return Page("form.html", status=422)

    return router


def error(code: int) -> Exception:
    return {403: Forbidden("No."), 404: NotFound(), 429: TooManyRequests("Slowly.")}.get(code, LookupError("broken"))


class Ship:
    """An app, a client that is logged in and one that is not, and the statements that were sent."""

    def __init__(self, app: App, client: Client, visitor: Client) -> None:
        self.app, self.client, self.visitor = app, client, visitor
        self.statements: list[str] = []

    def sent(self, _: Any, __: Any, statement: str, *more: Any) -> None:
        self.statements.append(statement)

    def get(self, path: str, client: Client | None = None, **headers: str) -> Answer:
        self.statements.clear()
        return (client or self.client).get(path, headers=BROWSER | headers)


@contextlib.contextmanager
def sailing(app: App, interface: Any = "asgi") -> Iterator[Ship]:
    with Client(app, interface=interface, raise_errors=False) as client:
        app.plugin(Database).create_tables()
        with app.session() as db:
            db.add(zoe := Sailor(email=f"zoe{interface}@example.org", boat=Boat(name="Albatross")))
            db.flush()
            accounts = app.plugin(Auth).accounts(app, db)
            role_called(accounts, "deck").permissions = ["sails.set"]
            add_to_role(accounts, zoe, "deck")
        log_in(client, zoe)
        ship = Ship(app, client, Client(app, interface=interface, raise_errors=False))
        event.listen(Engine, "before_cursor_execute", ship.sent)
        try:
            yield ship
        finally:
            event.remove(Engine, "before_cursor_execute", ship.sent)
        with app.session() as db:
            db.delete(db.merge(zoe))


@pytest.fixture(scope="module")
def app(url: str, pages: str) -> Iterator[App]:
    app = made(url, pages)
    yield app
    app.plugin(Database).dispose()


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def ship(request: pytest.FixtureRequest, app: App) -> Iterator[Ship]:
    with sailing(app, request.param) as ship:
        yield ship


@pytest.fixture
def at(colour: Any) -> str:
    return f"/{colour.__name__}"


def taken(app: App) -> int:
    pool: Any = app.plugin(Database).engine.pool
    return int(pool.checkedout()) if hasattr(pool, "checkedout") else 0


def test_who_is_logged_in_is_shown(ship: Ship, at: str) -> None:
    email = f"zoe{ship.client.interface}@example.org"
    for way in WAYS:
        answer = ship.get(f"{at}/{way}/404")
        assert (answer.status, answer.text) == (404, f"404 {email} of the Albatross may set sails"), way
        assert "cookie" in answer.headers["vary"] and "private" in answer.headers["cache-control"]
        assert ship.get(f"{at}/{way}/403").text == f"403 {email} may set sails"
        assert ship.get(f"{at}/{way}/404", ship.visitor).text == "404 nobody"
    assert ship.get(f"{at}/staff").text == f"403 {email} may set sails"
    assert ship.get("/nowhere").text == f"404 {email} of the Albatross may set sails"
    assert ship.get("/nowhere", ship.visitor).text == "404 nobody"
    assert taken(ship.app) == 0


def test_nobody_pays_who_is_not_asked_for(ship: Ship, at: str) -> None:
    """A page for an error of a visitor, and an error for a program, ask the database nothing."""
    ship.get("/nowhere", ship.visitor)
    assert ship.statements == []
    answer = ship.get(f"{at}/plain/404", accept="application/json")
    assert answer.json()["code"] == "not-found" and ship.statements == []
    assert "cookie" not in answer.headers["vary"]
    ship.get(f"{at}/plain/403")
    assert len(ship.statements) == 3, "the session, the user and the roles, each once"


@pytest.mark.parametrize("code", [429, 500])
def test_where_it_might_fail_as_well_nobody_is_looked_for(ship: Ship, at: str, code: int) -> None:
    answer = ship.get(f"{at}/plain/{code}")
    assert (answer.status, answer.text, ship.statements) == (code, f"{code} nobody", [])
    for way in WAYS[1:]:
        assert ship.get(f"{at}/{way}/{code}").text == f"{code} nobody"


def test_a_page_that_is_no_error_is_as_before(ship: Ship, at: str) -> None:
    assert ship.get(f"{at}/form").text == f"zoe{ship.client.interface}@example.org True"
    assert ship.get(f"{at}/form", ship.visitor).text == "nobody False"


def test_what_proves_nothing_shows_nobody(ship: Ship, at: str) -> None:
    assert ship.get(f"{at}/plain/404", authorization="Bearer none").text == "404 nobody"
    with ship.app.session() as db:
        for each in db.scalars(select(Sailor)):
            each.login_version += 1
    assert ship.get(f"{at}/plain/404").text == "404 nobody"


def test_in_a_test_that_is_rolled_back(app: App, at: str) -> None:
    app.plugin(Database).create_tables()
    with app.plugin(Database).rolled_back() as db, Client(app, raise_errors=False) as client:
        db.add(bo := Sailor(email="bo@example.org", boat=Boat(name="Petrel")))
        db.commit()
        log_in(client, bo)
        for way in WAYS:
            assert client.get(f"{at}/{way}/404", headers=BROWSER).text == "404 bo@example.org of the Petrel"


def test_a_page_that_fails_keeps_no_connection(app: App, at: str, tmp_path: Path) -> None:
    (tmp_path / "error.html").write_text("{{ user.email }}{{ user.boat.nothing.at_all }}")
    broken = App(docs=False)
    broken.use(app.plugin(Database), Auth(Sailor), Templates(str(tmp_path)))
    with sailing(broken) as ship:
        assert ship.get("/nowhere").status == 500 and taken(broken) == 0


def test_a_database_that_fails_breaks_no_page(
    app: App, pages: str, at: str, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its tables are gone: what is asked fails, in the middle of a transaction or not."""
    with sailing(app) as ship:
        database = app.plugin(Database)
        auth = app.plugin(Auth).tables
        auth.membership.__table__.drop(database.engine)
        # Who it is is found, and what they may is not.
        assert ship.get(f"{at}/plain/403").text == "403 zoeasgi@example.org"
        assert ship.get(f"{at}/known/404").text == "404 zoeasgi@example.org of the Albatross"
        with contextlib.ExitStack() as stack:
            stack.callback(database.create_tables)
            for table in ("token", "external", "link", "totp", "recovery_code", "passkey"):
                getattr(auth, table).__table__.drop(database.engine)
            with app.session() as db:
                row = db.scalars(select(Sailor)).one()
            Sailor.__table__.drop(database.engine)  # type: ignore[attr-defined]
            with caplog.at_level(logging.WARNING, logger="wholestack.auth"):
                for way in ("plain", "asked", "page"):
                    assert ship.get(f"{at}/{way}/404").text == "404 nobody", way
                assert ship.get("/nowhere").text == "404 nobody"
            assert "who is logged in is not shown" in caplog.text and "zoe" not in caplog.text
            assert taken(app) == 0
        with app.session() as db:
            db.merge(row)


def test_a_server_that_is_away_breaks_no_page(pages: str) -> None:
    with Cluster() as cluster:
        app = made(cluster.url, pages)
        with sailing(app) as ship:
            assert ship.get("/nowhere").text == "404 zoeasgi@example.org of the Albatross may set sails"
            cluster.stop("immediate")
            for path in ("/nowhere", "/plain/plain/404", "/asynchronous/plain/403"):
                answer = ship.get(path)
                assert answer.text in {"404 nobody", "403 nobody"} and answer.status in {403, 404}
            assert ship.get("/plain/known/404").status == 503  # There it was asked for by the handler.
            cluster.start()
            assert ship.get("/nowhere").text.startswith("404 zoe")
