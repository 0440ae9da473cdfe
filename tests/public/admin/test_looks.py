"""The frame of the admin: its dashboard, its search, pages of one's own, and how it looks in a house of its own."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from markupsafe import Markup

from admin.furnished import BARE, Authors, Search, Tags, furnish
from admin.site import BROWSER, Author, Books, Person, Review, Site, Stock, Tag, login, post
from wholestack import App, SetupError
from wholestack.admin import Admin, Bars, Donut, Line, Number, TableOf
from wholestack.auth import Identity
from wholestack.db import Session, func, select
from wholestack.languages import Languages
from wholestack.mail import Mailer
from wholestack.templates import Page
from wholestack.testing import Client


@pytest.fixture(scope="module")
def whole() -> Iterator[Site]:
    site = Site(Books, Authors, Tags, Review, Stock, Person, title="Back & <office>", accent="#ffd400")
    furnish(site.admin)
    with site.running(Languages("en", "de")) as running:
        yield running


@pytest.fixture
def site(whole: Site) -> Site:
    return whole.anew()


def page(client: Client, path: str = "/admin/", **headers: str) -> str:
    answer = client.get(path, headers={**BROWSER, **headers})
    assert answer.status == 200, answer.text
    return answer.text


# -- the dashboard ---------------------------------------------------------------------------------------------------


def test_cards_are_called_by_their_types_and_shown_to_who_may_see_them(site: Site) -> None:
    site.book("One")
    login(site.client, "*")
    text = page(site.client)
    assert [*re.findall(r'<h2 id="card-\d+">([^<]*)</h2>', text)] == [
        *("Books", "By genre", "Days", "Parts", "Rows", "Own", "Broken", "For few")
    ]
    assert '<p class="admin-figure"><a href="/admin/book">1</a></p>' in text and "<p>its own</p>" in text
    assert BARE not in text and text.count("&lt;script&gt;alert(1)") >= 5
    assert text.count('viewBox="0 0 660 230"') == 2 and '<th scope="row"><bdi>novel</bdi></th>' in text
    login(site.client, "tag.view")
    seen = page(site.client)
    assert 'id="card-1">By genre' in seen and "For few" not in seen and "/admin/book" not in seen


def test_what_a_card_asks_for_is_asked_of_the_request(site: Site) -> None:
    login(site.client, "tag.view")
    assert page(site.client, "/admin/?size=5").count(f"{re.escape('4</td>')[:1]}</td>") and "Figures" in page(
        site.client
    )
    assert (
        len(re.findall(r"<bdi>&#34;&gt;&lt;script&gt;alert\(1\)&lt;/script&gt;\d", page(site.client, "/admin/?size=5")))
        == 5
    )
    # `size` is a text to another card: it asks under a name of its own.
    assert "70%" in page(site.client, "/admin/?parts_size=7")


def test_a_card_that_fails_leaves_the_others(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    login(site.client, "tag.view")
    with caplog.at_level(logging.ERROR, "wholestack"):
        text = page(site.client)
    assert "This could not be shown." in text and "nobody can count this" not in text and "Refuses" not in text
    assert [str(each.exc_info[1]) for each in caplog.records if each.exc_info] == ["nobody can count this"]


@pytest.mark.parametrize("value", [Bars([]), Line([]), Donut([]), TableOf(["a"], [])])
def test_cards_without_figures(value: Any) -> None:
    assert "Nothing yet." in Markup(value.__html__())


@pytest.mark.parametrize("value", [Bars([("a", float("nan")), ("b", -3)]), Line([("a", 1)]), Donut([("a", 0)])])
def test_figures_that_cannot_be_drawn_are_in_the_table(value: Any) -> None:
    text = str(Markup(value.__html__()))
    assert "<svg" in text and 'height="-' not in text and "<th" in text and "nan," not in text


def test_a_card_says_what_it_shows_and_asks_who_alone() -> None:
    site = Site(Tags)

    @site.admin.card("Something")
    def something() -> int:
        return 7

    def by_path(key: str, identity: Identity[Any]) -> bool:
        return True

    @site.admin.card("Waits")
    async def waits() -> Number:
        return Number(7)

    @site.admin.card("Ruled", needs=by_path)
    def ruled() -> Number:
        return Number(7)

    site.app.use(site.database, site.auth, site.admin)
    with pytest.raises(SetupError) as told:
        site.app.seal()
    assert "something says not what it shows" in str(told.value) and "by_path asks for more" in str(told.value)
    assert "waits is no plain function" in str(told.value)


def test_the_latest_changes_are_of_rows_that_one_may_see(site: Site) -> None:
    client = site.client
    login(client, "*")
    for name in ("Ann", "Somebody with a long name"):
        assert post(client, "/admin/author/new", {"name": name}).status in ({303} if name == "Ann" else {403, 422})
    site.add(Author(name="Bo"))
    long = site.all(Author)[-1]
    assert post(client, "/admin/tag/new", {"name": "red"}).status == 303
    text = page(client)
    assert "Latest changes" in text and "<bdi>Ann</bdi>" in text and "<bdi>red</bdi>" in text
    login(client, "author.view")
    text = page(client)
    assert "<bdi>Ann</bdi>" in text and "<bdi>red</bdi>" not in text and long.name == "Bo"


# -- the search ------------------------------------------------------------------------------------------------------


def test_the_search_finds_what_one_may_see(site: Site) -> None:
    site.add(*(Author(name=f"Stone {number}") for number in range(7)), Author(name="Stone of a very long name"))
    site.add(Tag(name="stone"))
    site.book("A stone", site.all(Author)[0])
    login(site.client, "*")
    text = page(site.client, "/admin/search?q=stone")
    assert re.findall(r"<h2>([^<]*)</h2>", text) == ["Books", "Authors", "Tags"]
    assert len(re.findall(r'<a href="/admin/author/\d+">', text)) == 5 and "/admin/author?q=stone" in text
    assert "very long name" not in text
    login(site.client, "tag.view")
    text = page(site.client, "/admin/search?q=stone")
    assert "/admin/tag/" in text and "/admin/author" not in text and "/admin/book" not in text


def test_the_palette_gets_what_was_found_alone(site: Site) -> None:
    login(site.client, "tag.view", "report.view")
    text = page(site.client, "/admin/search?q=ta", **{"hx-request": "true"})
    assert "<html" not in text and 'href="/admin/tag"' in text
    assert 'href="/admin/reports"' in page(site.client, "/admin/search?q=Report", **{"hx-request": "true"})


@pytest.mark.parametrize("asked", ["", "%25", "_" * 300, "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"])
def test_a_search_for_anything(site: Site, asked: str) -> None:
    site.add(Tag(name="red"))
    login(site.client, "*")
    text = page(site.client, f"/admin/search?q={asked}")
    assert "/admin/tag/" not in text and "<script>alert" not in text


# -- pages of one's own ----------------------------------------------------------------------------------------------


def test_pages_and_links_of_ones_own_are_for_who_may(site: Site) -> None:
    client = site.client
    login(client, "*")
    text = page(client, "/admin/reports")
    assert "<p>a page of its own</p>" in text and 'href="/admin/reports" aria-current="page"' in text
    assert 'href="https://example.org/"' in text and 'href="/start"' in text
    assert "People &amp; &lt;more&gt;" in text and "<title>Back &amp; &lt;office&gt;</title>" in text
    assert post(client, "/admin/reports", {"said": "x"}).status == 303
    login(client, "tag.view")
    assert client.get("/admin/reports", headers=BROWSER).status == 403
    text = page(client)
    assert "/admin/reports" not in text and "/start" not in text
    login(client, is_staff=False)
    for path in ("/admin/", "/admin/reports", "/admin/search?q=a"):
        assert client.get(path, headers=BROWSER).status == 403
    assert post(client, "/admin/reports", {"said": "x"}).status == 403
    assert post(client, "/admin/display", {"density": "compact"}).status == 403


# -- looks -----------------------------------------------------------------------------------------------------------


def test_a_model_has_a_template_of_its_own(site: Site) -> None:
    login(site.client, "*")
    assert "Tags of this house" in page(site.client, "/admin/tag")
    assert "Tags of this house" not in page(site.client, "/admin/author")


def test_what_one_prefers_stays(site: Site) -> None:
    login(site.client, "*")
    assert 'data-density="roomy" data-colours="system"' in page(site.client)
    form = {"density": "compact", "colours": "dark", "back": "/admin/tag?q=a"}
    answer = post(site.client, "/admin/display", form)
    assert (answer.status, answer.headers["location"]) == (303, "/admin/tag?q=a")
    assert 'data-density="compact" data-colours="dark"' in page(site.client, "/admin/tag")
    answer = post(site.client, "/admin/display", {"density": BARE, "back": "https://evil.example/"})
    assert (answer.headers["location"], answer.headers.get("set-cookie")) == ("/admin/", None)
    login(other := site.other(), "*")
    other.cookies["admin_density"] = "nonsense"
    assert 'data-density="roomy"' in page(other)


def test_the_colour_of_a_house_can_be_read(site: Site) -> None:
    login(site.client, "*")
    (sheet,) = re.findall(r'href="(/-/admin-theme[^"]+)"', page(site.client))
    text = site.client.get(sheet).text
    light, dark = re.findall(r"--accent: light-dark\((#\w+), (#\w+)\)", text)[0]
    assert (light, dark) == ("#7a6600", "#ffd400")


def test_a_sign_and_a_colour_that_are_none_are_told(tmp_path: Any) -> None:
    for options in ({"accent": "red"}, {"accent": "#fff; } body { display: none"}, {"logo": "test_looks.py"}):
        with pytest.raises(SetupError, match=r"no colour|no picture"):
            Admin(Tags, **options)
    large = tmp_path / "large.svg"
    large.write_bytes(b" " * (512 * 1024 + 1))
    with pytest.raises(SetupError, match="larger than 512 KB"):
        Admin(Tags, logo=os.fspath(large))
    large.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    site = Site(Tags, logo=os.fspath(large))
    with site.running():
        login(site.client, "*")
        (found,) = re.findall(r'<img src="(/-/admin-logo[^"]+)" alt=""', page(site.client))
        assert site.client.get(found).headers["content-type"] == "image/svg+xml"


def test_nothing_stands_inline(site: Site) -> None:
    login(site.client, "*")
    site.book("One")
    for path in ("/admin/", "/admin/book", "/admin/book/new", "/admin/search?q=o"):
        text = page(site.client, path)
        assert " style=" not in text and not re.search(r"<script(?![^>]* src=)", text) and " onclick" not in text


def test_a_plugin_of_anybody_adds_a_model_a_card_a_page_and_a_link() -> None:
    site = Site(Tags)

    class Brings:
        def setup(self, app: App) -> None:
            admin = app.plugin(Admin)
            admin.add(Stock)
            admin.link("Brought along", "/brought")

            @admin.page("/brought", title="Brought page")
            def own() -> Page:
                return Page("reports.html", said="brought")

            @admin.card("Brought")
            def brought() -> Number:
                return Number(7)

    with site.running(Brings()):
        login(site.client, "*")
        text = page(site.client)
        assert 'href="/admin/stock"' in text and '<p class="admin-figure">7</p>' in text and 'href="/brought"' in text
        assert page(site.client, "/admin/stock/new") and "<p>brought</p>" in page(site.client, "/admin/brought")
        with site.app.replace(Mailer, object()) as twin:
            twin.seal()
    assert [len(found) for found in (site.admin.cards.all, site.admin.own_pages, site.admin.resources)] == [1, 2, 2]


def test_all_models_may_come_by_a_plugin() -> None:
    site = Site(Tags)
    site.admin = Admin()
    with pytest.raises(SetupError, match="shows no model"):
        _ = site.admin.history

    class Brings:
        def setup(self, app: App) -> None:
            app.plugin(Admin).add(Tags, Person)

    with site.running(Brings()):
        login(site.client, "*")
        assert post(site.client, "/admin/tag/new", {"name": "late"}).status == 303
        assert "late" in page(site.client, "/admin/history")
        with site.app.session() as db:
            assert [each.action for each in site.admin.history.latest(db, ["tag"])] == ["add"]


def test_a_card_that_comes_late_is_shown_and_a_model_is_told_of() -> None:
    site = Site(Tags)

    class Late:
        def setup(self, app: App) -> None:
            @app.plugin(Admin).card("Late")
            def late(session: Session) -> Number:
                return Number(session.scalar(select(func.count()).select_from(Tag)) or 0)

    site.app.use(site.database, site.auth, site.admin, Late())
    with Client(site.app) as client:
        site.database.create_tables()
        login(client, "*")
        assert '<p class="admin-figure">0</p>' in page(client)
    with pytest.raises(SetupError, match="set up before"):
        site.admin.add(Stock)


def test_a_table_may_be_called_as_a_page_of_the_admin() -> None:
    site = Site(Tags, Search)
    with site.running():
        login(site.client, "*")
        assert 'href="/admin/search-rows"' in page(site.client) and page(site.client, "/admin/search-rows/new")
        assert page(site.client, "/admin/search?q=a")
