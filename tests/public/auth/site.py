"""A small site with login, for the tests of `wholestack.auth`: its own tables, its own mail, cheap hashes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar, Self, TypeVar

from sqlalchemy import MetaData

from wholestack import App
from wholestack.auth import Auth, Passwords, UserMixin
from wholestack.db import Database, Mapped, Model, Table, UUIDModel, mapped_column, select
from wholestack.mail import Mailing, Message
from wholestack.testing import Answer, Client

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin", "user-agent": "A browser"}
EMAIL, PASSWORD = "zoe@example.org", "correct horse battery"
LINK = re.compile(r"http://testserver(/\S+)")
S = TypeVar("S")


class Base(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class User(UserMixin, UUIDModel, Base):
    nickname: Mapped[str] = mapped_column(default="")


class NumberedBase(Table):
    __abstract__ = True
    metadata: ClassVar[MetaData] = MetaData(naming_convention=Table.metadata.naming_convention)


class Numbered(UserMixin, Model, NumberedBase):
    """Users by numbers."""


def cheap() -> Passwords:
    """Hashes that cost a test next to nothing."""
    return Passwords(memory=8, passes=1)


class Site:
    """An app with login, a client, and what was mailed.

    Arguments:
        interface: by which the client asks.
        user: the model of users.
        options: of `Auth`.
        url: the database's address.
    """

    def __init__(self, interface: Any = "asgi", user: Any = User, url: str = "sqlite://", **options: Any) -> None:
        self.app = App(title="The site", docs=False)
        self.database = Database(
            url, models=next(each for each in user.__mro__ if "metadata" in vars(each)), migrations=None
        )
        self.mailing = Mailing("site@example.org", "memory:", base_url="http://testserver")
        options.setdefault("passwords", cheap())
        self.auth = Auth(user, **{"sign_up": "open"} | options)
        self.user = user
        self.interface = interface
        self.client: Client
        self.tables: list[Any]

    @contextmanager
    def running(self, *plugins: Any) -> Iterator[Self]:
        """The site at work, with these plugins, too."""
        self.app.use(self.database, self.mailing, self.auth, *plugins)
        with Client(self.app, interface=self.interface) as client:
            self.database.create_tables()
            self.tables = self.database.metadata.sorted_tables  # Sites that come later may bring more.
            self.client = client
            yield self
        self.app.unseal()  # Else the process has all of it until it ends.

    def anew(self) -> Self:
        """The site as on its first day, at work as it is: to seal one for each test takes longer than the tests."""
        with self.app.session() as db:
            for table in reversed(self.tables):
                db.execute(table.delete())
        backend: Any = self.mailing.backend
        backend.letters.clear()
        self.client = self.other()
        return self

    def other(self) -> Client:
        """Another browser."""
        return Client(self.app, interface=self.interface)

    # -- mail ----------------------------------------------------------------------------------------------------

    @property
    def mails(self) -> list[Message]:
        """What was mailed; it goes out after the answer."""
        backend: Any = self.mailing.backend
        return [each.message for each in backend.letters]

    def link(self, number: int = -1) -> str:
        """The path of the link in a mail."""
        found = LINK.search(self.mails[number].text)
        assert found is not None
        return found[1]

    # -- accounts ------------------------------------------------------------------------------------------------

    def make(self, email: str = EMAIL, password: str | None = PASSWORD, **fields: Any) -> Any:
        """A user with a confirmed address."""
        with self.app.session() as db:
            hashed = None if password is None else self.auth.passwords.hash(password)
            user = self.user(email=email, password=hashed, **fields)
            user.email_confirmed_at = fields.get("email_confirmed_at", self.auth.terms.clock())
            db.add(user)
        return user

    def find(self, email: str = EMAIL) -> Any:
        """A user as the database has them now."""
        with self.app.session() as db:
            return db.scalar(select(self.user).where(self.user.email == email))

    def grant(self, user: Any, name: str, *permissions: str) -> None:
        """Give a user a role with permissions."""
        tables = self.auth.tables
        with self.app.session() as db:
            role = tables.role(name=name, permissions=[*permissions])
            db.add(role)
            db.flush()
            db.add(tables.membership(user_id=user.id, role_id=role.id))

    def events(self) -> list[str]:
        """The kinds of events that were noted, in their order."""
        event = self.auth.tables.event
        with self.app.session() as db:
            return [*db.scalars(select(event.kind).order_by(event.created_at))]

    def send(self, path: str, client: Client | None = None, /, **data: Any) -> Answer:
        """Send a form as a browser does."""
        fields: Mapping[str, str] = {name: str(value) for name, value in data.items()}
        return (client or self.client).post(path, data=fields, headers=BROWSER, follow=False)

    def log_in(self, email: str = EMAIL, password: str = PASSWORD, client: Client | None = None, **more: Any) -> Answer:
        """Send the form of login."""
        return self.send("/account/login", client, email=email, password=password, **more)


@contextmanager
def each_once(make: Callable[[str], AbstractContextManager[S]]) -> Iterator[Callable[[str], S]]:
    """The site for an interface, opened when it is first asked for; all of them are closed at the end."""
    with ExitStack() as stack:
        yield functools.cache(lambda interface: stack.enter_context(make(interface)))


def errors(answer: Answer) -> list[str]:
    """What a page says is wrong with its form."""
    return re.findall(r'<(?:p class="error"[^>]*|li)>(?:<a [^>]*>)?([^<]+)', answer.text)
