"""Errors of the admin: within its frame for who has been let in, as any other page's for everybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from admin.site import BROWSER, Books, Person, Site, Tag, login
from wholestack import Conflict, Forbidden, NotFound, Response, ServiceUnavailable, Text
from wholestack.auth import LoginTooOld, permission
from wholestack.errors import TooManyRequests
from wholestack.languages import Languages
from wholestack.templates import Page
from wholestack.testing import Answer, Client


class Unpaid(Forbidden):
    """One that the app answers itself."""


RAISED = {"taken": Conflict("It is taken."), "busy": ServiceUnavailable("Come back."), "many": TooManyRequests(1.0), "old": LoginTooOld(), "owned": Unpaid()}  # fmt: skip


def _made(interface: str) -> Site:
    site = Site(Books, Tag, Person, interface=interface)

    @site.admin.page("/figures", title="Figures", needs=permission("figure.view"))
    def figures() -> Page:
        raise NotFound("There are none.")

    @site.admin.router.get("/raised/{name}")
    async def raised(name: str) -> Page:
        raise RAISED[name]

    @site.app.on_error(Unpaid)
    def unpaid(error: Unpaid) -> Response:
        return Text("by its own page", 402)

    return site


@pytest.fixture(params=["asgi", "wsgi"], scope="module")
def whole(request: Any) -> Iterator[Site]:
    with _made(request.param).running(Languages("en", "de")) as running:
        yield running


@pytest.fixture
def site(whole: Site) -> Site:
    return whole.anew()


def ask(client: Client, path: str, **headers: str) -> Answer:
    return client.get(path, headers={**BROWSER, **headers}, follow=False)


def framed(answer: Answer) -> bool:
    return 'id="admin-nav"' in answer.text


def heading(answer: Answer) -> str:
    return re.findall("<h1>(.*?)</h1>", answer.text)[0]


def test_who_has_been_let_in_stays_inside(site: Site) -> None:
    login(site.client, "book.view")
    for path in ("/admin/nowhere", "/admin/book/77", "/admin/book/77/history/8/9", "/admin/x/y%20z"):
        answer = ask(site.client, path)
        assert (answer.status, framed(answer), heading(answer)) == (404, True, "Page not found"), path
        assert 'href="/admin/book"' in answer.text and 'href="/admin/tag"' not in answer.text
        assert answer.text.count('aria-current="page"') == (2 if path.startswith("/admin/book") else 1)
    refused = ask(site.client, "/admin/tag")
    assert (refused.status, framed(refused), heading(refused)) == (403, True, "You may not do this")
    assert 'href="/admin/tag"' not in refused.text
    assert "Seite nicht gefunden" in ask(site.client, "/admin/nowhere", **{"accept-language": "de"}).text


def test_pages_of_ones_own_stay_inside_as_well(site: Site) -> None:
    login(site.client, "book.view")
    refused = ask(site.client, "/admin/figures")
    assert (refused.status, framed(refused)) == (403, True)
    login(site.client, "figure.view")
    assert "There are none." in (missing := ask(site.client, "/admin/figures")).text and framed(missing)
    taken = ask(site.client, "/admin/raised/taken")
    assert (taken.status, framed(taken)) == (409, True) and "It is taken." in taken.text


def test_what_is_mended_elsewhere_or_must_ask_nobody_is_answered_as_before(site: Site) -> None:
    login(site.client, "*")
    assert ask(site.client, "/admin/raised/old").headers["location"].startswith("/account/confirm-login?next=")
    for name, status in (("busy", 503), ("many", 429)):
        answer = ask(site.client, f"/admin/raised/{name}")
        assert (answer.status, framed(answer)) == (status, False)
        assert answer.headers.get("retry-after", "1") == "1"
    owned = ask(site.client, "/admin/raised/owned")
    assert (owned.status, owned.text) == (402, "by its own page")


def test_an_address_tells_nobody_else_whether_it_is_one(site: Site) -> None:
    paths = ("/admin/", "/admin/book", "/admin/book/77", "/admin/nowhere", "/admin/figures", "/admin/book/")
    assert {ask(site.client, each).headers["location"].partition("?")[0] for each in paths} == {"/account/login"}
    login(site.client, is_staff=False)
    told = {re.sub(r"<code>\w+</code>|next=[^\"]*", "", (answer := ask(site.client, each)).text) for each in paths}
    assert len(told) == 1 and answer.status == 403 and not framed(answer) and "The bookshop" not in answer.text
    assert ask(site.other(), "/admin/nowhere", accept="application/json").status == 401


def test_programs_are_told_in_their_words(site: Site) -> None:
    login(site.client, "*")
    answer = ask(site.client, "/admin/nowhere", accept="application/json")
    assert (answer.status, answer.json()["code"]) == (404, "not-found")
    assert answer.headers["content-type"] == "application/problem+json"
    missing = ask(site.client, "/admin/book/77", accept="application/json")
    assert (missing.status, missing.json()["code"]) == (404, "not-found")


def test_a_slash_too_much_leads_to_the_page(site: Site) -> None:
    login(site.client, "*")
    for path, to in (("/admin/book/?q=%C3%A4+b", "/admin/book?q=%C3%A4+b"), ("/admin/b%C3%B6se/", None)):
        answer = ask(site.client, path)
        assert (answer.status, answer.headers.get("location")) == (308 if to else 404, to)
    assert ask(site.client, "/admin").headers["location"] == "/admin/"


def test_a_body_that_is_too_large_is_told_inside(site: Site) -> None:
    login(site.client, "*")
    body = {"name": "x" * 3_000_000}
    answer = site.client.post("/admin/tag/new", data=body, headers=BROWSER, follow=False)
    assert (answer.status, framed(answer), heading(answer)) == (413, True, "Too much was sent")
