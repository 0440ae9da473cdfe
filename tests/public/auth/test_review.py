"""What a look with fresh eyes has found: races, ways around, and what others could be kept from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import databases
from auth.factors import Clock, site_with
from auth.site import BROWSER, EMAIL, PASSWORD, Site, cheap
from wholestack.auth import TOTP, Accounts, Impersonation, Passwords, Throttle, import_django
from wholestack.db import select, update
from wholestack.testing import log_in

NEW = "a wholly new password"


def acting(site: Site, *permissions: str) -> tuple[object, object]:
    """Somebody, and a helper who may act as them."""
    user, helper = site.make(), site.make("help@example.org", is_staff=True)
    site.grant(helper, "helpers", "user.impersonate", *permissions)
    return user, helper


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    """Its throttle's clock stands still, however long the tests take."""
    with Site(throttle=Throttle(clock=lambda: 1.8e9)).running() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


@pytest.fixture(scope="module")
def kept_with_help() -> Iterator[Site]:
    site = Site()

    @site.app.get("/me")
    def me(user: site.user) -> str:  # type: ignore[name-defined]
        return str(user.email)

    with site.running(Impersonation()):
        yield site


@pytest.fixture
def site_with_help(kept_with_help: Site) -> Site:
    return kept_with_help.anew()


@pytest.fixture(scope="module")
def kept_without_proof() -> Iterator[Site]:
    with Site(must_confirm=False).running() as site:
        yield site


@pytest.fixture
def site_without_proof(kept_without_proof: Site) -> Site:
    """Accounts are let in before their address is proven."""
    return kept_without_proof.anew()


# -- acting as somebody ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"is_active": False}, {"login_version": 7}, "role"])
def test_who_acts_for_somebody_is_asked_each_time(site_with_help: Site, change: object) -> None:
    """A member of staff who is closed out, or may do so no more, goes on as nobody: not until the end of the day."""
    site = site_with_help
    user, helper = acting(site)
    log_in(site.client, helper)
    site.send(f"/account/impersonate/{user.key}")  # type: ignore[attr-defined]
    assert site.client.get("/me").text == EMAIL
    with site.app.session() as db:
        if change == "role":
            db.execute(update(site.auth.tables.role).values(permissions=[]))
        else:
            db.execute(update(site.user).where(site.user.is_staff).values(**change))  # type: ignore[arg-type]
    assert site.client.get("/me").status == 401


def test_nobody_acts_as_who_may_do_more_than_staff(site_with_help: Site) -> None:
    site = site_with_help
    _, helper = acting(site)
    log_in(site.client, helper)
    for number, permission in enumerate(("*", "user.impersonate")):
        mighty = site.make(f"mighty{number}@example.org")
        site.grant(mighty, f"role {number}", permission)
        assert site.send(f"/account/impersonate/{mighty.key}").status == 403


def test_who_acts_for_somebody_never_has_two_factors() -> None:
    """Also where it is noted that they have proven something."""
    site, _ = site_with()

    @site.app.post("/prove")
    def prove(accounts: Accounts[Any]) -> None:
        accounts.confirm("pwd")

    with site.running(TOTP(), Impersonation()):
        user, helper = acting(site)
        log_in(site.client, helper)
        site.send(f"/account/impersonate/{user.key}")  # type: ignore[attr-defined]
        assert site.send("/account/confirm-login", password=PASSWORD).status == 403
        assert site.send("/prove").status == 204
        assert "pwd" in site.client.get("/methods").json()
        assert site.client.get("/strong").json()["code"] == "second-factor-required"
        assert site.client.get("/fresh").json()["code"] == "login-too-old"


# -- sessions and addresses ------------------------------------------------------------------------------------------


def test_who_stole_a_session_does_not_end_the_owners() -> None:
    clock = Clock()
    with Site(clock=clock).running() as site:
        site.make()
        site.log_in(remember="true")
        owner = site.other()
        site.log_in(client=owner, remember="true")
        clock.go_on(3600)
        for path in ("/account/devices/end", "/account/devices/any/end"):
            assert site.send(path).headers["location"].startswith("/account/confirm-login")
        assert owner.get("/account", headers=BROWSER).status == 200
        site.send("/account/confirm-login", password=PASSWORD)
        assert site.send("/account/devices/end").headers["location"] == "/account"
        assert owner.get("/account", headers=BROWSER, follow=False).status == 303


def test_a_confirmed_address_ends_sessions_of_who_has_chosen_another_password(site_without_proof: Site) -> None:
    """Where accounts are let in before their address is proven: somebody made one with another's address, and is in."""
    site = site_without_proof
    owner, other = site.client, site.other()
    site.send("/account/sign-up", other, email=EMAIL, password="the password of somebody else")
    site.send("/account/sign-up", owner, email=EMAIL, password=PASSWORD)
    link = site.link()
    assert site.log_in(password="the password of somebody else", client=other).status == 303
    assert site.send(link).status == 303
    assert other.get("/account", headers=BROWSER, follow=False).status == 303
    assert site.log_in().headers["location"] == "/"


