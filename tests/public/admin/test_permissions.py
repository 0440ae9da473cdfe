"""C18, C19 and C20: who may not gets a 403 or a 404 by every route of the admin, and the rows stay as they are.

The cases are made from the routes that the sealed app has: a route that no case is about is a failure.
"""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import update

from admin.archive import Deed
from admin.site import BROWSER, Author, Book, Person, Review, Site, Tag, login, post
from wholestack.admin import AdminView, FieldRule, Inline, Selection, action
from wholestack.auth import policy
from wholestack.files import Files, MemoryStorage
from wholestack.testing import Answer, Client

SECRET = "Nobody elses title"
HELD = frozenset(
    f"{model}.{each}"
    for model in ("book", "review", "author", "tag", "deed")
    for each in ("view", "add", "change", "delete")
) | {"book.export", "book.import", "book.publish", "admin_change.view"}
#: Who may change may see: to take sight away takes both.
SIGHT = ("book.view", "book.change")
UNCHANGED = ("browser_session", "person", "login")


@policy
def is_mine(person: Person, book: Book) -> bool:
    return person.is_superuser or book.summary == str(person.id)


@is_mine.where
def _(person: Person) -> Any:
    return Book.id == Book.id if person.is_superuser else Book.summary == str(person.id)


class GuardedBooks(AdminView[Book]):
    columns = ("title", "author", "price", "summary")
    search = ("title",)
    filters = ("genre", "author_id")
    editable = ("price", "summary")
    autocomplete = ("author_id",)
    inlines = (Inline(Review, fields=("stars",)),)
    rows = is_mine
    fields = ("title", "summary", "genre", "price", "in_print", "author_id", "tags")
    field_rules = {"in_print": FieldRule(change="book.print")}

    @action("Publish", permission="publish")
    def publish(self, books: Selection[Book]) -> None:
        for book in books.rows():
            book.price = 1  # type: ignore[assignment]


class Shop:
    """The sealed site, with a person who holds everything until something is taken from them."""

    def __init__(self, site: Site) -> None:
        self.site = site.anew()
        self.client: Client = site.client
        self.person = login(self.client, *HELD)
        self.author = site.author("Ann")
        site.add(tag := Tag(name="old"))
        self.tag = tag
        self.book = self.new(SECRET)
        site.add(Review(id=1, book_id=self.book.id, stars=3, text="good"), deed := Deed(title="The deed"))
        self.deed = deed

    def new(self, title: str, person: Person | None = None) -> Book:
        return self.site.book(title, self.author, summary=str((person or self.person).id))

    def take(self, *names: str) -> None:
        """Take permissions away, in the midst of what they are doing."""
        table = self.site.auth.tables.role
        with self.site.app.session() as db:
            db.execute(update(table).values(permissions=sorted(HELD - {*names})))

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the app's tables; who is logged in is no part of them."""
        with self.site.app.session() as db:
            return {
                table.name: [tuple(row) for row in db.execute(table.select().order_by(*table.primary_key))]
                for table in self.site.tables
                if not table.name.startswith(UNCHANGED)
            }

    def ready(self, case: Case) -> Callable[[], Answer]:
        """A request by a route: what must be there for it is made now, when the person holds everything."""
        path, data = case.route.format(**case.fields(self)), dict(case.data(self))

        def ask() -> Answer:
            if case.method == "GET":
                return self.client.get(path, headers=BROWSER, follow=False)
            if case.files is not None:
                return self.client.post(path, data=data, files=case.files, headers=BROWSER, follow=False)
            return post(self.client, path, data)

        return ask


def nothing(shop: Shop) -> dict[str, Any]:
    return {}


def book_data(shop: Shop, **more: Any) -> dict[str, Any]:
    own = {"title": "Forged", "summary": str(shop.person.id), "genre": "poems", "in_print": "true", "price": "9"}
    return {**own, "author_id": shop.author.id, "tags": [shop.tag.id], **more}


