"""Row C21, where hostile text comes into the admin by another way than a field: files that are imported, addresses, faults, cards.

The pages are shown without any policy, so that whatever runs is heard; the palette, which a script fills, on a server of its own,
with the policy that the app sends, which tells of what it has kept from running.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from admin.site import BROWSER, Author, Book, Person, Review, Site, Tag, login, post
from browsing import serving
from servers.form_pages_app import PAYLOADS
from servers.test_admin_browser import LINKS, Portraits, Specimens, write_payloads
from wholestack.admin import AdminView, Bars, Donut, Line, Number, Selection, TableOf, action
from wholestack.db import Session, select
from wholestack.files import Files, LocalStorage
from wholestack.forms import FormError
from wholestack.testing import Answer

pytestmark = pytest.mark.services("chromium")


class HostileBooks(AdminView[Book]):
    columns = ("title", "author", "genre", "price", "published")
    search = ("title", "author.name")
    filters = ("genre", "author_id", "tags", "price", "published", "in_print", "title", "summary__empty", "author.name")
    date_drill = "published"
    orders = ("title",)
    editable = ("price", "published")

    @action("Say it", permission="change")
    def say(self, books: Selection[Book]) -> str:
        return " ".join(book.title for book in books.rows())

    def before_save(self, row: Book, identity: Any, *, new: bool) -> None:
        if row.price == 666:
            raise FormError("title", f"{row.title} is not for sale.")


class HostileTags(AdminView[Tag]):
    search = ("name",)


FILTERS = (
    *("genre", "author_id", "author_id__find", "tags", "price__ge", "price__le", "published__ge", "published__in", "in_print"),
    *("title", "summary__empty", "author.name", "published__part", "q", "order", "columns", "limit", "view", "facets", "deleted"),
)  # fmt: skip


def with_cards(site: Site) -> None:
    """Cards whose words come from rows."""

    def names(db: Session) -> Sequence[str]:
        return db.scalars(select(Author.name)).all()

    @site.admin.card("Number")
    def number(db: Session) -> Number:
        return Number(1, note=" ".join(names(db)), url=names(db)[0])

    @site.admin.card("Bars")
    def bars(db: Session) -> Bars:
        return Bars([(name, place) for place, name in enumerate(names(db), 1)])

    @site.admin.card("Line")
    def line(db: Session) -> Line:
        return Line([(name, place) for place, name in enumerate(names(db), 1)])

    @site.admin.card("Donut")
    def donut(db: Session) -> Donut:
        return Donut([(name, place) for place, name in enumerate(names(db), 1)])

    @site.admin.card("Table")
    def rows(db: Session) -> TableOf:
        return TableOf(names(db)[:4], [[name] * 4 for name in names(db)])


class Attacked:
    """What a browser is shown: pages by what they are, and a server with the same rows."""

    def __init__(self, pages: dict[str, Answer], address: str, cookies: dict[str, str]) -> None:
        self.pages = pages
        self.address = address
        self.cookies = cookies


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Attacked]:
    long = request.config.getoption("--long")
    folder = tmp_path_factory.mktemp("attacked")
    site = Site(
        HostileBooks, Author, HostileTags, Review, Specimens, Portraits, Person, url=f"sqlite:///{folder}/shop.db"
    )
    with_cards(site)
    with site.running(Files(LocalStorage(folder / "files"))):
        write_payloads(site)
        login(site.client, "*")
        pages = {"cards": get(site, "/admin/"), "the palette": get(site, f"/admin/search?q={quote('<')}", "hx-request")}
        pages |= of_imports(site, PAYLOADS if long else PAYLOADS[:2])
        pages |= of_addresses(site, FILTERS if long else ())
        pages |= of_faults(site)
        pages |= of_actions(site)
        pages |= of_histories(site, PAYLOADS if long else PAYLOADS[:6])
        with serving(site.app) as address:
            yield Attacked(pages, address, dict(site.client.cookies.items()))


def get(site: Site, path: str, *more: str) -> Answer:
    return site.client.get(path, headers={**BROWSER, **dict.fromkeys(more, "true")})


def of_imports(site: Site, names: Sequence[str]) -> dict[str, Answer]:
    """Files with each payload as a heading and in each cell, called so as well: columns, preview, job, and after it."""
    pages = {}
    for number, name in enumerate(names):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["title", "genre", "author_id", "price", "published", name])
        writer.writerows([each, "novel", "1", "", "", each] for each in PAYLOADS)
        if number % 2:
            writer.writerows([each] * 6 for each in PAYLOADS)
        files = {"file": (f"{name}.csv".replace("\r", ""), text.getvalue().encode(), "text/csv")}
        begun = site.client.post("/admin/book/-/import", files=files, headers=BROWSER, follow=False)
        assert begun.status == 303, (name, re.findall('role="alert".*?</div>', begun.text, re.DOTALL))
        where = begun.headers["location"]
        pages[f"{where} {name}"] = get(site, where)
        columns = ["title", "genre", "author_id", "price", "published", "-"]
        shown = post(site.client, where, {"columns": columns, "keys": []}).headers["location"]
        pages[shown] = get(site, shown)
        done = post(site.client, f"{where}/run")
        pages[f"{where}/run"] = get(site, done.headers["location"]) if done.status == 303 else done
        pages[f"{where} job"] = get(site, where.replace("/import/", "/jobs/"))
    return pages


def of_addresses(site: Site, alone: Sequence[str]) -> dict[str, Answer]:
    """Lists that are filtered by each payload in each place of the address, all of them at once or one by one."""
    pages = {}
    for payload in PAYLOADS:
        asked = [FILTERS] + [(name,) for name in alone]
        for names in asked:
            path = f"/admin/book?{urlencode(dict.fromkeys(names, payload))}"
            pages[path] = get(site, path)
        pages[f"export {payload}"] = get(site, f"/admin/book/-/export?{urlencode({'q': payload, 'genre': payload})}")
        pages[f"new {payload}"] = get(site, f"/admin/book/new?{urlencode(dict.fromkeys(FILTERS, payload))}")
        pages[f"key {payload}"] = get(site, f"/admin/book/{quote(payload, safe='')}")
        pages[f"all {payload}"] = get(
            site, f"/admin/history?{urlencode({'model': payload, 'user': payload, 'day': payload})}"
        )
    return pages


def of_faults(site: Site) -> dict[str, Answer]:
    """Forms that come back with what was typed, and with what is wrong with it."""
    pages = {}
    for payload in PAYLOADS:
        typed = dict.fromkeys(("title", "summary", "genre", "published", "author_id", "tags", "in_print"), payload)
        pages[f"typed {payload}"] = post(site.client, "/admin/book/new", {**typed, "price": payload})
        dear = {"title": payload, "genre": "novel", "author_id": "1", "price": "666"}
        pages[f"refused {payload}"] = post(site.client, "/admin/book/new", dear)
        kinds = dict.fromkeys(
            ("name", "nickname", "story", "facts", "colour", "number", "day", "moment", "code"), payload
        )
        pages[f"kinds {payload}"] = post(site.client, "/admin/specimen/new", kinds)
        file = {"picture": (payload, b"<svg onload=alert(1)>", "image/svg+xml"), "paper": (payload, b"x", payload[:30])}
        sent = site.client.post("/admin/portrait/new", data={"title": payload * 9}, files=file, headers=BROWSER)
        pages[f"file {payload}"] = sent
    return pages


def of_actions(site: Site) -> dict[str, Answer]:
    """What is asked before an action and a deletion of rows that are called so, and what is said when it is done."""
    pages = {}
    keys = [str(each.id) for each in site.all(Book)][: len(PAYLOADS)]
    for name in ("say", "delete"):
        asked = post(site.client, "/admin/book/-/actions", {"action": name, "scope": "chosen", "keys": keys})
        pages[f"{name}, asked"] = get(site, where := asked.headers["location"])
    asked = post(site.client, "/admin/book/-/actions", {"action": "say", "scope": "chosen", "keys": keys})
    done = post(site.client, where := asked.headers["location"], {"counted": len(keys)})
    pages["say, done"] = get(site, done.headers["location"])
    pages["job"] = get(site, "/admin/book/-/jobs/" + where.rpartition("/")[2])
    return pages


def of_histories(site: Site, some: Sequence[str]) -> dict[str, Answer]:
    """Versions that are compared and had back, and rows that are deleted: told, and undone."""
    pages = {}
    for number, payload in enumerate(some, 1):
        where = f"/admin/book/{number}"
        data = {"title": payload[::-1], "genre": "novel", "author_id": str(number), "summary": payload}
        assert post(site.client, where, data).status == 303
        with site.app.session() as db:
            rows = site.admin.history.rows
            found = (
                db.execute(select(rows.c.id).where(rows.c.model == "book", rows.c.key == str(number))).scalars().all()
            )
        pages[f"compared {payload}"] = get(site, f"{where}/history?from={found[0]}&to={found[-1]}")
        pages[f"had back {payload}"] = get(site, f"{where}/history/{found[0]}")
        pages[f"asked {payload}"] = get(site, f"/admin/author/{number}/delete")
        gone = post(site.client, f"{where}/delete")
        pages[f"deleted {payload}"] = get(site, gone.headers["location"])
        pages[f"after it {payload}"] = get(site, f"{where}/history")
    return pages


def test_C21_every_other_way_into_a_page(
    attacked: Attacked, service: Callable[[str], str], browser: Callable[[str], Any]
) -> None:
    """20 payloads in what is imported, asked for, refused, counted, asked about and had back; nothing of them runs."""
    assert {what: each.status for what, each in attacked.pages.items() if each.status >= 500} == {}
    shown = [each.text for each in attacked.pages.values() if "<html" in each.text or "<li" in each.text]
    assert len(shown) > 200
    for payload in PAYLOADS:  # Each of them is there to be seen: it was not lost on the way.
        assert any(escaped in text for text in shown for escaped in (payload.replace("<", "&lt;").replace(">", "&gt;"),
            payload.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;").replace("'", "&#39;")))  # fmt: skip
    alarms: list[str] = []
    page = browser(service("chromium")).new_page()
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    for what, answer in attacked.pages.items():
        page.set_content(answer.text, wait_until="commit")
        assert (alarms, page.evaluate(LINKS)) == ([], []), what
    page.close()


def test_C21_the_palette_and_its_search(
    attacked: Attacked, service: Callable[[str], str], browser: Callable[[str], Any], long: bool
) -> None:
    """What a script fetches and puts into the page while somebody types it."""
    context = browser(service("chromium")).new_context()
    alarms: list[str] = []
    page = context.new_page()
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: alarms.append(str(error)))
    page.on("console", lambda said: alarms.append(said.text) if said.text.startswith("policy") else None)
    heard = "addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective}`))"
    page.add_init_script(heard)
    context.add_cookies(
        [{"name": name, "value": value, "url": attacked.address} for name, value in attacked.cookies.items()]
    )
    page.goto(f"{attacked.address}/admin/tag")
    for payload in PAYLOADS if long else PAYLOADS[:8]:
        page.keyboard.press("Control+k")
        box = page.get_by_role("dialog").get_by_role("searchbox")
        with page.expect_response(lambda answer: "/admin/search" in answer.url):
            box.fill(payload[:30])
        page.locator("#admin-palette-found a").first.wait_for()
        assert (alarms, page.evaluate(LINKS)) == ([], []), payload
        page.keyboard.press("Escape")
    # It would have been heard: the app's own policy keeps it from running, and says so.
    with page.expect_console_message(lambda said: said.text.startswith("policy")):
        page.evaluate("document.querySelector('#admin-palette-found').innerHTML = '<img src=x onerror=alert(1)>'")
    context.close()
    assert set(alarms) == {"policy: script-src-attr"}
