"""A session and whose it is, in one query, on each database: by UUIDs and by numbers, and where there is nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from auth.site import EMAIL, Numbered, Site, User
from wholestack.db import assert_queries, update
from wholestack.sessions import BrowserSession
from wholestack.testing import log_in


@pytest.fixture(scope="module", params=[User, Numbered], ids=["uuid", "number"])
def site(url: str, request: pytest.FixtureRequest) -> Iterator[Site]:
    site = Site(user=request.param, url=url)

    @site.app.get("/anybody")
    async def anybody(user: request.param | None) -> list[str]:
        return [] if user is None else [user.email]

    @site.app.get("/visit")
    def visit(session: BrowserSession, user: request.param | None) -> list[Any]:
        return [session.user, session.data, user and user.key]

    with site.running():
        yield site
        site.database.metadata.drop_all(site.database.engine)


def asked(site: Site, path: str, queries: int) -> Any:
    with assert_queries(queries):
        return site.client.get(path).json()


def sessions_of(site: Site, user: str) -> None:
    """Let all sessions be of another one, as no login of ours does."""
    rows = site.database.metadata.tables["browser_session"]
    with site.app.session() as db:
        db.execute(update(rows).values(user=user))


def test_a_user_and_their_session(site: Site) -> None:
    site.make("first@example.org")
    user = site.make()
    assert site.other().get("/anybody").json() == []
    log_in(site.client, user)
    assert asked(site, "/anybody", 1) == [EMAIL]
    assert asked(site, "/visit", 1) == [user.key, {}, user.key]


@pytest.mark.parametrize("change", ["is_active", "login_version", "gone"])
def test_who_is_closed_out_or_gone(site: Site, change: str) -> None:
    user, other = site.make(f"{change}@example.org"), site.make(f"not-{change}@example.org")
    log_in(site.client, user)
    assert asked(site, "/anybody", 1) == [user.email]
    with site.app.session() as db:
        row = db.get_one(site.user, user.id)
        if change == "gone":
            db.delete(row)
        else:
            setattr(row, change, {"is_active": False, "login_version": 9}[change])
    assert site.client.get("/anybody").json() == []
    assert asked(site, "/anybody", 1) == []  # The session is over.
    log_in(site.client, other)
    assert asked(site, "/anybody", 1) == [other.email]


NO_KEYS = ("", "nobody", "0", "-1", "9" * 18, "0" * 30, "'; --", "00000000-0000-0000-0000-000000000000", "ü" * 40)


def test_a_text_that_is_no_users_key(site: Site) -> None:
    user = site.make("known@example.org")
    for each in (*NO_KEYS, f"{user.key}x"):
        log_in(site.client, user)
        sessions_of(site, each)
        assert site.client.get("/anybody").json() == [], each
    log_in(site.client, user)
    sessions_of(site, f"0{user.key}" if isinstance(user.id, int) else user.key.upper())
    assert asked(site, "/visit", 2)[2] == user.key  # Written in another way it is found by itself.
