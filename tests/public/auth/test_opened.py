"""Sockets and streams of events end when whoever opened them is let in no more, by a session or by a token."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from auth.site import EMAIL, Site, User
from sessions.test_opened import ended, said
from wholestack import Stream
from wholestack.auth import Accounts, Identity, Impersonation, Tokens
from wholestack.db import Session, select
from wholestack.realtime import Events, Socket
from wholestack.testing import log_in

INTERFACES = ("asgi", "rsgi")


def made(interface: str = "asgi", **options: Any) -> Site:
    site = Site(interface, recheck=0.05, **options)

    @site.app.socket("/echo")
    async def echo(user: User, socket: Socket[str, str]) -> None:
        name = user.email
        async for word in socket:
            await socket.send(f"{name}: {word}")

    @site.app.socket("/told")
    async def told(identity: Identity[Any], socket: Socket[None, str]) -> None:
        await socket.send(identity.required().email)
        await asyncio.Event().wait()

    @site.app.socket("/visitors")
    async def visitors(user: User | None, socket: Socket[str, str]) -> None:
        name = user and user.email
        async for word in socket:
            await socket.send(f"{name}: {word}")

    @site.app.get("/events")
    async def events(user: User) -> Events[str]:
        name = user.email

        async def source() -> AsyncIterator[str]:
            yield name
            await asyncio.Event().wait()

        return Events(source())

    return site


@pytest.fixture(params=INTERFACES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with made(request.param).running(Tokens()) as found:
        yield found


def change(site: Site, **columns: Any) -> None:
    with site.app.session() as db:
        db.execute(update(site.user).where(site.user.email == EMAIL).values(**columns))


def closed_out(site: Site) -> None:
    change(site, is_active=False)


def logged_out(site: Site) -> None:
    change(site, login_version=site.user.login_version + 1)


def gone(site: Site) -> None:
    with site.app.session() as db:
        db.delete(db.scalars(select(site.user).where(site.user.email == EMAIL)).one())


@pytest.mark.parametrize("ends", [closed_out, logged_out, gone])
def test_what_is_open_ends_with_its_user(site: Site, ends: Callable[[Site], None]) -> None:
    site.make()
    site.make("bob@example.org")
    site.log_in()
    other = site.other()
    site.log_in("bob@example.org", client=other)
    headers = {"sec-fetch-site": "same-origin"}
    with (
        site.client.socket("/echo", headers=headers) as echo,
        site.client.socket("/told", headers=headers) as told,
        site.client.events("/events", str) as events,
        other.socket("/echo", headers=headers) as others,
        other.socket("/visitors", headers={**headers, "cookie": ""}) as visitors,
    ):
        assert (said(echo), told.receive(str), next(events).data) == (f"{EMAIL}: hi", EMAIL, EMAIL)
        assert said(others) == "bob@example.org: hi"
        ends(site)
        assert ended(echo, site.interface) and ended(told, site.interface, quiet=True)
        assert [(each.event, each.data) for each in events] == [("session-ended", "null")]
        assert said(others) == "bob@example.org: hi"
        assert said(visitors).endswith(": hi")


def bearer(site: Site, **options: Any) -> tuple[str, dict[str, str]]:
    with site.app.session() as db:
        user = db.scalars(select(site.user).where(site.user.email == EMAIL)).one()
        text = site.app.plugin(Tokens).make(user, "ci", **options)
    return text, {"authorization": f"Bearer {text}"}


def revoked(site: Site) -> None:
    with site.app.session() as db:
        user = db.scalars(select(site.user).where(site.user.email == EMAIL)).one()
        token = db.scalars(select(site.auth.tables.token).order_by(site.auth.tables.token.name)).first()
        assert site.app.plugin(Tokens).revoke(user, key=token.id) == 1


@pytest.mark.parametrize("ends", [revoked, closed_out])
def test_what_is_open_ends_with_its_token(site: Site, ends: Callable[[Site], None]) -> None:
    site.make()
    _, first = bearer(site)
    with site.app.session() as db:
        token = db.scalars(select(site.auth.tables.token)).one()
        token.name = "a"
    _, second = bearer(site)
    with (
        site.client.socket("/echo", headers=first) as echo,
        site.client.events("/events", str, headers=first) as events,
        site.client.socket("/echo", headers=second) as others,
    ):
        assert (said(echo), next(events).data, said(others)) == (f"{EMAIL}: hi", EMAIL, f"{EMAIL}: hi")
        ends(site)
        assert ended(echo, site.interface)
        assert [each.event for each in events] == ["session-ended"]
        if ends is revoked:
            assert said(others) == f"{EMAIL}: hi"
        else:
            assert ended(others, site.interface)


def test_a_token_that_is_over_has_nothing_open() -> None:
    now = [datetime.datetime.now(datetime.UTC)]
    with made(clock=lambda: now[0]).running(Tokens()) as site:
        site.make()
        _, headers = bearer(site, days=1)
        with site.client.socket("/echo", headers=headers) as echo:
            assert said(echo) == f"{EMAIL}: hi"
            now[0] += datetime.timedelta(days=2)
            assert ended(echo)


def test_what_is_open_ends_with_whoever_acts_for_its_user() -> None:
    with made().running(Impersonation()) as site:
        user, helper = site.make(), site.make("help@example.org", is_staff=True)
        site.grant(helper, "helpers", "user.impersonate")
        log_in(site.client, helper)
        assert site.send(f"/account/impersonate/{user.key}").status == 303
        with site.client.socket("/echo", headers={"sec-fetch-site": "same-origin"}) as echo:
            assert said(echo) == f"{EMAIL}: hi"
            with site.app.session() as db:
                db.execute(update(User).where(User.email == "help@example.org").values(is_active=False))
            assert ended(echo)


@pytest.mark.parametrize("path", ["/leave", "/fails"])
def test_a_stream_of_who_has_logged_out_or_failed_meanwhile_is_sent(path: str) -> None:
    """There is nobody left to end it with, and of a row that was rolled back only its key is known."""
    site = made()

    @site.app.post("/leave")
    def leave(accounts: Accounts[Any], user: User) -> Stream:
        accounts.log_out()
        return Stream(iter([b"bye"]))

    @site.app.post("/fails")
    def fails(user: User, db: Session) -> Stream:
        db.rollback()
        return Stream(iter([b"bye"]), 409)

    with site.running():
        site.make()
        site.log_in()
        assert site.client.post(path, headers={"sec-fetch-site": "same-origin"}).text == "bye"
