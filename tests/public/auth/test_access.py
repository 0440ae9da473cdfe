"""Who may reach what: the table of it, routes that do not say it, and requests with values of somebody else's."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import CheckConstraint, MetaData

from auth.site import Site, User
from wholestack import App
from wholestack.auth import OfTenant, Scoped, Tenant, Tenants, UserMixin, access_of, permission, permissions_of
from wholestack.cli import find_app, main
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, Table, UUIDModel, mapped_column, select
from wholestack.realtime import Socket
from wholestack.testing import ClientFault, Intruder, World

HOLES = Path(__file__).with_name("holes_app.py")


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The app in a folder of its own, under a name that no other test has imported."""
    name = f"holes_{tmp_path.name.replace('-', '_')}.py"
    shutil.copy(HOLES, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHOLESTACK_STAGE", "test")
    return tmp_path / name


@pytest.fixture
def run(holes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command line in this process."""
    path = list(sys.path)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["wholestack", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else int(code is not None), captured.out + captured.err

    yield run
    sys.path[:] = path


# -- the table -------------------------------------------------------------------------------------------------------


def test_the_table_of_who_may_reach_what(holes: Path, run: Run) -> None:
    code, output = run("routes", "--access", holes.name)
    assert code == 0
    shown = {(line.split()[0], line.split()[1]): line for line in output.splitlines()}
    assert "logged in " in shown["GET", "/notes"] and " anybody " in shown["PATCH", "/notes/{id}"]
    assert "mine of Note " in shown["GET", "/good/{id}"] and " public " in shown["GET", "/search"]
    assert "permission('notes.edit') " in shown["GET", "/editors"] and " logged_in  " in shown["GET", "/good"]
    assert f"{holes.name}:" in shown["GET", "/good"]
    code, output = run("routes", "--access", "--json", holes.name)
    found = {(each["methods"][0], each["path"]): each for each in json.loads(output)}
    assert found["PATCH", "/notes/{id}"]["open"] and not found["GET", "/search"]["open"]
    assert found["GET", "/good"]["who"] == ["logged_in"] and not found["GET", "/good"]["tenant"]


def test_routes_of_a_tenant_and_of_combined_rules() -> None:
    site = Site()
    site.app.provide(lambda_tenant)

    @site.app.get("/crates", needs=permission("a.b") | permission("c.d"))
    def crates(db: Scoped[Session]) -> None: ...

    with site.running(Tenants()):
        (found,) = [each for each in access_of(site.app) if each.path == "/crates"]
    assert found.tenant and found.who == ("(permission('a.b') | permission('c.d'))",)


def lambda_tenant(user: User) -> Tenant:
    return Tenant(user.key)


def test_routes_that_say_nothing_are_named(holes: Path) -> None:
    app = find_app(holes.name)
    app.seal()
    # Login's own pages, and what is `public`, have said it.
    assert _codes(app) == [("no-rule", "PATCH /notes/{id} says not who may reach it.")]


# -- permissions -----------------------------------------------------------------------------------------------------


def test_roles_with_permissions_that_nothing_asks_for() -> None:
    site = Site(permissions=["things.of.code"])
    permission("things.sell")
    with site.running():
        zoe = site.make()
        site.grant(zoe, "good", "things.sell", "things.of.code", "*", *permissions_of(User))
        assert _codes(site.app) == []
        site.grant(zoe, "typo", "things.sel")
        assert _codes(site.app) == [
            ("unknown-permission", "The role 'typo' holds the permission 'things.sel', which nothing asks for.")
        ]


def test_roles_that_cannot_be_read_yet() -> None:
    site = Site(url="sqlite:////nowhere/at/all.db")
    site.app.use(site.database, site.mailing, site.auth)
    site.app.seal()
    assert _codes(site.app) == []


def _called(check: Any, app: App) -> Any:
    return check(app) if inspect.signature(check).parameters else check()


def _codes(app: App) -> list[tuple[str, str]]:
    """What `wholestack check` is told by the checks of access, without those of pages, which take their time."""
    mine: list[Any] = [each for each in app.checks if each.__module__ == "wholestack.auth._access"]
    return [(fault.code, fault.message) for each in mine for fault in _called(each, app)]


# -- values of somebody else's ---------------------------------------------------------------------------------------


def test_C18_an_app_with_holes(holes: Path, run: Run) -> None:
    code, output = run("test", "--idor", holes.name)
    assert code == 1
    found = {tuple(line.strip().split("  (")[0].split("  as ")) for line in output.splitlines() if "  as " in line}
    assert found == {
        ("GET /notes", "another user: 200, shows a row of the owner's"),
        ("GET /notes/{id}", "another user: 200, shows a row of the owner's"),
        ("PATCH /notes/{id}", "another user: 204, changed a row of the owner's"),
        ("PATCH /notes/{id}", "nobody: 204, changed a row of the owner's"),
        ("DELETE /notes/{id}", "another user: 409, came as far as the owner"),
        ("POST /comments", "another user: 204, took what refers to a row of the owner's"),
        ("POST /comments/form", "another user: 204, took what refers to a row of the owner's"),
        ("GET /count", "another user: 200, shows what the owner is shown"),
    }
    assert f"{holes.name}:" in output
    assert "GET /things/{thing}: no value of the owner's rows fits its path" in output
    assert "GET /fails/{id}: the owner got an error" in output and "GET /editors: the owner got 403" in output
    assert not (holes.parent / "never.db").exists()  # The app's own database was never there.


def test_C18_an_app_without_holes(holes: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLES", "none")
    code, output = run("test", "--idor", holes.name)
    assert code == 0 and "5 requests" in output and "Nothing came through." in output


def test_routes_that_are_allowed_and_a_world_of_one_s_own(holes: Path, run: Run) -> None:
    (holes.parent / "our_world.py").write_text(
        f"from {holes.stem} import Note, User\nfrom wholestack.testing import World\n"
        "def world(db):\n"
        "    a, b = User(email='a@example.org'), User(email='b@example.org')\n"
        "    db.add_all([a, b]); db.flush()\n"
        "    db.add(note := Note(owner_id=a.id, text='a long secret')); db.flush()\n"
        "    return World(a, b, (a, note))\n"
        "number = 3\n"
    )
    # Without a comment nothing keeps the note.
    code, output = run("test", "--idor", holes.name, "--world", "our_world.py:world", "--allow", "GET /notes")
    assert (
        code == 1
        and "DELETE /notes/{id}  as another user: 204, changed a row" in output
        and "GET /notes  " not in output
    )
    for words, message in (
        (("--allow", "GET /none"), "There is no route 'GET /none' to allow."),
        (("--world", "our_world.py"), "names no function"),
        (("--world", "our_world.py:number"), "has no function 'number'"),
        (("another.py",), "is more than one app"),
    ):
        code, output = run("test", "--idor", holes.name, *words)
        assert code != 0 and message in output


def test_C18_tenants() -> None:
    """Rows of a tenant are made for the user's own; what forgets the scope is found."""

    class FirmBase(Table):
        __abstract__ = True
        metadata = Site().database.metadata.__class__(naming_convention=Table.metadata.naming_convention)

    class Firm(Model, FirmBase):
        __tablename__ = "firm"
        name: Mapped[str]

    class Clerk(OfTenant, UserMixin, Model, FirmBase):
        __tablename__ = "clerk"
        __tenant__ = "firm_id"
        firm_id: Mapped[int] = mapped_column(ForeignKey(Firm.id))

    class Paper(OfTenant, Model, FirmBase):
        __tablename__ = "paper"
        __tenant__ = "firm_id"
        firm_id: Mapped[int] = mapped_column(ForeignKey(Firm.id))
        parent_id: Mapped[int | None] = mapped_column(ForeignKey("paper.id"), default=None)
        text: Mapped[str]

    site = Site(user=Clerk)
    app: Any = site.app
    site.database = Database("sqlite://", models=FirmBase, migrations=None)

    @app.provide
    def tenant(clerk: Clerk) -> Tenant:
        return Tenant(clerk.firm_id)

    @app.get("/papers")
    def papers(db: Scoped[Session]) -> list[str]:
        return list(db.scalars(select(Paper.text)))

    @app.get("/papers/{id}")
    def paper(id: int, db: Scoped[Session]) -> str:
        return db.get_one(Paper, id).text

    @app.get("/forgotten/{id}")
    def forgotten(id: int, clerk: Clerk, db: Session) -> str:
        return db.get_one(Paper, id).text

    @app.post("/papers")
    def new(paper_id: int, clerk: Clerk, db: Scoped[Session]) -> None:
        db.add(Paper(text="new", parent_id=paper_id))

    with site.running(Tenants()):
        found = Intruder(app).run()
        with pytest.raises(ClientFault):
            Intruder(app, allow=["GET /none"]).run()
        assert [(hole.route, hole.who) for hole in found.holes] == [("GET /forgotten/{id}", "another user")]
        assert set(found.asked) == {"GET /papers", "GET /papers/{id}", "GET /forgotten/{id}", "POST /papers"}
        with app.session() as db:  # Nothing stays.
            assert db.scalars(select(Clerk)).all() == [] and World is not None


def test_C18_rows_are_known_again_by_numbers_and_by_what_has_a_default() -> None:
    class SlipBase(Table):
        __abstract__ = True
        metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)

    class Earner(UserMixin, UUIDModel, SlipBase): ...

    class Slip(Model, SlipBase):
        earner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("earner.id"))
        cents: Mapped[int]
        note: Mapped[str] = mapped_column(default="")
        hours: Mapped[int | None]
        stars: Mapped[int] = mapped_column(default=3)
        __table_args__ = (CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),)

    class Bonus(Model, SlipBase):
        earner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("earner.id"))
        hours: Mapped[int | None]

    site = Site(user=Earner)
    app: Any = site.app
    site.database = Database("sqlite://", models=SlipBase, migrations=None)

    @app.get("/wages")
    def wages(earner: Earner, db: Session) -> list[int | None]:
        return list(db.scalars(select(Bonus.hours)))

    @app.get("/mine")
    def mine(earner: Earner, db: Session) -> list[int | None]:
        return list(db.scalars(select(Bonus.hours).where(Bonus.earner_id == earner.id)))

    @app.get("/notes")
    def notes(earner: Earner, db: Session) -> list[str]:
        return list(db.scalars(select(Slip.note)))

    @app.socket("/live")
    async def live(earner: Earner, socket: Socket[str, str]) -> None: ...

    with site.running():
        found = Intruder(app).run()
        assert [(hole.route, hole.who) for hole in found.holes] == [
            ("GET /wages", "another user"),
            ("GET /notes", "another user"),
        ]
        assert found.unasked == {"WEBSOCKET /live": "it is a socket, and those are not asked"}
