"""Whose account a login at a provider opens, and whose it never does."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from auth.factors import Clock, set_up_totp
from auth.provider import PERSON, Provider, begin, come, finish, plugin, said
from auth.site import BROWSER, EMAIL, PASSWORD, Site, User
from wholestack.auth import TOTP, Identity, SecondFactorRequired, mfa
from wholestack.db import Session, select, update
from wholestack.testing import Client, log_in

NAMED: Any = {"fields": lambda claims: {"nickname": claims["name"]}}
WAYS: dict[str, Any] = {
    "example": {"trusts_email": True},
    "plain": NAMED,
    "hd": {"trusts_email": lambda claims: claims.get("hd") == "example.org"},
    "shut": {"trusts_email": True, "sign_up": False},
    "named": {"trusts_email": True, "remember": True, **NAMED},
    "only": {"trusts_email": True, "domains": ["example.org"], "only": {"tid": ["our-tenant"]}},
    "roles": {"trusts_email": True, "roles": {"admins": "editor", "writers": "author", "ghosts": "ghost"}},
    "realm": {
        "trusts_email": True, "userinfo": True, "roles": {"boss": "editor"}, "roles_claim": "realm_access.roles"
    },
    "mfa": {"trusts_email": True, "two_factors": ["mfa"]},
    **{name: {"trusts_email": True, "logs_out": True} for name in ("out", "out-none", "out-odd")},
    "acr": {"trusts_email": True, "two_factors": ["urn:two"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.reset()
    return running


@pytest.fixture(scope="module")
def shared(running: Provider) -> Iterator[Site]:
    running.reset()
    with made().running(*(plugin(running, name, **options) for name, options in WAYS.items())) as found:
        yield found


@pytest.fixture
def site(shared: Site, provider: Provider) -> Site:
    return shared.anew()


def made(interface: str = "asgi", **options: Any) -> Site:
    found = Site(interface, **options)

    @found.app.get("/me")
    def me(user: User) -> str:
        return user.email

    @found.app.get("/safe", needs=mfa())
    def safe(identity: Identity[User]) -> list[str]:
        return sorted(identity.methods)

    return found


def links(site: Site) -> list[tuple[str, str]]:
    """Who is linked: address here, subject there."""
    external, user = site.auth.tables.external, site.user
    with site.app.session() as db:
        rows = db.execute(select(user.email, external.subject).join(external, external.user_id == user.id))
        return sorted((email, subject) for email, subject in rows)


def me(site: Site, client: Client | None = None) -> str:
    answer = (client or site.client).get("/me")
    return answer.text if answer.status == 200 else str(answer.status)


# -- an account that is there ------------------------------------------------------------------------------------------


def test_a_proven_address_opens_its_account_where_the_provider_is_trusted(site: Site, provider: Provider) -> None:
    site.make()
    provider.person["email"] = "ZOE@example.org"
    assert come(site, provider).headers["location"] == "/" and me(site) == EMAIL
    assert links(site) == [(EMAIL, "zoe-7")] and "Another login was linked" in site.mails[-1].subject
    provider.person |= {"email": "zoe@elsewhere.example", "email_verified": False}
    other = site.other()
    come(site, provider, other)  # Once it is linked, the subject says who it is, and the address nothing.
    assert me(site, other) == EMAIL and len(site.mails) == 2  # The second of the new device.


def test_L6_an_address_that_the_provider_has_not_proven_opens_nothing(site: Site, provider: Provider) -> None:
    site.make()
    for proven in (False, None, "false", 1, "yes"):
        provider.person["email_verified"] = proven
        assert come(site, provider).headers["location"] == "/account/login"
        assert "not linked with an account" in said(site) and me(site) == "401"
    provider.person |= {"email": "new@example.org", "email_verified": False}
    come(site, provider)
    assert links(site) == [] and site.find("new@example.org") is None and site.mails == []
    provider.person |= {"email": "zoe@example.org\r\nbcc: x@example.org", "email_verified": True}
    come(site, provider)
    assert links(site) == [] and len(site.events()) == 7 == site.events().count("external-refused")


def test_L6_an_account_that_is_not_proven_itself_is_not_opened(site: Site, provider: Provider) -> None:
    site.send("/account/sign-up", email=EMAIL, password="the attacker's own")  # Waits for Zoë to come by.
    come(site, provider)
    assert me(site) == "401" and links(site) == []
    assert "You have an account already" in site.mails[-1].subject
    site.send("/account/forgotten", email=EMAIL)  # Her way in: by her mail, which ends the attacker's password.
    assert site.send(site.link(), password=PASSWORD).headers["location"] == "/account/login"
    assert site.log_in(password="the attacker's own").status == 422
    come(site, provider)
    assert me(site) == EMAIL and links(site) == [(EMAIL, "zoe-7")]


def test_L6_a_provider_that_is_not_trusted_opens_no_account(site: Site, provider: Provider) -> None:
    site.make()
    assert "Look at your mail" in come(site, provider, name="plain").text
    assert me(site) == "401" and links(site) == [] and "is not linked with that login" in site.mails[-1].text


def test_a_trust_that_depends_on_the_claims(site: Site, provider: Provider) -> None:
    site.make()
    come(site, provider, name="hd")
    assert links(site) == []
    provider.person["hd"] = "example.org"
    come(site, provider, name="hd")
    assert links(site) == [(EMAIL, "zoe-7")]


def test_a_closed_account_stays_closed(site: Site, provider: Provider) -> None:
    site.make()
    come(site, provider)
    with site.app.session() as db:
        db.scalars(select(User)).one().is_active = False
    other = site.other()
    assert come(site, provider, other).headers["location"] == "/account/login"
    assert "This account is closed" in said(site, other) and me(site, other) == "401"


# -- a new one ---------------------------------------------------------------------------------------------------------


def test_sign_up_only_where_it_is_open(site: Site, provider: Provider) -> None:
    assert come(site, provider, name="shut").headers["location"] == "/account/login" and site.find() is None
    for ways in ("closed", "invited"):
        wide = plugin(provider, "wide", trusts_email=True, sign_up=True)
        with made(sign_up=ways).running(plugin(provider, trusts_email=True), wide) as other:
            assert come(other, provider).headers["location"] == "/account/login"
            assert other.find() is None and me(other) == "401"
            assert come(other, provider, name="wide").headers["location"] == "/" and me(other) == EMAIL


def test_a_new_user_with_columns_of_its_own(site: Site, provider: Provider) -> None:
    come(site, provider, name="named")
    user = site.find()
    assert (user.nickname, user.password) == ("Zoë", None) and user.email_confirmed_at is not None


def test_L6_who_signs_up_by_a_provider_that_is_not_trusted_proves_the_address_by_mail(
    site: Site, provider: Provider
) -> None:
    assert "Look at your mail" in come(site, provider, name="plain", next="/me").text
    assert site.find() is None and links(site) == []  # Nobody's yet.
    link = site.link()
    victim = site.other()  # Whoever reads the mail, and has not logged in there, makes no account for another.
    assert "another browser" in victim.get(link, headers=BROWSER).text
    assert site.send(link, victim).status == 410 and site.find() is None
    page = site.client.get(link, headers=BROWSER)
    assert page.headers["referrer-policy"] == "no-referrer" and "make your account" in page.text
    assert site.send(link.replace("/plain/", "/nobody/")).status == 404
    assert site.send(link.replace("/plain/", "/example/")).status == 410
    assert site.send(link).headers["location"] == "/me" and me(site) == EMAIL
    assert site.find().nickname == "Zoë" and links(site) == [(EMAIL, "zoe-7")]
    assert site.send(link).status == 410
    assert come(site, provider, site.other(), name="plain").headers["location"] == "/"


def test_a_proof_is_of_no_use_when_the_address_has_an_account_meanwhile(site: Site, provider: Provider) -> None:
    come(site, provider, name="plain")
    site.make()
    assert site.send(site.link()).status == 410 and links(site) == []


def test_two_logins_at_once_make_one_account(site: Site, provider: Provider) -> None:
    other = site.other()
    first, second = (provider.visit(begin(site, each).headers["location"]) for each in (site.client, other))
    finish(site, first)
    finish(site, second, other)
    assert me(site) == me(site, other) == EMAIL and links(site) == [(EMAIL, "zoe-7")]


def test_an_address_that_is_not_proven_here_is_proven_first(site: Site, provider: Provider) -> None:
    user = site.make()
    come(site, provider)
    with site.app.session() as db:
        db.get_one(User, user.id).email_confirmed_at = None
    other = site.other()
    assert "Look at your mail" in come(site, provider, other).text and me(site, other) == "401"
    link, reader = site.link(), site.other()  # Whoever else reads the mail has to know the password.
    assert "that you have chosen" in reader.get(link, headers=BROWSER).text
    assert site.send(link, reader, password="a guess").status == 422
    assert "Press the button" in other.get(link, headers=BROWSER).text
    assert site.send(link, other).headers["location"] == "/account/login"
    assert come(site, provider, other).headers["location"] == "/" and me(site, other) == EMAIL
    assert site.log_in().status == 303  # The password stays what it was.


def test_without_a_password_an_address_is_proven_in_the_browser_that_has_begun(site: Site, provider: Provider) -> None:
    come(site, provider)
    with site.app.session() as db:
        db.get_one(User, site.find().id).email_confirmed_at = None
    other, reader = site.other(), site.other()
    assert "Look at your mail" in come(site, provider, other).text
    link = site.link()
    for password in ({}, {"password": "a guess"}):
        refused = site.send(link, reader, **password)
        assert refused.status == 403 and "in which you have begun" in refused.text
    assert "in which you have begun" in reader.get(link, headers=BROWSER).text
    assert site.find().email_confirmed_at is None
    assert site.send(link, other).headers["location"] == "/account/login"
    assert come(site, provider, other).headers["location"] == "/" and me(site, other) == EMAIL


# -- who of them -------------------------------------------------------------------------------------------------------


def test_only_some_of_a_providers_people(site: Site, provider: Provider) -> None:
    for claims in (
        {},
        {"tid": "another"},
        {"tid": "our-tenant", "email": "zoe@example.org.evil.example"},
        {"tid": "our-tenant", "email_verified": False},
        {"tid": ["our-tenant"]},
    ):
        provider.person = {**PERSON, **claims}
        assert come(site, provider, name="only").headers["location"] == "/account/login"
        assert "not one of those" in said(site)
    provider.person = {**PERSON, "tid": "our-tenant"}
    assert come(site, provider, name="only").headers["location"] == "/"


def test_roles_by_groups(site: Site, provider: Provider) -> None:
    user = site.make()
    for name in ("editor", "author", "helper"):
        site.grant(user, name, f"{name}.do")
    tables = site.auth.tables
    held_now = select(tables.role.name).join(tables.membership, tables.membership.role_id == tables.role.id)
    for groups, held in (
        (["admins", "others", 7], ["editor", "helper"]),
        (["writers", "admins", "ghosts"], ["author", "editor", "helper"]),
        ("writers", ["author", "helper"]),
        ({"admins": True}, ["helper"]),
        (None, ["helper"]),  # What the provider does not say any more is taken; "helper" is not its own.
    ):
        provider.person["groups"] = groups
        come(site, provider, site.other(), name="roles")
        with site.app.session() as db:
            assert sorted(db.scalars(held_now)) == held
    assert site.events().count("roles-changed") == 4


def test_groups_in_an_object_and_in_userinfo(site: Site, provider: Provider) -> None:
    site.grant(site.make(), "editor")
    provider.userinfo["realm_access"] = {"roles": ["boss"]}
    come(site, provider, name="realm")
    assert "login" in site.events() and "roles-changed" not in site.events()
    provider.userinfo["realm_access"] = {}
    come(site, provider, site.other(), name="realm")
    assert "roles-changed" in site.events()


def test_two_factors_only_where_the_setting_says_which_words_stand_for_them(site: Site, provider: Provider) -> None:
    for name, claims, status in (
        ("example", {"amr": ["mfa", "pwd"], "acr": "mfa"}, 403),
        ("mfa", {"amr": ["pwd", "otp"]}, 403),
        ("mfa", {"amr": ["pwd", "mfa"]}, 200),
        ("acr", {"acr": "urn:two"}, 200),
    ):
        provider.person = {**PERSON, **claims}
        client = site.other()
        come(site, provider, client, name=name)
        assert client.get("/safe").status == status


def test_a_password_and_a_login_elsewhere_are_not_two_factors(site: Site, provider: Provider) -> None:
    site.make()
    come(site, provider)
    site.send("/account/logout")
    site.log_in()
    come(site, provider)  # Once more who it is: whoever reads the mail can do both.
    assert "login-confirmed" in site.events()
    assert site.client.get("/safe").json()["code"] == SecondFactorRequired.code


def test_a_second_factor_of_ours_is_still_asked_for(provider: Provider) -> None:
    class Step:
        path = "/step"

        def is_set_up(self, db: Session, user: Any) -> bool:
            return True

    site = made()
    site.auth.factors.append(Step())
    with site.running(plugin(provider, trusts_email=True)):
        assert come(site, provider, next="/me").headers["location"] == "/account/step?next=%2Fme" and me(site) == "401"


# -- links -------------------------------------------------------------------------------------------------------------


def ticket(site: Site, client: Client | None = None) -> str:
    page = (client or site.client).get("/account/external", headers=BROWSER).expect(200).text
    found = re.search(r"/account/external/example\?ticket=([\w-]+)", page)
    return "" if found is None else found[1]


def unlink(site: Site, number: int = 0) -> Any:
    page = site.client.get("/account/external", headers=BROWSER).text
    return site.send(re.findall(r'action="(/account/external/unlink/[^"]+)"', page)[number])


def test_linked_and_taken_away_again(site: Site, provider: Provider) -> None:
    site.make("other@example.org")
    site.log_in("other@example.org")
    assert "0 are linked" in site.client.get("/account", headers=BROWSER).text
    assert come(site, provider, ticket=ticket(site)).headers["location"] == "/account/external"
    page = site.client.get("/account/external", headers=BROWSER).text
    assert "Example is linked with your account" in page and PERSON["email"] in page and "ticket=" not in page
    assert links(site) == [("other@example.org", "zoe-7")]
    stranger = site.other()
    come(site, provider, stranger)
    assert me(site, stranger) == "other@example.org"
    assert unlink(site).headers["location"] == "/account/external"
    assert links(site) == [] and "A login was taken from" in site.mails[-1].subject
    assert [each for each in site.events() if "external" in each] == ["external-linked", "external-unlinked"]


def test_the_last_way_in_stays(site: Site, provider: Provider) -> None:
    come(site, provider)
    unlink(site)
    assert "the last way into your account" in site.client.get("/account/external", headers=BROWSER).text
    assert links(site) == [(EMAIL, "zoe-7")]
    tables = site.auth.tables
    with site.app.session() as db:  # Of a provider that the app does not use any more.
        db.add(tables.external(user_id=site.find().id, issuer="https://other.example", subject="a"))
    unlink(site)
    assert len(links(site)) == 2
    unlink(site, 1)
    assert links(site) == [(EMAIL, "zoe-7")]
    with site.app.session() as db:
        db.add(tables.external(user_id=site.find().id, issuer=provider.issuer, subject="b"))
    unlink(site)
    assert links(site) == [(EMAIL, "b")]
    unlink(site)
    assert links(site) == [(EMAIL, "b")]
    with site.app.session() as db:
        db.add(tables.passkey(user_id=site.find().id, name="key", credential="c", public_key=b"k"))
    unlink(site)
    assert links(site) == [(EMAIL, "b")]  # Good as a second factor only: no way in.
    with site.app.session() as db:
        db.execute(update(tables.passkey).values(verifies=True))
    unlink(site)
    assert links(site) == []
    assert site.send("/account/external/unlink/7e57d004-2b97-4e7a-b45f-5387367791cd").status == 303


def test_L10_nobody_else_can_make_one_link(site: Site, provider: Provider) -> None:
    site.make()
    site.log_in()
    # Another site sends the browser to the beginning of a link, where the attacker is logged in at the provider.
    for wrong in ("A" * 43, "", "é"):
        begun = begin(site, ticket=wrong) if wrong else begin(site)
        if begun.headers["location"].startswith("http"):
            finish(site, provider.visit(begun.headers["location"]))
    assert links(site) == []
    mine = ticket(site)
    back = provider.visit(begin(site, ticket=mine).headers["location"])
    assert begin(site, ticket=mine).headers["location"] == "/account/external"  # It holds once.
    thief = site.other()
    assert finish(site, back, thief).headers["location"] == "/account/login"
    site.send("/account/logout")
    site.make("boss@example.org")
    site.log_in("boss@example.org")
    finish(site, back)  # Begun as somebody else.
    assert links(site) == []
    assert begin(site, site.other(), ticket=mine).headers["location"] == "/account/external"


def test_a_login_that_is_somebody_elses_is_not_linked(site: Site, provider: Provider) -> None:
    come(site, provider)
    other = site.other()
    site.make("other@example.org")
    site.log_in("other@example.org", client=other)
    back = provider.visit(begin(site, other, ticket=ticket(site, other)).headers["location"])
    assert finish(site, back, other).headers["location"] == "/account"
    assert "belongs to another account" in other.get("/account", headers=BROWSER).text
    assert links(site) == [(EMAIL, "zoe-7")]


def test_links_need_a_login_of_a_short_while_ago(provider: Provider) -> None:
    import datetime

    moments = [datetime.datetime.now(datetime.UTC)]
    with made(clock=lambda: moments[-1]).running(plugin(provider, trusts_email=True)) as site:
        come(site, provider)
        moments.append(moments[0] + datetime.timedelta(minutes=11))
        sent = site.client.get("/account/external", headers=BROWSER, follow=False)
        assert sent.headers["location"] == "/account/confirm-login?next=%2Faccount%2Fexternal"
        page = site.client.get(sent.headers["location"], headers=BROWSER).text
        assert 'href="/account/external/example?next=%2Faccount%2Fexternal"' in page  # Who has no password uses this.
        provider.told = {name: int(time.time()) + 660 for name in ("iat", "auth_time")}
        provider.told["exp"] = int(time.time()) + 1000
        assert come(site, provider, next="/account/external").headers["location"] == "/account/external"
        assert site.client.get("/account/external", headers=BROWSER, follow=False).status == 200


def test_links_need_the_second_factor_that_is_set_up(provider: Provider) -> None:
    with made(clock=(clock := Clock())).running(plugin(provider), TOTP()) as site:
        site.make()
        site.log_in()
        set_up_totp(site, clock)
        assert site.client.get("/account/external", headers=BROWSER, follow=False).status == 200
        log_in(thief := site.other(), site.find(), "pwd")
        sent = thief.get("/account/external", headers=BROWSER, follow=False)
        assert sent.headers["location"].startswith("/account/second-factor")


# -- the way out -------------------------------------------------------------------------------------------------------


def test_logging_out_there_as_well(site: Site, provider: Provider) -> None:
    come(site, provider, name="out")
    assert "Log out" in site.client.get("/account/external/logout", headers=BROWSER).text
    page = site.send("/account/external/logout").text
    address = re.findall(r'href="(http[^"]+/end[^"]+)"', page)[0].replace("&amp;", "&")
    assert "client_id=the-site" in address and "id_token_hint=ey" in address
    assert "post_logout_redirect_uri=http%3A%2F%2Ftestserver%2Faccount%2Flogin" in address
    assert me(site) == "401"
    for name, endpoint in (
        ("out-none", None),
        ("out-odd", "http://other.example/"),
        ("example", f"{provider.issuer}/end"),
    ):
        provider.description["end_session_endpoint"] = endpoint
        come(site, provider, name=name)
        assert me(site) == EMAIL
        assert site.send("/account/external/logout").headers["location"] == "/account/login" and me(site) == "401"


def test_a_provider_ends_sessions(site: Site, provider: Provider) -> None:
    event = "http://schemas.openid.net/event/backchannel-logout"
    come(site, provider)
    machine = site.other()

    def told(typ: str = "logout+jwt", **claims: Any) -> int:
        now = int(time.time())
        usual = {"iss": provider.issuer, "aud": "the-site", "sub": "zoe-7", "iat": now, "exp": now + 60}
        usual |= {"jti": "1", "events": {event: {}}}
        whole = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        token = provider.sign({"alg": "RS256", "kid": "first", "typ": typ}, whole)
        answer = machine.post("/account/external/example/ended", data={"logout_token": token})
        assert answer.headers["cache-control"] == "no-store"
        return answer.status

    now = int(time.time())
    for wrong in (
        {"events": {}}, {"events": None}, {"events": event}, {"nonce": "x"}, {"aud": "another"}, {"sub": None},
        {"iat": now - 700, "exp": now + 60}, {"iat": None}, {"exp": now - 61}, {"typ": "at+jwt"},
        {"iss": "https://other.example"},
    ):  # fmt: skip
        assert told(**wrong) == 400
    assert told(sub="somebody-else") == 200 and me(site) == EMAIL
    assert told() == 200 and me(site) == "401"
    assert machine.post("/account/external/example/ended", data={"logout_token": "x"}).status == 400
    assert site.events()[-1] == "logout-everywhere"


def test_what_the_export_holds(site: Site, provider: Provider) -> None:
    come(site, provider)
    found = site.client.get("/account/export").json()["externals"]
    assert [(each["issuer"], each["subject"]) for each in found] == [(provider.issuer, "zoe-7")]