def sent_by(answer: Answer, start: str) -> dict[str, Any]:
    """What a browser would send of a form."""
    found = answer.text[answer.text.index(start) :]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", found[: found.index("</form>")]):
        given = {name: html.unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}
        if "name" in given and (given.get("type") != "checkbox" or " checked" in tag):
            sent[given["name"]] = given.get("value", "")
    return sent


@dataclasses.dataclass(frozen=True)
class Case:
    """A request by one route, and what it takes.

    Attributes:
        method: the method.
        route: the route's path.
        needs: permissions of which each is taken away in turn; several together where one of them is enough.
        data: what is sent.
        fields: what stands in the path, of a shop.
        files: what is uploaded.
    """

    method: str
    route: str
    needs: tuple[str | tuple[str, ...], ...]
    data: Callable[[Shop], Mapping[str, Any]] = nothing
    fields: Callable[[Shop], Mapping[str, Any]] = lambda shop: {"key": shop.book.id}
    files: Any = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"


def chosen(name: str) -> Callable[[Shop], Mapping[str, Any]]:
    def job(shop: Shop) -> Mapping[str, Any]:
        data = {"action": name, "scope": "chosen", "keys": [shop.book.id]}
        where = post(shop.client, "/admin/book/-/actions", data).headers["location"]
        return {"job": where.rpartition("/")[2]}

    return job


def imported(shop: Shop) -> Mapping[str, Any]:
    files = {"file": ("books.csv", f"id,title\n{shop.book.id},Forged\n".encode(), "text/csv")}
    answer = shop.client.post("/admin/book/-/import", files=files, headers=BROWSER, follow=False)
    job = answer.headers["location"].rpartition("/")[2]
    mapped = {"columns": ["id", "title"], "keys": ["id"]}
    assert post(shop.client, f"/admin/book/-/import/{job}", mapped).status == 303
    return {"job": job}


def kept_view(shop: Shop) -> Mapping[str, Any]:
    answer = post(shop.client, "/admin/book/-/views", {"name": "Mine", "query": "q=a"})
    return {"number": answer.headers["location"].rpartition("=")[2]}


def deleted(shop: Shop) -> Mapping[str, Any]:
    post(shop.client, f"/admin/book/{shop.book.id}/delete")
    return {"key": shop.book.id}


def with_history(shop: Shop) -> Mapping[str, Any]:
    path = f"/admin/book/{shop.book.id}"
    answer = post(shop.client, path, book_data(shop, title=SECRET, in_print="true"))
    assert answer.status == 303, answer.text
    rows = shop.site.admin.history.rows
    with shop.site.app.session() as db:
        return {"key": shop.book.id, "change": db.execute(rows.select()).all()[0].id}


def edited(shop: Shop) -> Mapping[str, Any]:
    return sent_by(shop.client.get("/admin/book"), '<form class="form" method="post"') | {"rows[0].price": "77"}


