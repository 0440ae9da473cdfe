"""The bookshop's back office with a dashboard, pages of its own and links, for the tests of its looks."""

from __future__ import annotations

from sqlalchemy import ColumnElement, String

from admin.site import Author, Base, Book, Person, Tag
from wholestack import Forbidden, Form, Query, Redirect
from wholestack.admin import Admin, AdminView, Bars, Donut, Line, Number, TableOf
from wholestack.auth import permission, policy, superuser
from wholestack.db import Mapped, Model, Session, func, mapped_column, select
from wholestack.templates import Page

BARE = '"><script>alert(1)</script>'


@policy
def named_shortly(person: Person, author: Author) -> bool:
    return len(author.name) < 20


@named_shortly.where
def _(person: Person) -> ColumnElement[bool]:
    return func.length(Author.name) < 20


class Authors(AdminView[Author]):
    search = ("name", "email")
    group = "People & <more>"
    rows = named_shortly


class Tags(AdminView[Tag]):
    columns = ("name",)
    search = ("name",)


class Search(Model, Base):
    name: Mapped[str] = mapped_column(String(40))


class Own:
    """What a house may show in a card: anything with HTML of its own."""

    def __html__(self) -> str:
        return "<p>its own</p>"


def furnish(admin: Admin) -> None:
    """Cards, pages and links."""

    @admin.card("Books", needs=permission("book.view"))
    def books(db: Session) -> Number:
        return Number(db.scalar(select(func.count()).select_from(Book)) or 0, note=BARE, url="/admin/book")

    @admin.card("By genre", wide=True)
    def genres(db: Session) -> Bars:
        counted = db.execute(select(Book.genre, func.count()).group_by(Book.genre))
        return Bars([(genre.value, count) for genre, count in counted])

    @admin.card("Days", wide=True)
    def days(size: Query[int] = 3) -> Line:
        return Line([(f"{BARE}{day}", day) for day in range(size)])

    @admin.card("Parts")
    def parts(size: str = "1") -> Donut:
        return Donut([(BARE, int(size)), ("rest", 3)])

    @admin.card("Rows")
    def rows() -> TableOf:
        return TableOf(["Name", BARE], [["Ann", 1], [BARE, 2]])

    @admin.card("Own")
    def own() -> Own:
        return Own()

    @admin.card("Broken")
    def broken() -> Number:
        raise RuntimeError("nobody can count this")

    @admin.card("Refuses")
    def refuses() -> Number:
        raise Forbidden("not for you")

    @admin.card("For few", needs=superuser & (permission("tag.view") | permission("nobody.has")))
    def for_few() -> Number:
        return Number(1)

    @admin.page("/reports", title="Reports", group="Own", needs=permission("report.view"))
    def reports() -> Page:
        return Page("reports.html", said="a page of its own")

    @admin.router.post("/reports", hidden=True)
    def sent(said: Form[str]) -> Redirect:
        return Redirect("/admin/reports")

    admin.link("Elsewhere", "https://example.org/", group="Own")
    admin.link("The start", "/start", needs=superuser)
