"""Attacks on accounts by what is sent: passwords of a megabyte, addresses that look alike, links of others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from auth.factors import Clock
from auth.site import BROWSER, EMAIL, PASSWORD, Site, User, cheap
from wholestack.auth import MagicLink, Passwords, Throttle
from wholestack.testing import Answer, log_in

NEW = "a wholly new password"
MEGABYTE = ("0123456789 unlikely words " * 40_000)[:1_000_000]
LONG = ("0123456789 ünlikely wörds " * 160)[:4_090]
"""More than 4,096 bytes, and fewer letters; the rules would take it, as they would the megabyte."""
FORMS = {
    "/account/login": {"email": EMAIL, "password": ...},
    "/account/sign-up": {"email": "new@example.org", "password": ...},
    "/account/password": {"old": PASSWORD, "new": ...},
    "/account/confirm-login": {"password": ...},
    "/account/email": {"email": "new@example.org", "password": ...},
}
ALIKE = (
    "z\u043ee@example.org",  # A Cyrillic o.
    "zoe@\u0435xample.org",
    "zo\uff45@example.org",  # A wide e: NFKC makes it an e.
    "zoe@example\uff0eorg",
    "zo\u00e9@example.org",
    "zoe\u200b@example.org",
    "zoe@exa\u00admple.org",
    "zoe@e\u212aample.org",
    "zoe+1@example.org",
    "zoe@example.org.evil.example",
    "zoe@example.org\x00",
    "zoe@example.org,mike@evil.example",
    "zoe@example.org\r\nbcc: mike@evil.example",
)


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    site = Site("asgi")

    @site.app.get("/me")
    def me(user: User) -> str:
        return user.email

    with site.running():
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.anew()


# -- passwords -------------------------------------------------------------------------------------------------------


def hashed(word: str) -> str:
    """The hash of any password, however long it is."""
    scheme, salt = vars(cheap())["_scheme"], bytes(16)
    made: str = scheme.written(salt, scheme.work(word.encode(), salt))
    return made


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("word", [MEGABYTE, LONG], ids=["a megabyte", "too many bytes"])
def test_C13_a_password_too_long_is_refused_in_no_time(path: str, word: str, site: Site) -> None:
    """Even where it is the right one."""
    user = site.make(password=PASSWORD if path == "/account/password" else None)
    if user.password is None:
        with site.app.session() as db:
            db.get_one(User, user.id).password = hashed(word)
    before = site.find().password
    log_in(site.client, site.find())
    client = site.other() if path in {"/account/login", "/account/sign-up"} else site.client
    begun = time.process_time()
    answer = site.send(path, client, **{name: word if each is ... else each for name, each in FORMS[path].items()})
    assert time.process_time() - begun < 1
    assert answer.status == 422 and word not in answer.text
    assert site.find().password == before and site.find("new@example.org") is None and site.mails == []


@pytest.mark.parametrize("word", [MEGABYTE, LONG], ids=["a megabyte", "too many bytes"])
def test_C13_a_link_takes_none_too_long_either(word: str, site: Site) -> None:
    before = site.make().password
    site.send("/account/forgotten", email=EMAIL)
    assert site.send(site.link(), password=word).status == 422
    assert site.find().password == before
    assert site.send(site.link(), password=NEW).status == 303  # It was not used up.


@pytest.mark.parametrize(
    "word", ["\u1e9b\u0323 and a long word", "  blanks around it  ", "0123456789 unlikely words " * 150]
)
def test_C13_a_password_is_taken_whole(word: str, site: Site) -> None:
    """From sign-up to login: nothing is cut at NUL, at a blank, or at 72 bytes."""
    site.send("/account/sign-up", email=EMAIL, password=word)
    site.send(site.link())
    for other in (word[:-1], word[:12], word[:72] + "x", word.strip() + "!"):
        assert site.log_in(password=other, client=site.other()).status == 422
    assert site.log_in(password=word, client=site.other()).status == 303


def test_C13_no_password_ends_at_a_nul(site: Site) -> None:
    """A page refuses it: no keyboard has one, and bcrypt, of an import, would end there."""
    before = site.make(password="before the nul").password
    for path in ("/account/login", "/account/sign-up"):
        assert site.send(path, email=EMAIL, password="before the nul\x00after").status == 400
    answer = site.client.post("/account/login", json={"email": EMAIL, "password": "before the nul\x00after"})
    assert 400 <= answer.status < 500 and site.find().password == before
    assert site.client.get("/me").status == 401


def test_C13_other_parameters_take_a_new_hash_at_login(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.make().password
    assert site.log_in(client=site.other()).status == 303
    assert site.find().password == before
    with site.app.session() as db:
        db.get_one(User, site.find().id).password = Passwords(memory=16, passes=1).hash(PASSWORD)
    assert site.log_in(password="not this one", client=site.other()).status == 422
    assert "m=16," in site.find().password  # Only who knows it makes it anew.
    assert site.log_in(client=site.other()).status == 303
    assert "m=8," in site.find().password
    assert cheap().verify(PASSWORD, site.find().password).rehash is False
    assert site.log_in(client=site.other()).status == 303


# -- links -----------------------------------------------------------------------------------------------------------


def test_C15_an_address_that_looks_alike_gets_no_link(site: Site) -> None:
    """What is mailed for an account goes to the address that it has, letter by letter (CVE-2019-19844)."""
    site.make()
    for address in ALIKE:
        answer = site.send("/account/forgotten", site.other(), email=address)
        assert answer.status in {200, 400, 422}, address
        for mail in site.mails:
            assert [str(each.address) for each in mail.to] == [EMAIL], address
    for address in ("ZOE@EXAMPLE.ORG", "Zoe@Example.Org", " zoe@example.org "):
        before = len(site.mails)
        site.send("/account/forgotten", site.other(), email=address)
        assert [str(each.to[0].address) for each in site.mails[before:]] == [EMAIL], address


def test_C15_an_account_beside_one_that_looks_alike_is_its_own(site: Site) -> None:
    before = site.make().password
    for address in ALIKE:
        site.send("/account/sign-up", site.other(), email=address, password=NEW)
    assert site.find().password == before
    assert site.log_in(password=NEW, client=site.other()).status == 422
    assert site.log_in(client=site.other()).status == 303


def test_C15_a_link_is_its_account_s_whoever_shows_it(site: Site) -> None:
    user, mallory = site.make(), site.make("mallory@example.org")
    log_in(site.client, mallory)
    site.send("/account/forgotten", email=EMAIL)
    page = site.client.get(site.link(), headers=BROWSER)
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    assert "mallory" not in page.text
    assert site.send(site.link(), password=NEW).status == 303
    assert site.find("mallory@example.org").password == mallory.password
    assert site.find().password != user.password


@pytest.mark.parametrize("kind", ["reset", "address", "confirm"])
def test_C15_no_page_of_a_link_tells_another_site_of_it(kind: str, site: Site) -> None:
    user = site.make(email_confirmed_at=None) if kind == "confirm" else site.make()
    if kind == "reset":
        site.send("/account/forgotten", email=EMAIL)
    elif kind == "address":
        log_in(site.client, user)
        site.send("/account/email", email="new@example.org", password=PASSWORD)
    else:
        site.log_in()
    link = site.link()

    def quiet(answer: Answer) -> bool:
        return answer.headers["referrer-policy"] == "no-referrer" and answer.headers["cache-control"] == "no-store"

    page = site.client.get(link, headers=BROWSER)
    assert page.status == 200 and quiet(page)
    assert "http://" not in page.text.replace("http://testserver", "") and "https://" not in page.text
    if kind == "reset":
        assert quiet(site.send(link, password="short"))  # The page with what was wrong, too.
    site.send(link, password=NEW)
    assert quiet(site.client.get(link, headers=BROWSER))  # And what says that it has been used.


def test_C15_of_two_changes_of_address_the_later_one_counts(site: Site) -> None:
    """Whoever has asked for one to an address of theirs does not get it by what is said to another."""
    site.make()
    site.log_in()
    links = {}
    for address in ("first@example.org", "second@example.org"):
        site.send("/account/email", email=address, password=PASSWORD)
        for mail, number in ((mail, number) for number, mail in enumerate(site.mails)):
            links[address, str(mail.to[0].address)] = site.link(number)
        site.mails.clear()
        backend: Any = site.mailing.backend
        backend.letters.clear()
    assert site.send(links["first@example.org", "first@example.org"]).status == 410
    assert site.send(links["first@example.org", EMAIL]).status == 410
    assert site.send(links["second@example.org", EMAIL]).status == 303
    assert site.client.get("/me").text == EMAIL
    assert site.send(links["first@example.org", "first@example.org"]).status == 410
    assert site.send(links["second@example.org", "second@example.org"]).status == 303
    assert site.client.get("/me").text == "second@example.org"


# -- throttling ------------------------------------------------------------------------------------------------------


def test_C12_the_owner_comes_in_by_mail_meanwhile() -> None:
    """From a browser that the account does not know, while somebody is at its password."""
    clock = Clock()
    site = Site(throttle=Throttle(clock=lambda: clock.now.timestamp()))
    with site.running(MagicLink()):
        site.make()
        thief, statuses = site.other(), []
        for number in range(60):
            clock.go_on(1)
            headers = BROWSER | {"x-forwarded-for": f"198.51.100.{number}"}
            word = {"email": EMAIL, "password": f"guess {number}"}
            statuses.append(thief.post("/account/login", data=word, headers=headers, follow=False).status)
        assert {*statuses} == {422, 429} and statuses.count(422) <= 10
        owner = site.other()
        assert site.log_in(client=owner).status == 429
        site.send("/account/mail-login", owner, email=EMAIL)
        assert site.send(site.link(), owner).headers["location"] == "/"
        assert owner.get("/account", headers=BROWSER).status == 200


# -- forged fields ---------------------------------------------------------------------------------------------------
