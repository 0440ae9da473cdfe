"""The fixtures `as_user` and `async_as_user` on each database: whom they log in, and that nothing of them stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from sqlalchemy import MetaData

from backends.conftest import asynchronous, plain
from wholestack import App, Forbidden, Router, SetupError
from wholestack.auth import Accounts, Auth, Identity, Passwords, UserMixin, mfa, permission, role
from wholestack.db import Database, Mapped, Session, Table, UUIDModel, func, mapped_column, select
from wholestack.testing import AsUser, AsyncClient, CannotMake, Client, ClientFault, log_in

pytestmark = pytest.mark.usefixtures("app")  # Else its kinds are not seen: `client` asks for it later.


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Reviewer(UserMixin, UUIDModel, Base):
    nickname: Mapped[str]  # Must be given: `as_user` does.
    motto: Mapped[str] = mapped_column(default="")


@pytest.fixture(scope="module")
def app(url: str) -> Iterator[App]:
    """An app whose handlers are there in both colours."""
    app = App(title="The reviews", docs=False)
    database = Database(url, models=Base, migrations=None)
    app.use(database, Auth(Reviewer, passwords=Passwords(memory=8, passes=1)))
    for colour in (plain, asynchronous):
        app.include(handlers(colour), at=f"/{colour.__name__}")
    yield app
    database.dispose()


def handlers(colour: Callable[[Any], Any]) -> Router:
    router = Router()

    @router.get("/me")
    @colour
    def me(reviewer: Reviewer, identity: Identity[Reviewer]) -> list[Any]:
        return [reviewer.email, reviewer.nickname, reviewer.motto, sorted(identity.roles)]

    @router.get("/desk", needs=role("editor"))
    @colour
    def desk(reviewer: Reviewer) -> str:
        return reviewer.email

    @router.post("/publish", needs=permission("reviews.publish"))
    @colour
    def publish(reviewer: Reviewer) -> str:
        return "out"

    @router.get("/vault", needs=mfa())
    @colour
    def vault(identity: Identity[Reviewer]) -> list[str]:
        return sorted(identity.methods)

    @router.post("/rename")
    @colour
    def rename(reviewer: Reviewer, to: str) -> None:
        reviewer.nickname = to

    @router.post("/check")
    @colour
    def check(email: str, password: str, accounts: Accounts[Reviewer]) -> str:
        if accounts.check_password(email, password) is None:
            raise Forbidden
        return "right"

    return router


@pytest.fixture
def at(colour: Any) -> str:
    """Where the handlers of this test's colour are."""
    return f"/{colour.__name__}"


def count(db: Session) -> int:
    return db.scalar(select(func.count()).select_from(Reviewer)) or 0


@pytest.mark.parametrize("turn", [1, 2])
def test_two_users_with_roles_and_nothing_of_them_stays(
    as_user: AsUser[Client], client: Client, db: Session, at: str, turn: int
) -> None:
    assert count(db) == 0
    editor, guest = as_user("editor", "moderator", nickname="Zoë"), as_user(motto="On")
    assert editor.get(f"{at}/me").json() == ["user1@example.org", "Zoë", "", ["editor", "moderator"]]
    email, nickname, motto, roles = guest.get(f"{at}/me").json()
    assert (email, motto, roles, bool(nickname)) == ("user2@example.org", "On", [], True)
    assert [each.get(f"{at}/desk").status for each in (editor, guest, client)] == [200, 403, 401]
    editor.post(f"{at}/rename?to=Zoe").expect(204)
    assert sorted(db.scalars(select(Reviewer.nickname))) == sorted(["Zoe", nickname])


def test_what_a_role_holds_is_the_databases(as_user: AsUser[Client], app: App, db: Session, at: str) -> None:
    db.add(app.plugin(Auth).tables.role(name="publishers", permissions=["reviews.publish"]))
    db.commit()
    assert as_user("publishers").post(f"{at}/publish").text == "out"
    assert as_user("others").post(f"{at}/publish").status == 403
    assert as_user("others", permissions=["reviews.publish"]).post(f"{at}/publish").text == "out"
    assert as_user("others").post(f"{at}/publish").status == 403  # Nobody else has got it by that.
    names = db.scalars(select(app.plugin(Auth).tables.role.name)).all()
    assert sorted(names) == ["of user3@example.org alone", "others", "publishers"]


def test_a_row_of_the_tests_own(as_user: AsUser[Client], db: Session, at: str) -> None:
    db.add(zoe := Reviewer(email="zoe@example.org", nickname="Zoë"))  # Neither flushed nor committed.
    assert as_user("editor", user=zoe).get(f"{at}/desk").text == "zoe@example.org"
    db.commit()  # What is expired is read again.
    assert as_user("editor", "critic", user=zoe).get(f"{at}/me").json()[3] == ["critic", "editor"]
    assert count(db) == 1
    with pytest.raises(ClientFault, match="set motto there"):
        as_user(user=zoe, motto="On")


def test_by_what_they_come_in(as_user: AsUser[Client], client: Client, db: Session, at: str) -> None:
    assert as_user().get(f"{at}/vault").json()["code"] == "second-factor-required"
    assert as_user(methods=("pwd", "otp", "mfa")).get(f"{at}/vault").json() == ["mfa", "otp", "pwd"]
    as_user(email="ann@example.org", password="correct horse battery")
    assert client.post(f"{at}/check?email=ann@example.org&password=correct horse battery").text == "right"
    assert db.scalar(select(Reviewer.email_confirmed_at).where(Reviewer.email == "ann@example.org")) is not None
    as_user(email="bo@example.org", email_confirmed_at=None)
    assert db.scalar(select(Reviewer.email_confirmed_at).where(Reviewer.email == "bo@example.org")) is None


def test_clients_that_are_awaited(async_as_user: AsUser[AsyncClient], db: Session, at: str) -> None:
    """On a running event loop, where nothing may wait: made there, and logged in there by hand."""
    db.add(zoe := Reviewer(email="zoe@example.org", nickname="Zoë"))

    async def ask() -> list[Any]:
        editor, guest = async_as_user("editor"), async_as_user(user=zoe)
        found = [await each.get(f"{at}/me") for each in (editor, guest)]
        log_in(editor, zoe)
        return [each.json()[0] for each in [*found, await editor.get(f"{at}/me")]]

    assert asyncio.run(ask()) == ["user1@example.org", "zoe@example.org", "zoe@example.org"]
    assert count(db) == 2


@pytest.mark.committing
@pytest.mark.parametrize("turn", [1, 2])
def test_what_is_committed_gets_another_address_each_time(
    as_user: AsUser[Client], app: App, db: Session, at: str, turn: int
) -> None:
    assert as_user("editor").get(f"{at}/me").json()[0] == f"user{count(db)}@example.org"
    if turn == 2:
        for each in db.scalars(select(Reviewer)):
            db.delete(each)
        for role_row in db.scalars(select(app.plugin(Auth).tables.role)):
            db.delete(role_row)


def test_what_is_wrong_is_said(as_user: AsUser[Client]) -> None:
    with pytest.raises(CannotMake, match="no field 'nick'"):
        as_user(nick="Zoë")
    with pytest.raises(SetupError, match="no-plugin"):
        AsUser(lambda: Client(App(docs=False)))("editor")