COLUMNS = {"columns": ["id", "title"], "keys": ["id"]}
WRITES = ("book.add", "book.change")
B = "/admin/book"
ROUTES = [
    Case("GET", B, (SIGHT,)),
    Case("GET", f"{B}/-/choices/{{field}}", (SIGHT,), fields=lambda shop: {"field": "author_id"}),
    Case("POST", f"{B}/-/edit", ("book.change",), edited),
    Case("POST", f"{B}/-/views", (SIGHT,), lambda shop: {"name": "Mine", "query": ""}),
    Case("POST", f"{B}/-/views/{{number}}/delete", (SIGHT,), fields=kept_view),
    Case(
        "POST",
        f"{B}/-/actions",
        (SIGHT, "book.publish"),
        lambda shop: {"action": "publish", "scope": "chosen", "keys": [shop.book.id]},
    ),
    *(
        Case(method, f"{B}/-/actions/{name}/{{job}}", (f"book.{name}",), lambda shop: {"counted": 1}, chosen(name))
        for name in ("publish", "delete")
        for method in ("GET", "POST")
    ),
    Case("GET", f"{B}/-/jobs/{{job}}", (SIGHT,), fields=chosen("publish")),
    Case("POST", f"{B}/-/jobs/{{job}}/cancel", (SIGHT,), fields=chosen("publish")),
    Case("POST", f"{B}/-/jobs/{{job}}/resume", ("book.publish",), fields=chosen("publish")),
    Case("GET", f"{B}/-/export", (SIGHT, "book.export")),
    Case("GET", f"{B}/-/export/file", (SIGHT, "book.export")),
    Case("GET", f"{B}/-/import", (SIGHT, "book.import", WRITES)),
    Case("POST", f"{B}/-/import", (SIGHT, "book.import", WRITES), files={"file": ("a.csv", b"title\nx\n", "text/csv")}),
    Case("GET", f"{B}/-/import/{{job}}", (SIGHT, "book.import"), fields=imported),
    Case("POST", f"{B}/-/import/{{job}}", (SIGHT, "book.import"), lambda shop: COLUMNS, imported),
    Case("GET", f"{B}/-/import/{{job}}/preview", (SIGHT, "book.import"), fields=imported),
    Case("GET", f"{B}/-/import/{{job}}/faults.csv", (SIGHT, "book.import"), fields=imported),
    Case("POST", f"{B}/-/import/{{job}}/run", (SIGHT, "book.import", WRITES), fields=imported),
    Case("GET", f"{B}/new", ("book.add",)),
    Case("POST", f"{B}/new", ("book.add",), book_data),
    Case("GET", f"{B}/choices/{{field}}", (WRITES, SIGHT), fields=lambda shop: {"field": "author_id"}),
    Case("GET", f"{B}/{{key}}", (SIGHT,)),
    Case("POST", f"{B}/{{key}}", ("book.change",), book_data),
    Case("GET", f"{B}/{{key}}/delete", ("book.delete",)),
    Case("POST", f"{B}/{{key}}/delete", ("book.delete", "review.delete")),
    Case("GET", f"{B}/{{key}}/history", (SIGHT,), fields=with_history),
    Case("GET", f"{B}/{{key}}/history/{{change}}", ("book.change",), fields=with_history),
    Case("POST", f"{B}/{{key}}/restore", ("book.add", SIGHT, "review.add"), fields=deleted),
    Case("GET", "/admin/history", ("admin_change.view",), fields=with_history),
    Case("GET", "/admin/deed/{key}", (("deed.view", "deed.change"),), fields=lambda shop: {"key": shop.deed.id}),
    Case(
        "POST",
        "/admin/deed/{key}",
        ("deed.change",),
        lambda shop: {"title": "The deed"},
        lambda shop: {"key": shop.deed.id},
        {"scan": ("a.txt", b"forged", "text/plain")},
    ),
]
#: Pages for everybody in the admin, which leave out what somebody may not see; the last keeps what they prefer.
LEAVE_OUT = ["GET /admin/", "GET /admin/search", "GET /admin/history/mine"]
HARMLESS = ["POST /admin/display", "GET /admin/{rest}", "POST /admin/{rest}"]
CASES = [(each, lacking) for each in ROUTES for lacking in each.needs]


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with Site(GuardedBooks, Author, Tag, Review, Deed, Person).running(Files(MemoryStorage(), key="k" * 40)) as site:
        yield site


@pytest.fixture
def shop(kept: Site) -> Shop:
    return Shop(kept)


def of_admin(site: Site) -> set[str]:
    """The routes of the admin: those of all models are made as those of books are."""
    found = {
        f"{method} {each.template.plain}"
        for each in site.app.sealing().placed
        for method in each.route.methods
        if each.template.plain.startswith("/admin/")
    }
    other = re.compile(r" /admin/(author|tag|review|deed|person)(/|$)")
    return {each for each in found if not other.search(each)} - {"HEAD /admin/"}


