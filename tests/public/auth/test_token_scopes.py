"""What a token carries bounds what may be done with it: by rules, by policies, and by what `~` turns."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ColumnElement, false, true, update

from auth.site import BROWSER, EMAIL, Base, Site, User
from wholestack.auth import Identity, Tokens, confirmed, logged_in, permission, policy, role, staff, superuser
from wholestack.db import Mapped, Session, UUIDModel, select
from wholestack.testing import Client


class Draft(UUIDModel, Base):
    owner: Mapped[str]
    is_open: Mapped[bool]


def owned(user: User) -> ColumnElement[bool]:
    return Draft.owner == user.email


@policy
def sees(user: User | None, draft: Draft) -> bool:
    return draft.is_open or (user is not None and draft.owner == user.email)


@sees.where
def _(user: User | None) -> ColumnElement[bool]:
    return Draft.is_open if user is None else Draft.is_open | owned(user)


@policy(view=sees)
def owns(user: User, draft: Draft) -> bool:
    return draft.owner == user.email


@policy(view=sees, scope="drafts.edit")
def edits(user: User, draft: Draft) -> bool:
    return draft.owner == user.email


owns.where(owned)
edits.where(owned)


@policy
def is_frozen(user: User, draft: Draft) -> bool:
    return True


@is_frozen.where
def _(user: User) -> ColumnElement[bool]:
    return true()


@policy
def never(user: User | None, draft: Draft) -> bool:
    return False


@never.where
def _(user: User | None) -> ColumnElement[bool]:
    return false()


reads = permission("blog.read")
POLICIES: dict[str, Any] = {
    "sees": sees,
    "owns": owns,
    "edits": edits,
    "owns-or-reads": owns | reads,
    "edits-and-reads": edits & reads,
    "not-frozen": ~is_frozen & reads,
    "not-reads": sees & ~reads,
    "not-staff": ~(never | (sees & staff)),
}
RULES: dict[str, Any] = {
    "logged-in": logged_in,
    "confirmed": confirmed,
    "publishes": permission("blog.publish"),
    "staff": staff,
    "superuser": superuser,
    "editor": role("editor"),
    "either": staff | permission("blog.publish"),
    "both": staff & permission("blog.publish"),
    "not-publishes": logged_in & ~permission("blog.publish"),
    "not-staff": logged_in & ~staff,
    "not-superuser": logged_in & ~superuser,
    "not-editor": logged_in & ~role("editor"),
}


@pytest.fixture(scope="module", params=["asgi", "wsgi", "rsgi"])
def kept(request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(request.param)
    app = made.app
    for name, needs in RULES.items():
        app.get(f"/rules/{name}", name=name, needs=needs)(lambda: "in")
    for name, needs in POLICIES.items():
        app.get(f"/drafts/{name}/{{id}}", name=f"draft-{name}", needs=needs)(lambda: "in")
        app.get(f"/not-drafts/{name}/{{id}}", name=f"not-draft-{name}", needs=~needs.on("id"))(lambda: "in")

    @app.get("/drafts")
    def drafts(identity: Identity[User], db: Session) -> dict[str, list[str]]:
        found = db.scalars(select(Draft)).all()
        for each in POLICIES.values():
            each.check_agreement(db, [identity], found)
        return {name: [each.owner for each in found if rule(identity, each)] for name, rule in POLICIES.items()}

    with made.running(Tokens()):
        yield made


@pytest.fixture
def site(kept: Site) -> Site:
    kept.anew().grant(kept.make(), "editor", "blog.publish", "blog.read")
    return kept


def shown(site: Site, *scopes: str) -> dict[str, str]:
    """What a program sends with a token that carries this."""
    with site.app.session() as db:
        user = db.scalars(select(User).where(User.email == EMAIL)).one()
        token = site.app.plugin(Tokens).make(user, "ci", scopes=scopes)
    return {"authorization": f"Bearer {token}"}


def passing(client: Client, headers: dict[str, str] | None = None) -> set[str]:
    return {name for name in RULES if client.get(f"/rules/{name}", headers=headers or {}).status == 200}


def mine(client: Client, headers: dict[str, str] | None = None) -> set[str]:
    """The policies that let somebody do something with Zoë's own draft, in Python as in SQL."""
    found = client.get("/drafts", headers=headers or {}).expect(200).json()
    return {name for name, owners in found.items() if EMAIL in owners}


