"""The list of the admin on each database: filters, search, counts, pages by their number, rows edited in place."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, MetaData, String, Text, event, text

from wholestack import App
from wholestack.admin import Admin, AdminView
from wholestack.auth import Auth, OfTenant, Passwords, Tenant, Tenants, UserMixin
from wholestack.db import Database, ForeignKey, Mapped, Moment, Table, UUIDModel, mapped_column, relationship
from wholestack.testing import Answer, AsUser, Client

NOW = datetime.datetime(2026, 3, 31, 23, 30, tzinfo=datetime.UTC)


class ListBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class ListClerk(UserMixin, UUIDModel, ListBase): ...


class ListShelf(ListBase):
    room: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(80))
    places: Mapped[int]


class ListEssay(ListBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))
    body: Mapped[str | None] = mapped_column(Text())
    words: Mapped[int | None]
    written_at: Mapped[datetime.datetime] = mapped_column(Moment())
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("list_essay.id"))
    follows: Mapped[ListEssay | None] = relationship(remote_side="ListEssay.id")


class ListSlip(ListBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))


class ListInvoice(OfTenant, ListBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    title: Mapped[str] = mapped_column(String(80))


class ListLine(OfTenant, ListBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int]
    title: Mapped[str] = mapped_column(String(80))
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("list_invoice.id"))
    invoice: Mapped[ListInvoice | None] = relationship()
    essay_id: Mapped[int] = mapped_column(ForeignKey("list_essay.id"))
    essay: Mapped[ListEssay] = relationship()


class Lines(AdminView[ListLine]):
    columns = ("title", "invoice")
    filters = ("invoice", "essay", "title__empty")
    search = ("title",)


class Essays(AdminView[ListEssay]):
    columns = ("title", "words", "written_at", "follows")
    filters = ("written_at", "words", "body__empty", "follows")
    date_drill = "written_at"
    search_text = ("title", "body")
    search_language = "english"
    orders = ("-words",)
    size = 5


class Shelves(AdminView[ListShelf]):
    columns = ("label", "room", "number", "places")
    editable = ("places",)


def first_tenant() -> Tenant:
    return Tenant(1)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    app = App(docs=False)
    database = Database(url, models=ListBase, migrations=None)
    app.provide(first_tenant)
    auth = Auth(ListClerk, passwords=Passwords(memory=8, passes=1))
    app.use(database, auth, Tenants(), Admin(Essays, Shelves, ListSlip, ListInvoice, Lines, ListClerk))
    with Client(app) as found:
        database.create_tables()
        with app.session() as db:
            for number in range(12):
                words = None if number == 11 else number // 2
                written = NOW - datetime.timedelta(hours=number)
                body = (
                    None
                    if number == 3
                    else ""
                    if number == 4
                    else f"The {'foxes were' if number % 2 else 'ox is'} running"
                )
                db.add(ListEssay(id=number + 1, title=f"E{number:02}", body=body, words=words, written_at=written))
            db.add_all(
                [
                    ListShelf(room=room, number=number, label=f"{room} {number}", places=1)
                    for room in ("a,b", "c/d")
                    for number in (1, 2)
                ]
            )
        AsUser(lambda: found)(is_staff=True, is_superuser=True, email="clerk@example.org")
        yield found


def titles(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [unescape(each) for each in re.findall(r'<th scope="row"><a href="[^"]*"><bdi>([^<]*)', answer.text)]


def asked(client: Client, query: str) -> list[str]:
    return titles(client.get(f"/admin/list-essay?limit=100&order=title&{query}"))


def test_filters_mean_the_same_on_each_database(client: Client) -> None:
    assert asked(client, "written_at__ge=2026-03-31") == [f"E{number:02}" for number in range(12)]
    assert asked(client, "written_at__le=2026-03-30") == []
    assert asked(client, "written_at__part=2026-03-31") == [f"E{number:02}" for number in range(12)]
    assert asked(client, "written_at__part=2026-04") == []
    assert asked(client, "words__ge=5") == ["E10"]
    assert asked(client, "body__empty=true") == ["E03", "E04"]
    assert len(asked(client, "body__empty=false")) == 10
    assert len(asked(client, "follows=~")) == 12
    assert asked(client, "follows=1") == []
    page = client.get("/admin/list-essay?written_at__part=2026-03").text
    assert re.findall(r">(2026[0-9-]*)</a>", page) == ["2026", "2026-03", "2026-03-31"]


def test_rows_of_several_models_are_offered_in_one_query_to_each_tenant_its_own(client: Client) -> None:
    def options(query: str, name: str) -> list[str]:
        text = client.get(f"/admin/list-line?{query}").text
        found = re.search(rf'<select name="{name}".*?</select>', text, re.DOTALL)
        assert found is not None
        return re.findall(r"<option[^>]*>([^<]*)", found[0])

    mine, other = ListInvoice(tenant_id=1, title="Mine"), ListInvoice(tenant_id=2, title="Not mine")
    with client.app.session() as db:
        db.add_all([mine, other])
        db.flush()
        rows = [(1, "A", mine.id, 1), (1, "B", mine.id, 2), (1, "C", None, 2), (2, "D", other.id, 1)]
        db.add_all(
            [
                ListLine(tenant_id=tenant, title=title, invoice_id=invoice, essay_id=essay)
                for tenant, title, invoice, essay in rows
            ]
        )
    try:
        assert options("", "invoice") == ["All", "Mine", "Nothing"]
        assert options("", "essay")[:3] == ["All", "E00", "E01"]
        assert options("facets=true", "invoice") == ["All", "Mine (2)", "Nothing (1)"]
        # Rows under the other filters, whatever is chosen here.
        query = f"facets=true&invoice={mine.id}&essay=2&q=B"
        assert options(query, "invoice") == ["All", "Mine (1)", "Nothing (0)"]
        assert options(query, "essay")[:4] == ["All", "E00 (0)", "E01 (1)", "E02 (0)"]
        assert options(query, "title__empty") == ["All", "Empty (0)", "Not empty (1)"]
        assert titles(client.get(f"/admin/list-line?invoice={other.id}")) == []
    finally:
        with client.app.session() as db:
            db.query(ListLine).delete()
            db.query(ListInvoice).delete()


def test_search_of_full_text(client: Client, kind: str) -> None:
    stems = asked(client, "q=fox+run")
    assert asked(client, "q=RUNNING+OX") == asked(client, "q=ox+running")
    if kind == "postgresql":
        assert stems == ["E01", "E05", "E07", "E09", "E11"]
        assert asked(client, 'q="ox+is"') != []
        assert asked(client, "q=fox+-run") == []
    else:
        assert stems == ["E01", "E05", "E07", "E09", "E11"]  # "fox" and "run" stand in "foxes" and "running"
    assert asked(client, "q=%27%3B--+%26+%7C+%21+%3A*+%25") == []


def test_pages_by_their_number_with_nulls_and_the_same_values(client: Client) -> None:
    whole = titles(client.get("/admin/list-essay?limit=100"))
    pages = [titles(client.get(f"/admin/list-essay?page={number}")) for number in (1, 2, 3)]
    assert [title for page in pages for title in page] == whole
    assert whole[-1] == "E11"
    third = client.get("/admin/list-essay?page=3")
    back = unescape(re.findall(r'rel="prev" href="([^"]*)"', third.text)[0])
    assert titles(client.get(f"/admin/list-essay{back}")) == pages[1]


def test_rows_by_keys_of_two_columns_are_edited_in_place(client: Client) -> None:
    page = client.get("/admin/list-shelf")
    sent = {}
    for tag in re.findall(r"<input[^>]*>", page.text[page.text.index('<form class="form"') :]):
        given = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if given.get("name", "").startswith("rows"):
            sent[given["name"]] = unescape(given["value"])
    assert len(sent) == 12
    browser = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    answer = client.post("/admin/list-shelf/-/edit", data=sent | {"rows[3].places": "9"}, headers=browser, follow=False)
    assert answer.status == 303, answer.text
    with client.app.session() as db:
        assert sorted(each.places for each in db.query(ListShelf)) == [1, 1, 1, 9]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_long_list_is_estimated_where_nothing_is_left_out(client: Client) -> None:
    with client.app.session() as db:
        db.execute(text("INSERT INTO list_shelf SELECT 'z', n, 'x', 1 FROM generate_series(1, 20000) AS s (n)"))
        db.execute(text("INSERT INTO list_invoice (tenant_id, title) SELECT 2, 'x' FROM generate_series(1, 20000)"))
        db.execute(text("INSERT INTO list_invoice (tenant_id, title) SELECT 1, 'mine' FROM generate_series(1, 10001)"))
    assert "10,000+" in client.get("/admin/list-shelf").text
    with client.app.session() as db:
        db.execute(text("ANALYZE"))
    page = client.get("/admin/list-shelf").text
    assert re.search(r"about 20,0\d\d", page), re.findall(r"<p class=.muted.*", page)
    # An estimate over all tenants would tell of the others.
    assert "10,000+" in client.get("/admin/list-invoice").text
    with client.app.session() as db:
        db.execute(text("DELETE FROM list_invoice WHERE tenant_id = 1 AND id % 10000 <> 0"))
    assert re.search(r"\b(1 row|2 rows)\b", client.get("/admin/list-invoice").text)


def test_a_jump_reads_no_row_on_the_way(client: Client) -> None:
    statements: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    client.get("/admin/list-essay?page=2")
    event.remove(Engine, "before_cursor_execute", hear)
    (walk,) = [each for each in statements if each.startswith("SELECT list_essay.words, list_essay.id")]
    assert "body" not in walk
    assert "title" not in walk


def test_what_is_not_found_is_looked_for_once(client: Client) -> None:
    statements: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    page = client.get("/admin/list-line?q=nowhere").text
    event.remove(Engine, "before_cursor_execute", hear)
    assert re.search(r"\b0 rows\b", page)
    assert len([each for each in statements if "nowhere" in each or "LIKE" in each.upper()]) == 1, statements


def planned(client: Client, url: str) -> tuple[int, int]:
    """How often the statement of a list's page was run by a plan for any values, and was planned for its own, when the
    page was asked for thirty times.
    """
    found: list[tuple[int, int]] = []

    def look(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("SELECT list_slip.id, list_slip.title"):
            own = connection.connection.dbapi_connection
            known = own.cursor().execute("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
            found[:] = [(same, anew) for sent, same, anew in known if re.sub(r"\$\d+", "%s", sent) == given(statement)]

    def given(statement: str) -> str:
        return re.sub(r"%\(\w+\)s", "%s", statement)

    event.listen(Engine, "after_cursor_execute", look)
    try:
        for _ in range(30):
            assert client.get(url).status == 200
    finally:
        event.remove(Engine, "after_cursor_execute", look)
    (only,) = found
    return only


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_page_of_all_rows_is_planned_once(client: Client) -> None:
    with client.app.session() as db:
        db.execute(text("DELETE FROM list_slip"))
        db.execute(text("INSERT INTO list_slip SELECT n, 'x' FROM generate_series(1, 20000) AS s (n)"))
    with client.app.session() as db:
        db.execute(text("ANALYZE list_slip"))
    for query in ("limit=37", "limit=38&page=9"):
        same, anew = planned(client, f"/admin/list-slip?{query}")
        assert same > anew, query
