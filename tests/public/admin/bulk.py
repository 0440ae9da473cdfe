"""The bookshop with actions, exports and imports, for the tests of these; some of its books are locked."""

from __future__ import annotations

import decimal
import re
from typing import Any

import pydantic

from admin.site import BROWSER, Author, Book, Genre, Person, Review, Site, Stock, Tag, post
from wholestack import Conflict
from wholestack.admin import AdminView, Selection, action, column
from wholestack.auth import policy
from wholestack.db import Session, update
from wholestack.testing import Answer

LOCKED = "locked"
HIDDEN = "hidden"


@policy
def may_see(user: Person, book: Book) -> bool:
    return book.summary != HIDDEN


@may_see.where
def _(user: Person) -> Any:
    return Book.summary.is_distinct_from(HIDDEN)


@policy
def may_change(user: Person, book: Book) -> bool:
    return book.summary != LOCKED


@may_change.where
def _(user: Person) -> Any:
    return Book.summary.is_distinct_from(LOCKED)


class PriceForm(pydantic.BaseModel):
    price: decimal.Decimal = pydantic.Field(max_digits=8, decimal_places=2)


class BulkBooks(AdminView[Book]):
    columns = ("title", "author", "words")
    search = ("title",)
    filters = ("genre", "price")
    orders = ("title",)
    rows = may_see
    change = may_change

    @column("Words")
    def words(self, book: Book) -> int:
        return len(book.title.split())

    @action("Take from print", permission="take", confirm="Nobody can order these any more.")
    def take(self, books: Selection[Book], db: Session) -> None:
        for book in books.rows():
            book.in_print = False

    @action("Set the price", permission="price", form=PriceForm)
    def set_price(self, books: Selection[Book], db: Session, form: PriceForm) -> str:
        some = books.select().with_only_columns(Book.id)
        db.execute(update(Book).where(Book.id.in_(some)).values(price=form.price))
        return f"{len(books)} cost {form.price} now."

    @action("Fail", permission="take")
    def fail(self, books: Selection[Book]) -> None:
        for book in books.rows():
            book.in_print = False
        raise Conflict("It is the wrong day for that.")

    @action("Break", permission="take")
    def break_it(self, books: Selection[Book]) -> None:
        for book in books.rows():
            if book.title == "Bad":
                raise RuntimeError("broken")
            book.in_print = False


class BulkTags(AdminView[Tag]):
    pass


VIEWS = (BulkBooks, Author, BulkTags, Review, Stock, Person)


def bulk_site(**options: Any) -> Site:
    """The bookshop."""
    return Site(*VIEWS, **options)


def books(site: Site, number: int, **columns: Any) -> list[Book]:
    """So many books of one author, in the database."""
    author = site.author()
    rows = [Book(title=f"Book {each}", genre=Genre.NOVEL, author_id=author.id, **columns) for each in range(number)]
    site.add(*rows)
    return rows


def choose(site: Site, name: str, keys: Any = None, query: str = "") -> str:
    """Choose rows for an action, all that match where none are named; gives the address of the question."""
    data = {"action": name, "scope": "all" if keys is None else "chosen", "keys": [] if keys is None else list(keys)}
    answer = post(site.client, f"/admin/book/-/actions{query}", data)
    assert answer.status == 303, answer.text
    return answer.headers["location"]


def confirm(site: Site, where: str, **data: Any) -> Answer:
    """Look at the question, and say yes to the number that it has counted."""
    shown = site.client.get(where, headers=BROWSER)
    counted = re.search(r'name="counted" value="(\d+)"', shown.text)
    assert counted is not None, shown.text
    return post(site.client, where, {"counted": counted[1], **data})