def test_C18_what_a_token_carries_bounds_its_owner_s_powers(site: Site) -> None:
    with site.app.session() as db:
        db.execute(update(User).values(is_staff=True, is_superuser=True))
    none, some, all_ = shown(site), shown(site, "blog.publish"), shown(site, "*")
    site.log_in()
    client, always = site.other(), {"logged-in", "confirmed"}
    whole = {*always, "publishes", "staff", "superuser", "editor", "either", "both"}
    assert passing(site.client) == whole == passing(client, all_)
    assert passing(client, some) == {*always, "publishes", "either"}
    # `~` turns nothing that was not judged for want of a scope: its owner may not either.
    assert passing(client, none) == always
    refused = client.get("/rules/staff", headers=some)
    assert (refused.status, refused.json()["code"]) == (403, "scope-missing")
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="*"'
    told = client.get("/rules/publishes", headers=none).headers["www-authenticate"]
    assert told == 'Bearer error="insufficient_scope", scope="blog.publish"'


def test_C18_to_a_policy_a_token_without_its_scope_is_a_visitor(site: Site) -> None:
    with site.app.session() as db:
        db.add_all([own := Draft(owner=EMAIL, is_open=False), Draft(owner="eve@example.org", is_open=True)])
    tokens = {
        "none": shown(site),
        "edit": shown(site, "drafts.edit"),
        "read": shown(site, "blog.read"),
        "both": shown(site, "drafts.edit", "blog.read"),
        "all": shown(site, "*"),
    }
    client = site.other()
    may = {name: mine(client, headers) for name, headers in tokens.items()}
    assert may == {
        "none": {"not-staff"},  # As for a visitor.
        "edit": {"not-staff", "edits"},
        "read": {"not-staff", "owns-or-reads"},
        "both": {"not-staff", "edits", "owns-or-reads", "edits-and-reads"},
        "all": {"not-staff", "sees", "owns", "edits", "owns-or-reads", "edits-and-reads"},
    }
    site.log_in()
    assert mine(client) == {"not-staff"} and mine(site.client) == may["all"]
    # As rules of routes the same, and `~` opens nothing that is closed to its owner.
    for name, headers in tokens.items():
        for rule in POLICIES:
            status = client.get(f"/drafts/{rule}/{own.id}", headers=headers).status
            assert (status == 200) is (rule in may[name]), (name, rule)
            turned = client.get(f"/not-drafts/{rule}/{own.id}", headers=headers).status
            assert turned != 200 or rule not in may["all"], (name, rule)
    with site.app.session() as db:
        db.execute(update(User).values(is_staff=True))
    assert [mine(client, tokens[name]) & {"not-staff"} for name in tokens] == [set()] * 5  # Its owner may not.


def test_what_a_token_is_told_of_rows_that_it_may_not_touch(site: Site) -> None:
    with site.app.session() as db:
        db.add_all([own := Draft(owner=EMAIL, is_open=False), opened := Draft(owner=EMAIL, is_open=True)])
    client, none = site.other(), shown(site, "blog.read")
    assert client.get(f"/drafts/sees/{opened.id}", headers=none).status == 200
    assert client.get(f"/drafts/sees/{own.id}", headers=none).status == 404
    for key in (own.id, opened.id, uuid.uuid4()):
        refused = client.get(f"/drafts/edits/{key}", headers=none)
        assert (refused.status, refused.json()["code"]) == (403, "scope-missing")
        assert refused.headers["www-authenticate"].endswith('scope="drafts.edit"')
    assert client.get(f"/drafts/edits/{own.id}").status == 401


def test_whoever_makes_a_token_may_give_it_the_scope_of_a_policy(site: Site) -> None:
    site.log_in()
    assert 'value="drafts.edit"' in site.client.get("/account/tokens/new", headers=BROWSER).text
    new = {"name": "ci", "scopes": ["drafts.edit"]}
    assert site.client.post("/account/tokens", json=new).expect(201).json()["scopes"] == ["drafts.edit"]
