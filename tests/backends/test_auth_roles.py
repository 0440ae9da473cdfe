"""What somebody may comes with the query for who they are, on each database, where a rule of the route asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auth.site import Numbered, Site, User
from wholestack import Router
from wholestack.auth import Identity, logged_in, permission, role
from wholestack.db import assert_queries
from wholestack.testing import log_in


@pytest.fixture(scope="module", params=[User, Numbered], ids=["uuid", "number"])
def site(url: str, request: pytest.FixtureRequest) -> Iterator[Site]:
    site = Site(user=request.param, url=url)
    office, desk = Router("/office", needs=logged_in), Router("/desk", needs=permission("news.publish"))

    def held(identity: Identity[request.param]) -> list[Any]:
        return [identity.user.email, sorted(identity.roles), sorted(identity.permissions)]

    async def held_async(identity: Identity[request.param]) -> list[Any]:
        return held(identity)

    for colour, handler in (("def", held), ("async", held_async)):
        site.app.get(f"/{colour}/any", name=f"{colour}-any", needs=logged_in)(handler)
        site.app.get(f"/{colour}/publish", name=f"{colour}-publish", needs=permission("news.publish"))(handler)
        site.app.get(f"/{colour}/role", name=f"{colour}-role", needs=role("editors") | role("writers"))(handler)
        desk.get(f"/{colour}", name=f"{colour}-desk")(handler)
        office.get(f"/{colour}", name=f"{colour}-office", needs=permission("news.publish"))(handler)
    site.app.include(office)
    site.app.include(desk)
    with site.running():
        yield site
        site.database.metadata.drop_all(site.database.engine)


@pytest.fixture
def asked(site: Site) -> Callable[..., Any]:
    def ask(path: str, status: int = 200, queries: int = 1) -> Any:
        with assert_queries(queries) as watch:
            answer = site.client.get(path)
        assert (answer.status, len(watch.statements)) == (status, queries)
        return answer.json()

    return ask


@pytest.mark.parametrize("colour", ["def", "async"])
def test_roles_come_with_their_user(site: Site, asked: Callable[..., Any], colour: str) -> None:
    site.make(f"first-{colour}@example.org")
    nobody, one, many = (site.make(f"{name}-{colour}@example.org") for name in ("nobody", "one", "many"))
    site.grant(one, f"editors-{colour}", "news.publish")
    for name in ("a", "b", "c"):
        site.grant(many, f"{name}-{colour}", "news.read", f"news.{name}")
    log_in(site.client, nobody)
    asked(f"/{colour}/publish", 403)
    asked(f"/{colour}/role", 403)
    asked(f"/office/{colour}", 403)
    assert asked(f"/{colour}/any", queries=2) == [nobody.email, [], []]  # No rule asks: the handler's own question.
    log_in(site.client, one)
    for path in (f"/{colour}/publish", f"/office/{colour}", f"/desk/{colour}"):
        assert asked(path) == [one.email, [f"editors-{colour}"], ["news.publish"]]
    asked(f"/{colour}/role", 403)
    site.grant(many, f"last-{colour}", "news.publish")
    log_in(site.client, many)
    roles = [f"a-{colour}", f"b-{colour}", f"c-{colour}", f"last-{colour}"]
    permissions = ["news.a", "news.b", "news.c", "news.publish", "news.read"]
    assert asked(f"/{colour}/publish") == [many.email, roles, permissions]
    assert asked(f"/{colour}/any", queries=2) == [many.email, roles, permissions]


def test_a_user_who_is_gone_or_closed_out_has_none(site: Site, asked: Callable[..., Any]) -> None:
    user = site.make("leaver@example.org")
    site.grant(user, "leavers", "news.publish")
    log_in(site.client, user)
    asked("/def/publish")
    with site.app.session() as db:
        db.get_one(site.user, user.id).is_active = False
    assert site.client.get("/def/publish").status == 401
    with site.app.session() as db:
        db.delete(db.get_one(site.user, user.id))
    log_in(site.client, user)
    assert site.client.get("/async/publish").status == 401
