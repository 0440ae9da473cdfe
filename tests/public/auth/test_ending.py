"""How accounts end: by their owners, whom the app may stop, and by themselves where no address was proven."""

from __future__ import annotations

import datetime
import uuid
from typing import Any, ClassVar

import pytest
from sqlalchemy import ForeignKey, MetaData

from auth.authenticator import Authenticator
from auth.factors import Clock
from auth.site import BROWSER, EMAIL, PASSWORD, Site, User, cheap
from auth.test_passkeys import add, show
from wholestack import JSON, SetupError
from wholestack.auth import Accounts, Auth, ClosingRefused, MagicLink, Passkeys, UserMixin
from wholestack.db import Mapped, Model, Session, Table, UUIDModel, mapped_column, select

HOUR = 3600.0


def signed_up(site: Site, email: str = EMAIL) -> None:
    site.send("/account/sign-up", email=email, password=PASSWORD).expect(200)


class MembersBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Member(UserMixin, UUIDModel, MembersBase):
    pass


class Present(Model, MembersBase):
    """A row that refers to a user, and does not go with them."""

    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("member.id"))


def swept(site: Site, clock: Clock, days: float) -> None:
    """So many days later somebody comes by."""
    clock.now += datetime.timedelta(days=days)
    site.send("/account/forgotten", site.other(), email="nobody@example.org").expect(200)


def clocked(**options: Any) -> tuple[Site, Clock]:
    clock = Clock()
    return Site(clock=clock, **options), clock


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_an_address_that_nobody_proves_is_free_again(interface: str) -> None:
    site, clock = clocked(interface=interface)
    with site.running():
        signed_up(site)
        swept(site, clock, 29)
        assert site.find() is not None
        swept(site, clock, 2)
        assert site.find() is None and site.events()[-1] == "account-expired"
        signed_up(site)  # Whoever it is: the address is as it was.
        site.send(site.link(), password=PASSWORD)
        swept(site, clock, 60)
        assert site.find().email_confirmed_at is not None


def test_what_is_proven_used_or_made_otherwise_stays() -> None:
    site, clock = clocked(unproven=3)
    with site.running():
        signed_up(site, "proven@example.org")
        site.send(site.link(), password=PASSWORD)
        signed_up(site, "used@example.org")
        signed_up(site, "again@example.org")
        site.make("imported@example.org", email_confirmed_at=None)
        with site.app.session() as db:
            db.scalars(select(User).where(User.email == "used@example.org")).one().last_login_at = clock()
        clock.now += datetime.timedelta(days=2)
        signed_up(site, "again@example.org")  # The time begins anew.
        swept(site, clock, 2)
        there = {name for name in ("proven", "used", "again", "imported") if site.find(f"{name}@example.org")}
        assert there == {"proven", "used", "again", "imported"}
        swept(site, clock, 2)
        assert site.find("again@example.org") is None and site.find("imported@example.org") is not None
        signed_up(site, "imported@example.org")  # Not ours to remove: nobody has made it by signing up.
        swept(site, clock, 30)
        assert site.find("imported@example.org") is not None


def test_many_at_once_and_for_good() -> None:
    site, clock = clocked()
    with site.running():
        with site.app.session() as db:
            accounts = site.auth.accounts(site.app, db)
            for number in range(230):
                user = accounts.create(f"{number}@example.org")
                accounts.links.make("unproven", user, lifetime=HOUR)
        swept(site, clock, 31)
        with site.app.session() as db:
            assert db.scalars(select(User)).all() == []
    site, clock = clocked(unproven=None)
    with site.running():
        signed_up(site)
        swept(site, clock, 300)
        assert site.find() is not None
    with pytest.raises(SetupError, match="unproven=0"):
        Auth(User, unproven=0)


def test_what_other_rows_refer_to_stays() -> None:
    site, clock = clocked(user=Member)
    with site.running():
        signed_up(site)
        signed_up(site, "bo@example.org")
        with site.app.session() as db:
            db.add(Present(member_id=site.find().id))
        swept(site, clock, 31)
        assert site.find() is not None and site.find("bo@example.org") is None


def test_the_app_may_say_no() -> None:
    kept: list[str] = []

    def closing(accounts: Any, user: Any) -> None:
        kept.append(user.email)
        if user.nickname == "leader":
            raise ClosingRefused("You lead a club.")

    site, clock = clocked(closing=closing)
    with site.running():
        site.make(nickname="leader")
        site.log_in()
        page = site.send("/account/close", password=PASSWORD, sure="on")
        assert page.status == 422 and "You lead a club." in page.text and site.find() is not None
        assert "account-closed" not in site.events() and is_here(site)
        with site.app.session() as db:
            db.get_one(User, site.find().id).nickname = ""
        assert site.send("/account/close", password=PASSWORD, sure="on").status == 303 and site.find() is None
        signed_up(site, "bo@example.org")
        with site.app.session() as db:
            db.scalars(select(User)).one().nickname = "leader"
        swept(site, clock, 31)
        assert site.find("bo@example.org") is not None and kept[-1] == "bo@example.org"
        swept(site, clock, 31)
        assert kept.count("bo@example.org") == 1, "asked once"


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_a_handler_of_the_app_ends_an_account(interface: str) -> None:
    def closing(accounts: Any, user: Any) -> None:
        if user.nickname == "leader":
            raise ClosingRefused(f"{user.email} leads a club; {accounts.identity.user.email} may not end it.")

    def dismiss(id: uuid.UUID, db: Session, accounts: Accounts[User]) -> JSON:
        try:
            accounts.close(db.get_one(User, id))
        except ClosingRefused as refused:
            return JSON({"why": refused.message}, 409)
        return JSON({})

    site, _ = clocked(interface=interface, closing=closing)
    site.app.delete("/people/{id}")(dismiss)
    with site.running():
        site.make()
        site.log_in()
        leader, bo = (site.make(f"{name}@example.org", nickname=name) for name in ("leader", "bo"))
        his = site.other()
        site.log_in("bo@example.org", client=his)
        refused = site.client.delete(f"/people/{leader.id}", headers=BROWSER)
        assert (refused.status, refused.json()["why"]) == (
            409, "leader@example.org leads a club; zoe@example.org may not end it.",
        )  # fmt: skip
        assert site.client.delete(f"/people/{bo.id}", headers=BROWSER).status == 200
        assert site.find("bo@example.org") is None and site.find("leader@example.org") is not None
        assert his.get("/account", headers=BROWSER, follow=False).status == 303 and is_here(site)
        gone = [each for each in site.mails if each.subject == "Your account is deleted"]
        assert [to.address for each in gone for to in each.to] == ["bo@example.org"]
        assert site.events().count("account-closed") == 1


