"""A small back office, for the tests of `wholestack.admin`: a bookshop's tables, its people, and a browser for each."""

from __future__ import annotations

import datetime
import decimal
import enum
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from sqlalchemy import Column, Engine, MetaData, String, Text, event
from sqlalchemy import Table as Rows

from wholestack import App
from wholestack.admin import Admin, AdminView, column
from wholestack.auth import Auth, Passwords, UserMixin
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Table,
    UniqueConstraint,
    UUIDModel,
    mapped_column,
    relationship,
    select,
)
from wholestack.testing import Answer, AsUser, Client

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin", "user-agent": "A browser"}
SEEN = re.compile(r'name="form_seen" value="([^"]*)"')


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Genre(enum.Enum):
    NOVEL = "novel"
    POEMS = "poems"
    COOKERY = "cookery"


class Person(UserMixin, UUIDModel, Base):
    nickname: Mapped[str] = mapped_column(String(80), default="")


class Author(Model, Base):
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str | None] = mapped_column(String(200), unique=True)
    books: Mapped[list[Book]] = relationship(back_populates="author", cascade="all, delete-orphan")


book_tag = Rows(
    "book_tag",
    Base.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class Tag(Model, Base):
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Book(Model, Base):
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str | None] = mapped_column(Text())
    genre: Mapped[Genre]
    price: Mapped[decimal.Decimal | None]
    published: Mapped[datetime.date | None]
    in_print: Mapped[bool] = mapped_column(default=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), index=True)
    author: Mapped[Author] = relationship(back_populates="books")
    tags: Mapped[list[Tag]] = relationship(secondary=book_tag)
    reviews: Mapped[list[Review]] = relationship(back_populates="book", cascade="all, delete-orphan")


class Review(Model, Base):
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"), index=True)
    book: Mapped[Book] = relationship(back_populates="reviews")
    stars: Mapped[int]
    text: Mapped[str] = mapped_column(String(500), default="")
    position: Mapped[int] = mapped_column(default=0)


class Stock(Base):
    """Rows by a key of two columns."""

    shop: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    pieces: Mapped[int]
    __table_args__ = (UniqueConstraint("code", "pieces"),)


class Books(AdminView[Book]):
    columns = ("title", "author", "genre", "price", "words")
    search = ("title", "author.name")
    filters = ("genre", "author_id", "price")
    orders = ("title",)

    @column("Words")
    def words(self, book: Book) -> int:
        return len(book.title.split())


VIEWS: tuple[type[Any], ...] = (Books, Author, Tag, Review, Stock, Person)


class Site:
    """A bookshop with a back office, and clients that ask it.

    Arguments:
        views: what `Admin` is given; all models where left out.
        interface: by which its clients ask.
        url: the database's address.
        options: of `Admin`.
    """

    def __init__(self, *views: type[Any], interface: Any = "asgi", url: str = "sqlite://", **options: Any) -> None:
        self.app = App(title="The bookshop", docs=False)
        self.database = Database(url, models=Base, migrations=None)
        self.auth = Auth(Person, passwords=Passwords(memory=8, passes=1))
        self.admin = Admin(*(views or VIEWS), **options)
        self.interface = interface
        self.client: Client
        self.tables: list[Any]

    @contextmanager
    def running(self, *plugins: Any) -> Iterator[Self]:
        """The site at work, with these plugins, too."""
        self.app.use(self.database, self.auth, *plugins, self.admin)
        with Client(self.app, interface=self.interface) as client:
            self.database.create_tables()
            self.tables = self.database.metadata.sorted_tables
            self.client = client
            yield self

    def anew(self) -> Self:
        """The site without rows and without cookies, at work as it is: to seal one for each test would take longer."""
        with self.app.session() as db:
            for table in reversed(self.tables):
                db.execute(table.delete())
        self.client = self.other()
        return self

    def other(self) -> Client:
        """Another browser."""
        return Client(self.app, interface=self.interface)

    # -- rows ------------------------------------------------------------------------------------------------------

    def add(self, *rows: Any) -> None:
        """Write rows; their keys can be read afterwards."""
        with self.app.session() as db:
            db.add_all(rows)

    def all(self, model: type[Any]) -> Sequence[Any]:
        """All rows of a model as the database has them now, by their keys."""
        with self.app.session() as db:
            return db.scalars(select(model).order_by(*model.__table__.primary_key)).all()

    def author(self, name: str = "Ann") -> Author:
        """An author who is in the database."""
        self.add(found := Author(name=name))
        return found

    def book(self, title: str = "One", author: Author | None = None, **columns: Any) -> Book:
        """A book that is in the database."""
        columns = {"genre": Genre.NOVEL, **columns}
        self.add(found := Book(title=title, author_id=(author or self.author()).id, **columns))
        return found


class Heard:
    """The statements that a database is sent."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __enter__(self) -> list[str]:
        event.listen(Engine, "before_cursor_execute", self._hear)
        return self.statements

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._hear)

    def _hear(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        self.statements.append(statement)


def login(client: Client, *permissions: str, **columns: Any) -> Person:
    """Let a client be that of a new member of staff, who holds these permissions.

    Arguments:
        client: the browser.
        permissions: ``"book.view"``, ``"review.change"``; ``"*"`` alone is a superuser.
        columns: further columns of theirs.
    """
    columns = {"is_staff": True, "is_superuser": permissions == ("*",), "email": f"{uuid.uuid4().hex}@x.org"} | columns
    AsUser(lambda: client)(permissions=[each for each in permissions if each != "*"], **columns)
    with client.app.session() as db:
        return db.scalars(select(Person).where(Person.email == columns["email"])).one()


def post(client: Client, path: str, data: Mapping[str, Any] | None = None, **options: Any) -> Answer:
    """Send a form as a browser does, without going where it leads; a list sends its name several times."""
    options = {"headers": BROWSER, "follow": False} | options
    return client.post(path, data=_texts(data or {}), **options)


def _texts(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [str(each) for each in value] if isinstance(value, list) else str(value) for name, value in data.items()
    }


def seen(answer: Answer) -> str:
    """What a form has as the state of its row when it was shown."""
    found = SEEN.search(answer.text)
    assert found is not None, answer.text
    return found[1]


def errors(answer: Answer) -> list[str]:
    """What a page says is wrong beside its fields."""
    return re.findall(r'<p class="error"[^>]*>([^<]+)', answer.text)
