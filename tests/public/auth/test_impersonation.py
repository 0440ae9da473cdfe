"""Acting as somebody else: who may, whom, and what is seen of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth.site import EMAIL, Site, User
from wholestack.auth import Identity, Impersonation, recent_login
from wholestack.testing import log_in


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    site = Site()

    @site.app.get("/me")
    def me(identity: Identity[User]) -> list[str | None]:
        return [identity.required().email, identity.impersonator]

    @site.app.get("/danger", needs=recent_login(minutes=10))
    def danger() -> str:
        return "in"

    with site.running(Impersonation()):
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


def test_staff_act_as_a_user_and_end_it(site: Site) -> None:
    user, helper = site.make(), site.make("help@example.org", is_staff=True)
    site.grant(helper, "helpers", "user.impersonate")
    log_in(site.client, helper)
    assert site.send("/account/impersonate-end").status == 404
    assert site.send(f"/account/impersonate/{user.key}").status == 303
    assert site.client.get("/me").json() == [EMAIL, helper.key]
    assert site.client.get("/danger").json()["code"] == "login-too-old"
    assert site.send("/account/password", old="x", new="a wholly new password").status == 422
    assert site.send("/account/impersonate-end").headers["location"] == "/account/login"
    assert site.client.get("/me").status == 401
    event = site.auth.tables.event
    with site.app.session() as db:
        trail = {row.kind: (row.user, row.actor) for row in db.query(event)}
    assert trail["impersonation-begun"] == trail["impersonation-ended"] == (user.key, helper.key)


def test_nobody_acts_as_staff_or_without_permission(site: Site) -> None:
    user, helper = site.make(), site.make("help@example.org", is_staff=True)
    chief = site.make("chief@example.org", is_superuser=True)
    closed = site.make("closed@example.org", is_active=False)
    log_in(site.client, helper)
    assert site.send(f"/account/impersonate/{user.key}").status == 403
    site.grant(helper, "helpers", "user.impersonate")
    for other, status in ((chief, 403), (helper, 403), (closed, 404)):
        assert site.send(f"/account/impersonate/{other.key}").status == status
    assert site.send("/account/impersonate/nobody").status == 404
    log_in(site.client, user)
    assert site.send(f"/account/impersonate/{helper.key}").status == 403
