"""Roles that come with their user: told from the rules of a route when the app is sealed, whatever they are made of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from auth.site import Site, User
from wholestack.auth import Identity, Impersonation, logged_in, permission, policy, public, role, staff
from wholestack.db import Session, assert_queries
from wholestack.sessions import MemorySessions, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import log_in


@policy
def is_same(user: User, other: User) -> bool:
    return user.id == other.id


def own(identity: Identity[User]) -> bool:
    return identity.can("news.publish")


MAY = permission("news.publish")
RULES: dict[str, tuple[Any, int]] = {
    "permission": (MAY, 1),
    "role": (role("editors"), 1),
    "after-another": ((logged_in, MAY), 1),
    "either": (staff | MAY, 1),
    "not": (~role("readers"), 1),
    "policy": (is_same | MAY, 1),  # The row that it is about is the user, who is there.
    "policy-on": ((is_same & ~(is_same & ~MAY)).on("id"), 1),
    "policy-without": (is_same, 1),
    "none": (logged_in, 1),
    "public": (public | MAY, 0),  # Nobody is asked for.
    "own": (own, 2),  # What that will ask for, nobody knows.
}


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    site = Site()

    def plain(id: uuid.UUID) -> str:
        return "in"

    async def asynchronous(id: uuid.UUID) -> str:
        return "in"

    for name, (needs, _) in RULES.items():
        site.app.get(f"/{name}/{{id}}", name=name, needs=needs)(plain)
        site.app.get(f"/async/{name}/{{id}}", name=f"async-{name}", needs=needs)(asynchronous)

    @site.app.get("/becomes/{id}", needs=MAY)
    def becomes(id: uuid.UUID, identity: Identity[User], db: Session) -> list[bool]:
        before = identity.can("news.publish")
        identity.became(db.get_one(User, id))
        return [before, identity.can("news.publish")]

    with site.running(Impersonation()):
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("at", ["", "/async"])
def test_a_rule_says_beforehand_what_it_will_ask_for(site: Site, name: str, at: str) -> None:
    user = site.make()
    site.grant(user, "editors", "news.publish")
    log_in(site.client, user)
    with assert_queries(9) as watch:
        assert site.client.get(f"{at}/{name}/{user.key}").status == 200
    assert len(watch.statements) == RULES[name][1]


def test_who_acts_for_another_has_the_other_s(site: Site) -> None:
    helper, user = site.make("helper@example.org"), site.make()
    site.grant(helper, "helpers", "user.impersonate", "news.publish")
    log_in(site.client, helper)
    assert site.client.get(f"/permission/{user.key}").status == 200
    assert site.send(f"/account/impersonate/{user.key}").status == 303
    assert site.client.get(f"/permission/{user.key}").status == 403
    site.grant(user, "editors", "news.publish")
    assert site.client.get(f"/permission/{user.key}").status == 200


def test_a_session_of_an_older_login_has_none(site: Site) -> None:
    user = site.make()
    site.grant(user, "editors", "news.publish")
    log_in(site.client, user)
    with site.app.session() as db:
        db.get_one(User, user.id).login_version += 1
    assert site.client.get(f"/either/{user.key}").status == 401
    assert site.client.get(f"/not/{user.key}").status == 200  # Of nobody, it holds.


@pytest.mark.parametrize("store", [None, MemorySessions()], ids=["database", "memory"])
def test_a_page_of_who_may(tmp_path: Any, store: Any) -> None:
    (tmp_path / "page.html").write_text("{{ user.email }} {{ can('news.publish') }} {{ can('news.read') }}")
    site = Site()

    @site.app.get("/page", needs=MAY)
    def page() -> Page:
        return Page("page.html")

    @site.app.get("/anybody")
    async def anybody() -> Page:
        return Page("page.html")

    with site.running(Sessions(store), Templates(str(tmp_path))):
        user = site.make()
        site.grant(user, "editors", "news.publish")
        log_in(site.client, user)
        for path, queries in (("/page", 1 if store is None else 2), ("/anybody", 2)):
            with assert_queries(queries) as watch:
                assert site.client.get(path).text == f"{user.email} True False"
            assert len(watch.statements) == queries


def test_who_becomes_another_has_the_other_s(site: Site) -> None:
    user, other = site.make(), site.make("other@example.org")
    site.grant(user, "editors", "news.publish")
    log_in(site.client, user)
    assert site.client.get(f"/becomes/{other.key}").json() == [True, False]