def test_c20_every_route_of_the_admin_is_in_a_case(kept: Site) -> None:
    cases = {each.name for each in ROUTES if "/deed/" not in each.route}
    assert of_admin(kept) == cases | {*LEAVE_OUT, *HARMLESS}
    assert len(CASES) + len(INLINES) + len(LEAVE_OUT) >= 33


#: Each kind of work that the row names, with a route and a permission that is taken from it in some case.
WORK = {
    "add": (f"POST {B}/new", "book.add"),
    "change": (f"POST {B}/{{key}}", "book.change"),
    "delete": (f"POST {B}/{{key}}/delete", "book.delete"),
    "what goes with it": (f"POST {B}/{{key}}/delete", "review.delete"),
    "list-edit": (f"POST {B}/-/edit", "book.change"),
    "action": (f"POST {B}/-/actions", "book.publish"),
    "action, asked": (f"GET {B}/-/actions/publish/{{job}}", "book.publish"),
    "action, done": (f"POST {B}/-/actions/publish/{{job}}", "book.publish"),
    "autocomplete of a form": (f"GET {B}/choices/{{field}}", "book.view"),
    "autocomplete of a list": (f"GET {B}/-/choices/{{field}}", "book.view"),
    "history": (f"GET {B}/{{key}}/history", "book.view"),
    "history of all": ("GET /admin/history", "admin_change.view"),
    "undone": (f"POST {B}/{{key}}/restore", "book.add"),
    "export": (f"GET {B}/-/export/file", "book.export"),
    "import": (f"POST {B}/-/import", "book.import"),
    "import, done": (f"POST {B}/-/import/{{job}}/run", "book.import"),
    "file, seen": ("GET /admin/deed/{key}", "deed.view"),
    "file, sent": ("POST /admin/deed/{key}", "deed.change"),
}


@pytest.mark.parametrize("work", WORK)
def test_C20_each_kind_of_work_is_among_the_cases(work: str) -> None:
    """Inlines and the search are cases of their own, below."""
    route, permission = WORK[work]
    found = [lacking for case, lacking in CASES if case.name == route]
    assert any(permission in ((each,) if isinstance(each, str) else each) for each in found), found


@pytest.mark.parametrize("case", ROUTES, ids=lambda each: each.name)
def test_c20_who_holds_everything_may(shop: Shop, case: Case) -> None:
    answer = shop.ready(case)()
    assert answer.status in {200, 303}, answer.text


def ids(value: Any) -> str:
    return (
        value.name if isinstance(value, Case) else "without " + (value if isinstance(value, str) else " ".join(value))
    )


@pytest.mark.parametrize(("case", "lacking"), CASES, ids=ids)
def test_c20_without_a_permission_nothing_is_done_or_shown(
    shop: Shop, case: Case, lacking: str | tuple[str, ...]
) -> None:
    ask, before = shop.ready(case), shop.rows()
    shop.take(*([lacking] if isinstance(lacking, str) else lacking))
    answer = ask()
    refused = answer.status in {403, 404} or answer.headers.get("location", "").endswith(("/delete", "/history"))
    assert refused, (answer.status, answer.text)
    assert shop.rows() == before
    if lacking == SIGHT:
        assert html.escape(SECRET) not in answer.text


@pytest.mark.parametrize("name", LEAVE_OUT)
def test_c20_pages_of_everything_leave_out_what_is_not_seen(shop: Shop, name: str) -> None:
    path = f"{name.partition(' ')[2]}?q=Nobody"
    with_history(shop)
    assert html.escape(SECRET) in shop.client.get(path).text
    shop.take(*SIGHT)
    page = shop.client.get(path)
    assert (page.status, html.escape(SECRET) in page.text) == (200, False)


INLINES = ["review.view", "review.add", "review.change", "review.delete"]