def test_what_its_owner_has_set_up_stays_when_the_address_is_confirmed(site_without_proof: Site) -> None:
    site = site_without_proof
    site.send("/account/sign-up", email=EMAIL, password=PASSWORD)
    link = site.link()
    site.log_in()
    user = site.find()
    with site.app.session() as db:
        db.add(site.auth.tables.recovery_code(user_id=user.id, digest="0" * 64))
    site.send(link)
    with site.app.session() as db:
        assert db.query(site.auth.tables.recovery_code).count() == 1
    assert site.client.get("/account", headers=BROWSER, follow=False).status == 200


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.org"])
@pytest.mark.parametrize("path", ["/account/forgotten", "/account/sign-up"])
def test_nobody_is_flooded_with_mails(site: Site, path: str, email: str) -> None:
    """After five at once they come slowly, to whatever address: the answers do not tell which has an account."""
    site.make()
    statuses = [site.send(path, site.other(), email=email, password=PASSWORD).status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert len(site.mails) <= 5


def test_an_address_that_is_not_confirmed_is_not_flooded_by_logins(site: Site) -> None:
    """Whoever makes an account with another's address knows its password, and is mailed for with each login."""
    site.send("/account/sign-up", email=EMAIL, password=PASSWORD)
    assert [site.log_in().status for _ in range(6)] == [200] * 4 + [429] * 2
    assert len(site.mails) == 5


def test_tries_are_counted_by_the_secret_that_login_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two processes, where it is not in the environment."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    url, secret = f"sqlite:///{tmp_path}/site.db", "s" * 32
    for status in (422, 429):
        with Site(url=url, secret=secret).running() as site:
            assert [site.log_in(password="wrong").status for _ in range(5)][-1] == status


# -- a race ----------------------------------------------------------------------------------------------------------


class Meanwhile(Passwords):
    """Hashes stronger than those that are stored, and lets somebody change the password while it does."""

    site: Site
    hashed = 0

    def hash(self, password: str) -> str:
        found = super().hash(password)
        self.hashed += 1
        if self.hashed == 1:
            with self.site.app.session() as db:
                db.execute(update(self.site.user).values(password=cheap().hash(NEW)))
        return found


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_an_old_password_does_not_come_back_by_being_hashed_anew(kind: str, tmp_path: Path) -> None:
    """A login with the old one is on its way while the owner sets another; SQLite lets one of the two write only."""
    passwords = Meanwhile(memory=16, passes=1)
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", url=url, passwords=passwords).running() as site:
        passwords.site = site
        with site.app.session() as db:
            db.add(site.user(email=EMAIL, password=cheap().hash(PASSWORD), email_confirmed_at=site.auth.terms.clock()))
        site.log_in()
        assert passwords.hashed == 1
        assert site.log_in(password=PASSWORD, client=site.other()).status == 422
        assert site.log_in(password=NEW, client=site.other()).status == 303


# -- users from elsewhere --------------------------------------------------------------------------------------------

DJANGO = """
CREATE TABLE auth_user (id INTEGER, username TEXT, email TEXT, password TEXT);
CREATE TABLE auth_group (id INTEGER, name TEXT);
CREATE TABLE auth_user_groups (id INTEGER, user_id INTEGER, group_id INTEGER);
CREATE TABLE auth_permission (id INTEGER, codename TEXT, content_type_id INTEGER);
CREATE TABLE django_content_type (id INTEGER, app_label TEXT);
CREATE TABLE auth_group_permissions (group_id INTEGER, permission_id INTEGER);
INSERT INTO auth_user VALUES (1, 'ann', 'ann@example.org', ''), (2, 'bo', 'bo@example.org', '');
INSERT INTO auth_group VALUES (1, 'editors');
INSERT INTO auth_user_groups VALUES (1, 1, 1), (2, 2, 1);
"""


def test_an_import_gives_no_roles_to_an_address_that_nobody_has_proven(site: Site) -> None:
    """Somebody has signed up here with the address of an editor there, before the editors came."""
    with create_engine("sqlite://").begin() as source:
        for statement in DJANGO.split(";"):
            source.execute(text(statement))
        site.make("ann@example.org", email_confirmed_at=None)
        site.make("bo@example.org")
        with site.app.session() as db:
            done = import_django(site.auth.accounts(site.app, db), source)
        assert (done.known, done.made) == (2, 0)
        tables = site.auth.tables
        with site.app.session() as db:
            holders = db.scalars(
                select(site.user.email).join(tables.membership, tables.membership.user_id == site.user.id)
            )
            assert [*holders] == ["bo@example.org"]