def test_an_app_that_fails_at_one_account_keeps_nothing_else() -> None:
    def closing(accounts: Any, user: Any) -> None:
        user.nickname = "half done"
        accounts.db.flush()
        if user.email == "bo@example.org":
            raise KeyError("a club")

    site, clock = clocked(closing=closing)
    with site.running():
        signed_up(site, "bo@example.org")
        signed_up(site)
        swept(site, clock, 31)
        assert site.find() is None and site.find("bo@example.org").nickname == ""
        with site.app.session() as db:
            assert db.scalars(select(site.auth.tables.link)).all() == [], "what has ended is swept nevertheless"


def is_here(site: Site) -> bool:
    return site.client.get("/account", headers=BROWSER, follow=False).status == 200


# -- without a password ----------------------------------------------------------------------------------------------


def test_a_password_goes_where_something_else_lets_in() -> None:
    site, _ = clocked()
    with site.running(Passkeys()):
        site.make()
        site.log_in()
        answer = site.send("/account/password/remove", password=PASSWORD)
        assert answer.status == 422 and "Nothing else lets you in" in answer.text
        assert site.find().password is not None
        weak = Authenticator()
        weak.flags = 1  # A second factor only.
        add(site, weak)
        assert site.send("/account/password/remove", password=PASSWORD).status == 422
        add(site, key := Authenticator())
        assert "Remove the password" in site.client.get("/account/password", headers=BROWSER).text
        assert "Remove the password" in site.client.get("/account/password/remove", headers=BROWSER).text
        assert site.send("/account/password/remove", password="not this one").status == 422
        elsewhere = site.other()
        show(site, key, elsewhere)
        assert elsewhere.get("/account", headers=BROWSER, follow=False).status == 200
        site.send("/account/password/remove", password=PASSWORD).expect(303)
        assert site.find().password is None and is_here(site)
        assert elsewhere.get("/account", headers=BROWSER, follow=False).status == 303
        assert site.mails[-1].subject == "Your password was removed" and "password-removed" in site.events()
        page = site.client.get("/account/password", headers=BROWSER).text
        assert "Remove the password" not in page and "Old password" not in page and "Set the password" in page
        assert site.log_in(client=site.other()).status == 422
        show(site, key, elsewhere)
        assert elsewhere.get("/account", headers=BROWSER, follow=False).status == 200
        site.send("/account/password", elsewhere, new="a wholly new password").expect(303)
        site.log_in(password="a wholly new password", client=site.other()).expect(303)


def test_a_mail_lets_in_as_well() -> None:
    site, _ = clocked(passwords=cheap())
    with site.running(MagicLink()):
        site.make()
        site.log_in()
        site.send("/account/password/remove", password=PASSWORD).expect(303)
        assert site.find().password is None


def test_an_account_that_something_of_the_app_refers_to_is_not_lost_halfway() -> None:
    """Its owner is told, and stays as they were: logged in, with no mail that it is gone."""
    site = Site(user=Member)
    with site.running():
        user = site.make()
        with site.app.session() as db:
            db.add(Present(member_id=user.id))
        site.log_in()
        mails = len(site.mails)
        told = site.send("/account/close", password=PASSWORD, sure="true")
        assert (told.status, "it cannot be closed yet" in told.text) == (422, True)
        assert site.find() is not None and "account-closed" not in site.events()
        assert site.client.get("/account", headers=BROWSER, follow=False).status == 200
        assert len(site.mails) == mails
        with site.app.session() as db:
            db.delete(db.scalars(select(Present)).one())
        assert site.send("/account/close", password=PASSWORD, sure="true").status == 303
        assert site.find() is None


def test_an_export_has_what_the_app_keeps_as_well() -> None:
    def kept(accounts: Accounts[Any], user: Any) -> dict[str, Any]:
        presents = accounts.db.scalars(select(Present).where(Present.member_id == user.id))
        return {"presents": [{"id": each.id, "member": each.member_id} for each in presents]}

    site = Site(user=Member, exporting=kept)
    with site.running():
        user, other = site.make(), site.make("bob@example.org")
        with site.app.session() as db:
            db.add_all([Present(id=1, member_id=user.id), Present(id=2, member_id=other.id)])
        site.log_in()
        found = site.client.get("/account/export").json()
    assert found["app"] == {"presents": [{"id": 1, "member": user.key}]}
    assert found["user"]["email"] == EMAIL