@pytest.mark.parametrize("lacking", INLINES)
def test_c20_inlines_take_nothing_that_somebody_may_not(shop: Shop, lacking: str) -> None:
    path = f"{B}/{shop.book.id}"
    page = shop.client.get(path)
    form = sent_by(page, '<form class="form" method="post"')
    assert form["reviews[0].stars"] == "3"
    forged = {"reviews[1].stars": "1"} if lacking == "review.add" else {"reviews[0].stars": "1"}
    if lacking == "review.delete":
        form, forged = {name: value for name, value in form.items() if not name.startswith("reviews[")}, {}
    before = shop.rows()["review"]
    shop.take(*(["review.view", "review.change"] if lacking == "review.view" else [lacking]))
    send = book_data(shop) | form | forged | {"title": "Kept"}
    post(shop.client, path, send)
    assert shop.rows()["review"] == before
    shop.take()
    assert post(shop.client, path, send | {"form_seen": ""}).status == 303
    assert shop.rows()["review"] != before  # Who may everything does it by the same request.


@pytest.mark.parametrize("lacking", [("author.view", "author.change"), ("tag.view", "tag.change")])
def test_c20_what_somebody_may_not_see_is_chosen_by_nobody(shop: Shop, lacking: tuple[str, ...]) -> None:
    shop.site.add(other := Author(name="Unseen author"), tag := Tag(name="unseen tag"))
    before = shop.rows()
    shop.take(*lacking)
    found = shop.client.get(f"{B}/choices/author_id?q=Unseen", headers=BROWSER)
    assert "Unseen" not in found.text or lacking[0] == "tag.view"
    found = shop.client.get(f"{B}/-/choices/author_id?q=Unseen", headers=BROWSER)
    assert "Unseen" not in found.text or lacking[0] == "tag.view"
    new = {"author_id": other.id} if lacking[0] == "author.view" else {"tags": [tag.id]}
    answer = post(shop.client, f"{B}/{shop.book.id}", book_data(shop, **new))
    assert answer.status in {403, 404, 422}
    assert shop.rows() == before
    page = shop.client.get(f"{B}/{shop.book.id}").text
    assert ("Unseen author" if lacking[0] == "author.view" else "unseen tag") not in page


# -- C18 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [each for each in ROUTES if "book" in each.route], ids=lambda each: each.name)
def test_c18_somebody_else_walks_the_keys_and_finds_nothing(shop: Shop, case: Case) -> None:
    ask, before = shop.ready(case), shop.rows()
    shop.client = shop.site.other()
    login(shop.client, *HELD)
    answer = ask()
    assert html.escape(SECRET) not in answer.text
    if "{" in case.route and "{field}" not in case.route and "/views/" not in case.route:
        assert answer.status == 404, answer.text
    after = shop.rows()
    assert [row for row in after["book"] if row[0] == shop.book.id] == before["book"]
    assert after["review"] == before["review"]
    assert before["admin_saved_view"] == after["admin_saved_view"][: len(before["admin_saved_view"])]


@pytest.mark.parametrize(
    "path", [B, f"{B}?q=Nobody", f"{B}?genre=novel", f"{B}/-/export/file", "/admin/search?q=Nobody"]
)
def test_c18_lists_filters_and_searches_have_ones_own_alone(shop: Shop, path: str) -> None:
    assert SECRET in html.unescape(shop.client.get(path).text)
    other = shop.site.other()
    login(other, *HELD)
    assert SECRET not in html.unescape(other.get(path).text)


def test_c18_no_row_is_given_away_in_a_list(shop: Shop) -> None:
    other = login(shop.site.other(), *HELD)
    sent = {**edited(shop), "rows[0].summary": str(other.id)}
    assert post(shop.client, f"{B}/-/edit", sent).status == 403
    assert [each.summary for each in shop.site.all(Book)] == [str(shop.person.id)]


# -- C19 ---------------------------------------------------------------------------------------------------------------

EXTRA = {
    "id": "999",
    "deleted_at": "2026-01-01T00:00",
    "reviews": "1",
    "author": "1",
    "author.name": "x",
    "__class__": "x",
}


