"""Passwords that are tried at a link which confirms an address are counted, as those of a login are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from auth.site import BROWSER, EMAIL, PASSWORD, Site
from wholestack.auth import Throttle
from wholestack.openapi import document
from wholestack.testing import Client

NOW = [1_800_000_000.0]


@pytest.fixture(params=["asgi", "wsgi"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with Site(request.param, throttle=Throttle(clock=lambda: NOW[0])).running() as site:
        yield site


def link_of_another(site: Site) -> str:
    """The link that somebody was mailed who has chosen a password in a browser of their own."""
    site.send("/account/sign-up", site.other(), email=EMAIL, password=PASSWORD)
    return site.link()


def confirm(site: Site, link: str, browser: Client, **fields: Any) -> int:
    return site.send(link, browser, **fields).status


def test_wrong_passwords_wait_as_at_the_login(site: Site) -> None:
    link, reader = link_of_another(site), site.other()
    assert [confirm(site, link, reader, password=f"guess {n}") for n in range(6)] == [422] * 5 + [429]
    answer = site.send(link, reader, password=PASSWORD)
    assert (answer.status, answer.headers["retry-after"]) == (429, "1"), "the right one waits as well"
    told = reader.post(link, json={"password": PASSWORD}, headers={"sec-fetch-site": "same-origin"}).json()
    assert told["code"] == "too-many-logins"
    assert site.find().email_confirmed_at is None
    assert site.events().count("confirmation-failed") == 5
    # Nobody is kept from their login by it, nor from a link that they have begun themselves.
    site.make("bo@example.org")
    assert site.log_in("bo@example.org", client=site.other()).status == 303
    NOW[0] += 1
    assert confirm(site, link, reader, password=PASSWORD) == 303
    assert site.find().email_confirmed_at is not None
    assert site.log_in(client=site.other()).status == 303


def test_several_links_of_an_address_are_counted_together(site: Site) -> None:
    links, reader = [link_of_another(site) for _ in range(3)], site.other()
    assert [confirm(site, links[n % 3], reader, password="a guess") for n in range(6)] == [422] * 5 + [429]


def test_a_login_takes_no_guesses_back(site: Site) -> None:
    site.make()
    with site.app.session() as db:
        user = db.merge(site.find())
        user.email_confirmed_at = None
    link, reader = link_of_another(site), site.other()
    for number in range(5):
        assert confirm(site, link, reader, password=f"guess {number}") == 422
    assert site.log_in(client=site.other()).status == 200  # The right password; another link is mailed.
    assert confirm(site, link, reader, password="a guess") == 429


def test_who_has_begun_it_or_says_nothing_is_not_counted(site: Site) -> None:
    link, reader = link_of_another(site), site.other()
    assert [confirm(site, link, reader) for _ in range(10)] == [422] * 10, "the form asks for it"
    assert site.events().count("confirmation-failed") == 0
    mine = site.other()
    site.send("/account/sign-up", mine, email="cem@example.org", password=PASSWORD)
    assert confirm(site, site.link(), mine) == 303
    assert "that you have chosen" in reader.get(link, headers=BROWSER).text


def test_the_document_says_so() -> None:
    site = Site(throttle=Throttle())
    site.app.use(site.database, site.mailing, site.auth)
    site.app.seal()
    assert "429" in document(site.app)["paths"]["/account/confirm/{token}"]["post"]["responses"]
