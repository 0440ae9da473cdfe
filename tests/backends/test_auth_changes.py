"""Changes of accounts that come at once, on each database."""

from __future__ import annotations

import datetime
import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import databases
from auth.authenticator import Authenticator
from auth.factors import Clock, at_once
from auth.site import BROWSER, LINK, PASSWORD, Site, User
from auth.test_ending import Member, Present
from auth.test_passkeys import add
from wholestack.auth import Passkeys
from wholestack.auth._ways import has_way_in
from wholestack.db import func, select, update

NEW_EMAIL = re.compile(r"http://testserver(/\S+/new-email/\S+)")


@pytest.mark.parametrize("kind", databases.KINDS)
def test_C15_both_addresses_confirm_at_once(kind: str, tmp_path: Path) -> None:
    """Each must see the other, and none waits for ever for the other's row."""
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", url=url).running() as site:
        site.make()
        site.log_in()
        site.send("/account/email", email="new@example.org", password=PASSWORD)
        found = (LINK.search(each.text) for each in site.mails)
        paths = [each[1] for each in found if each is not None and "/new-email/" in each[1]]
        barrier, statuses = threading.Barrier(2), []

        def press(path: str) -> None:
            client = site.other()
            barrier.wait(30)
            statuses.append(site.send(path, client).status)

        threads = [threading.Thread(target=press, args=(path,)) for path in paths]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert statuses == [303, 303]
        assert site.find() is None and site.find("new@example.org").email_confirmed_at is not None


@pytest.mark.parametrize("kind", databases.KINDS)
def test_C15_two_changes_of_one_address_at_once(kind: str, tmp_path: Path) -> None:
    """Two devices ask for another address each, at once: it is one of both, never half of each, and never two."""
    wanted = ["one@example.org", "two@example.org"]
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", url=url).running() as site:
        for _ in range(4):
            site.anew().make()
            browsers = [site.other(), site.other()]
            for each in browsers:
                site.log_in(client=each).expect(303)
            calls = [
                partial(site.send, "/account/email", each, email=email, password=PASSWORD)
                for each, email in zip(browsers, wanted, strict=True)
            ]
            assert [each.status for each in at_once(*calls)] == [200, 200]
            # Whoever came second has ended what the first had begun, whole.
            open_links = links_of(site)
            assert len(open_links) == 2 and len({email for _, email in open_links}) == 1
            paths = [each[1] for mail in site.mails if (each := NEW_EMAIL.search(mail.text))]
            statuses = [each.status for each in at_once(*(partial(site.send, path, site.other()) for path in paths))]
            assert sorted(statuses) == [303, 303, 410, 410]
            with site.app.session() as db:
                [user] = db.scalars(select(User)).all()
            assert user.email in wanted and site.events().count("email-changed") == 1
            there = [
                email for email in ("zoe@example.org", *wanted) if site.log_in(email, client=site.other()).status == 303
            ]
            assert there == [user.email]


def links_of(site: Site) -> list[tuple[str, str]]:
    """The links for another address that are open: for whom, and the address."""
    with site.app.session() as db:
        return [(row.purpose, row.data["email"]) for row in db.scalars(select(site.auth.tables.link))]


@pytest.mark.parametrize("kind", databases.KINDS)
def test_a_password_and_the_last_passkey_do_not_both_go(kind: str, tmp_path: Path) -> None:
    """Who takes the passkey away has looked at the account while it had a password."""
    passkeys = Passkeys()
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", url=url).running(passkeys) as site:
        site.make()
        site.log_in()
        add(site, Authenticator())

        def password_goes() -> None:
            with site.app.session() as db:
                accounts = site.auth.accounts(site.app, db)
                user: Any = db.scalars(select(User)).one()
                accounts.lock(user.id)
                if has_way_in(accounts, user, password=False):
                    accounts.remove_password(user)

        other = threading.Thread(target=password_goes)
        with site.app.session() as db:
            accounts = site.auth.accounts(site.app, db)
            user: Any = db.scalars(select(User)).one()
            assert user.password is not None
            row = db.scalars(select(site.auth.tables.passkey)).one()
            other.start()
            other.join(3)
            passkeys.remove(accounts, user, row)
        other.join()
        with site.app.session() as db:
            keys = db.scalar(select(func.count()).select_from(site.auth.tables.passkey))
        assert site.find().password is not None or keys == 1


@pytest.mark.parametrize("kind", databases.KINDS)
def test_an_account_that_is_proven_as_it_ends_loses_nothing(kind: str, tmp_path: Path) -> None:
    """What the app has put in order for the end of an account is undone where it does not end."""
    clock, provers = Clock(), []

    def proves() -> None:
        with site.app.session() as db:
            now = update(User).where(User.id == made.id).values(email_confirmed_at=clock())
            db.execute(now, execution_options={"synchronize_session": False})

    def closing(accounts: Any, user: Any) -> None:
        accounts.db.execute(update(User).where(User.email == "heir@example.org").values(nickname="has it all"))
        provers.append(threading.Thread(target=proves))
        provers[0].start()
        provers[0].join(2)

    with databases.fresh(kind, tmp_path) as url:
        site = Site("wsgi", url=url, clock=clock, closing=closing)
        with site.running():
            site.make("heir@example.org")
            site.send("/account/sign-up", email="bo@example.org", password=PASSWORD).expect(200)
            made = site.find("bo@example.org")
            clock.now += datetime.timedelta(days=31)
            site.send("/account/forgotten", site.other(), email="nobody@example.org").expect(200)
            provers[0].join()
            gave, left = site.find("heir@example.org").nickname == "has it all", site.find("bo@example.org")
            assert gave == (left is None)


@pytest.mark.parametrize("kind", databases.KINDS)
def test_an_account_that_rows_refer_to_is_as_it_was(kind: str, tmp_path: Path) -> None:
    """Each database refuses in its own way, and goes on within the transaction."""
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", user=Member, url=url).running() as site:
        user = site.make()
        with site.app.session() as db:
            db.add(Present(member_id=user.id))
        site.log_in()
        assert site.send("/account/close", password=PASSWORD, sure="true").status == 422
        assert site.client.get("/account", headers=BROWSER, follow=False).status == 200
        with site.app.session() as db:
            db.delete(db.scalars(select(Present)).one())
        assert site.send("/account/close", password=PASSWORD, sure="true").status == 303
        assert site.find() is None