@pytest.mark.parametrize("name", [*EXTRA, "in_print"])
@pytest.mark.parametrize("path", ["new", "own"])
def test_c19_what_a_form_does_not_ask_for_is_not_taken(shop: Shop, name: str, path: str) -> None:
    where = f"{B}/{shop.book.id}" if path == "own" else f"{B}/new"
    data = book_data(shop, title="Sent") | {"in_print": "false", name: EXTRA.get(name, "false")}
    answer = post(shop.client, where, data)
    assert answer.status in {303, 422}
    books = shop.site.all(Book)
    assert {each.id for each in books} <= {shop.book.id, shop.book.id + 1}
    assert {each.in_print for each in books} == {True}  # Their rule keeps that from them.
    assert [each.name for each in shop.site.all(Author)] == ["Ann"]
    assert [(each.id, each.book_id, each.text) for each in shop.site.all(Review)] == [(1, shop.book.id, "good")]


def test_c19_nobody_makes_themselves_mighty(shop: Shop) -> None:
    client = shop.site.other()
    person = login(client, "person.view", "person.change")
    page = client.get(f"/admin/person/{person.id}")
    assert page.status == 200
    mighty = {"is_superuser": "true", "login_version": "9", "password": "x", "id": "0" * 32, "created_at": "2026-01-01"}
    data = {"email": person.email, "nickname": "me", "is_active": "true", **mighty}
    assert post(client, f"/admin/person/{person.id}", data).status == 303
    found = {each.id: each for each in shop.site.all(Person)}[person.id]
    assert found.nickname == "me"
    assert (found.is_superuser, found.is_staff, found.password, found.login_version) == (False, True, None, 1)
    assert found.created_at == person.created_at


def test_c19_superusers_are_changed_by_their_like_alone(shop: Shop) -> None:
    boss = login(shop.site.other(), "*", email="boss@example.org")
    client = shop.site.other()
    login(client, "person.view", "person.change", "person.delete")
    where = f"/admin/person/{boss.id}"
    assert 'name="email"' not in client.get(where).text
    assert post(client, where, {"email": "mine@example.org", "is_active": "true"}).status == 403
    assert post(client, f"{where}/delete").status == 403
    assert "boss@example.org" in {each.email for each in shop.site.all(Person)}
    login(client, "*")
    assert post(client, where, {"email": "new@example.org", "is_active": "true"}).status == 303
    assert "new@example.org" in {each.email for each in shop.site.all(Person)}


@pytest.mark.parametrize("held", ["*", "user.impersonate", "book.delete"])
def test_c19_colleagues_who_may_more_are_not_for_support_to_change(shop: Shop, held: str) -> None:
    """Whoever sets an address gets the mail that lets them in: so nobody sets that of who may do more."""
    ann = login(shop.site.other(), "book.view", email="ann@example.org")
    with shop.site.app.session() as db:
        tables = shop.site.auth.tables
        db.add(role := tables.role(name=f"role {held}", permissions=[held]))
        db.flush()
        db.add(tables.membership(user_id=ann.id, role_id=role.id))
    client = shop.site.other()
    me = login(client, "person.view", "person.change", "person.delete", "person.export")
    where = f"/admin/person/{ann.id}"
    assert 'name="email"' not in client.get(where).text
    assert post(client, where, {"email": "mine@example.org", "is_active": "true"}).status == 403
    assert post(client, f"{where}/delete").status == 403
    asked = post(client, "/admin/person/-/actions", {"action": "delete", "keys": str(ann.id)}).headers["location"]
    assert "ann@example.org" in client.get(asked).text
    assert post(client, asked, {"counted": 1}).status != 303
    assert post(client, f"/admin/person/{me.id}", {"email": "other@example.org", "is_active": "true"}).status == 303
    customer = shop.site.other()
    bo = login(customer, "book.delete", email="bo@example.org", is_staff=False)
    assert post(client, f"/admin/person/{bo.id}", {"email": "b@example.org", "is_active": "true"}).status == 303
    assert {"ann@example.org", "other@example.org", "b@example.org"} <= {each.email for each in shop.site.all(Person)}
