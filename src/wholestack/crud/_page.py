"""Pages: some rows of a list, how to ask for the next, and the header field that says so."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import pydantic
from sqlalchemy import Integer, Select, and_, bindparam, false, func, literal, or_, select
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from wholestack import App, Request, Secret
from wholestack.db import Database
from wholestack.errors import Fault
from wholestack.handlers import Parameter

from ._cursor import BadCursor, Cursor, is_long
from ._listing import Allowed, Listing, allowed, filtered

Row = TypeVar("Row")
Asked = TypeVar("Asked", bound=Listing)

_PATH_SAFE = "/:@!$&'()*+,;=-._~"


@dataclasses.dataclass
class Page(Generic[Row]):
    """Some rows of a list, as an answer: ``returns=Page[NoteOut]``.

    Attributes:
        items: the rows of this page.
        next: the path and query of the page after it; null on the last.
        previous: the path and query of the page before it; null on the first.
        total: how many rows there are on all pages, where it was asked for.
    """

    items: list[Row]
    next: str | None = None
    previous: str | None = None
    total: int | None = None


class Paging:
    """The plugin that lets handlers ask for a `Pager`; an app gets one by itself, this gives it a key.

    Arguments:
        key: signs the cursors. Left out, it is made of the database's address with its password, so that every process
            of the app has the same; cursors then end when the address changes. Where there is no password either,
            `wholestack check` says so: the key can be guessed.

    Example:
        >>> app = App()
        >>> app.use(Paging(key=Secret("from a setting")))
    """

    def __init__(self, *, key: Secret | str | None = None) -> None:
        self._given = key.get_secret_value() if isinstance(key, Secret) else key

    def setup(self, app: App) -> None:
        """Let handlers ask for a `Pager`."""
        key = _key(self._given, app)

        def pager(request: Request) -> Iterator[Pager]:
            made = Pager(request, key)
            response: Any = yield made
            if made.links:
                response.headers.set("link", ", ".join(made.links))

        app.provide(pager)
        app.check(lambda: self._guessable(app))

    def _guessable(self, app: App) -> list[Fault]:
        """The fault of a key that anybody can make again, where the app has lists with cursors."""
        address = _address(app)
        if self._given or (self._given is None and (address is None or address.password)):
            return []
        where = next((view.where for view in app.describe().routes if any(map(_has_cursors, view.parameters))), None)
        if where is None:
            return []
        why = "is empty" if self._given is not None else "is made of the database's address, which has no password"
        message = f"The key that signs cursors {why}: whoever guesses it can make cursors of their own."
        return [Fault("guessable-key", message, where, "app.use(Paging(key=…)) with a secret of the settings.")]

    def __repr__(self) -> str:
        return "Paging()"


def _key(given: str | None, app: App) -> bytes:
    if given is None:
        address = _address(app)
        given = address.render_as_string(hide_password=False) if address is not None else secrets.token_hex(32)
    return hashlib.blake2b(given.encode(), digest_size=32, person=b"wholestack.page").digest()


def _address(app: App) -> URL | None:
    return next((each.url for each in app.plugins if isinstance(each, Database)), None)


def _has_cursors(parameter: Parameter) -> bool:
    kind = parameter.type
    if not (isinstance(kind, type) and issubclass(kind, Listing)):
        return False
    return kind._allowed is not None and kind._allowed.paging == "keyset"


class Pager:
    """Gives pages of a list; handlers ask for it by its type.

    Attributes:
        links: what the answer's `link` field will say (RFC 8288 §3): of the last page that was given.

    Example:
        >>> from wholestack import Query
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, mapped_column
        >>> class Song(Model):
        ...     title = mapped_column(String())
        >>> class Songs(Listing, of=Song, orders=("title",)):
        ...     '''Songs by their titles.'''
        >>> def songs(db: Session, asked: Query[Songs], pages: Pager) -> Page[Song]:
        ...     return pages(db, select(Song), asked)
    """

    def __init__(self, request: Request, key: bytes) -> None:
        self._request = request
        self._key = key
        self.links: list[str] = []

    def __call__(self, db: Session, statement: Select[Row], asked: Listing, *, one_plan: bool = False) -> Page[Row]:
        """One page of what a select gives: filtered, ordered and cut as the query asks.

        Arguments:
            db: the session to read with.
            statement: a select of the listing's model, without an order.
            asked: the query.
            one_plan: writes the size of a page by keys into the statement. PostgreSQL takes a bound limit for a tenth
                of all rows, so that a plan for any values looks dear to it, and it plans the statement anew each time.
                With the size it plans once for each connection: right where every row is asked for, whatever the
                cursor; wrong where the best plan depends on the values of a condition.

        Raises:
            BadCursor: 400, a cursor that is none of this list.
        """
        statement = filtered(statement, asked)
        total = None
        if asked.total:
            total = db.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
        rules = allowed(asked)
        if rules.paging == "keyset":
            most: Any = asked.limit + 1
            if one_plan:
                most = bindparam(None, most, Integer, literal_execute=True)
            page: Page[Row] = _by_keys(self, db, statement.limit(most), asked)
        else:
            page = _by_numbers(self, db, statement, asked)
        page.total = total
        self.links = [f'<{self.url(cursor=None, offset=None)}>; rel="first"']
        if page.previous is not None:
            self.links.append(f'<{page.previous}>; rel="prev"')
        if page.next is not None:
            self.links.append(f'<{page.next}>; rel="next"')
        if total and rules.paging == "offset":
            self.links.append(f'<{self.url(offset=(total - 1) // asked.limit * asked.limit)}>; rel="last"')
        return page

    def url(self, **changes: object) -> str:
        """The path and query that were asked for, with some values of the query changed; None takes one away."""
        query = {name: values for name, values in self._request.query.items() if name not in changes}
        query |= {name: [str(value)] for name, value in changes.items() if value is not None}
        path = quote(self._request.root_path + self._request.path, safe=_PATH_SAFE)
        return f"{path}?{urlencode(query, doseq=True)}" if query else path

    def skip(self, db: Session, statement: Select[Any], asked: Asked, rows: int) -> Asked:
        """The query of the page after so many rows, for a jump to a page by its number.

        The columns of the order are read of the row before it, and nothing else: with an index on them that is a walk
        along the index, where an offset would read each row on the way.

        Arguments:
            db: the session to read with.
            statement: a select of the listing's model, without an order and without options.
            asked: the query; its cursor does not count.
            rows: how many rows stand before the page.

        Raises:
            BadCursor: 400, there are not so many rows.
        """
        rules = allowed(asked)
        if rows <= 0:
            return asked.model_copy(update={"cursor": None})
        order = _order(rules, asked)
        columns = [getattr(rules.model, each) for each, _ in order]
        walked = filtered(statement, asked).with_only_columns(*columns).order_by(*_clauses(rules, order))
        found = db.execute(walked.offset(rows - 1).limit(1)).one_or_none()
        if found is None:
            raise BadCursor("There are not so many rows.")
        values = tuple(found)
        cursor = Cursor("next", values)
        if any(map(is_long, values)):
            cursor = Cursor("next", values[len(values) - len(rules.keys) :], whole=False)
        return asked.model_copy(update={"cursor": cursor.signed(self._key, _name(rules, order))})

    def read(self, text: str, name: str, kinds: list[pydantic.TypeAdapter[Any]]) -> Cursor:
        """A cursor that a client sent for the order of this name."""
        return Cursor.read(text, self._key, name, kinds)

    def cursor(self, cursor: Cursor, name: str) -> str:
        """The address of a page that begins at a cursor."""
        return self.url(cursor=cursor.signed(self._key, name))


# -- by the numbers of rows ------------------------------------------------------------------------------------------


def _by_numbers(pager: Pager, db: Session, statement: Select[Any], asked: Any) -> Page[Any]:
    order = _order(allowed(asked), asked)
    statement = statement.order_by(*_clauses(allowed(asked), order))
    limit, offset = asked.limit, asked.offset
    rows = db.scalars(statement.limit(limit + 1).offset(offset)).unique().all()
    more = pager.url(offset=offset + limit) if len(rows) > limit else None
    # The first page has no number, as in the link to it.
    before = pager.url(offset=max(0, offset - limit) or None) if offset else None
    return Page(list(rows[:limit]), more, before)


# -- by the keys of rows ---------------------------------------------------------------------------------------------


def _by_keys(pager: Pager, db: Session, statement: Select[Any], asked: Any) -> Page[Any]:
    rules = allowed(asked)
    order = _order(rules, asked)
    name = _name(rules, order)
    cursor = None
    if asked.cursor is not None:
        kinds = [rules.columns[each].reader for each, _ in order]
        cursor = _whole(db, rules, order, pager.read(asked.cursor, name, kinds))
    back = cursor is not None and cursor.way == "previous"
    walked = [(each, _turned(way) if back else way) for each, way in order]
    statement = statement.order_by(*_clauses(rules, walked, nulls_first=back))
    if cursor is not None:
        statement = statement.where(_after(rules, walked, cursor.values, nulls_first=back))
    rows = db.scalars(statement).unique().all()
    more = len(rows) > asked.limit
    items = list(rows[: asked.limit])
    if back:
        items.reverse()
    page: Page[Any] = Page(items)
    if items and (more or back):
        page.next = pager.cursor(_at(items[-1], "next", rules, order), name)
    if items and (more if back else cursor is not None):
        page.previous = pager.cursor(_at(items[0], "previous", rules, order), name)
    return page


Order = Sequence[tuple[str, str]]


def _order(rules: Allowed, asked: Any) -> Order:
    """The columns of the order, each with "-" where it descends; the key at the end makes it one of single rows."""
    names = getattr(asked, "order", None) or ([rules.first] if rules.first else [])
    found: dict[str, str] = {}
    for each in names:
        found.setdefault(each.removeprefix("-"), "-" if each.startswith("-") else "")
    last = next(reversed(found.values()), "")
    for each in rules.keys:
        found.setdefault(each, last)  # In the direction of the others, so that one index serves them all.
    return tuple(found.items())


def _name(rules: Allowed, order: Order) -> str:
    """What a cursor is signed for: one order of one list."""
    return f"{rules.model.__qualname__}:{','.join(way + each for each, way in order)}"


def _turned(way: str) -> str:
    return "" if way else "-"


def _clauses(rules: Allowed, order: Order, *, nulls_first: bool = False) -> list[Any]:
    """What stands in ``ORDER BY``: NULL comes last in every direction, whatever the database does by itself."""
    clauses: list[Any] = []
    for name, way in order:
        column = getattr(rules.model, name)
        if rules.columns[name].nullable:
            none = column.is_(None)
            clauses.append(none.desc() if nulls_first else none.asc())
        clauses.append(column.desc() if way else column.asc())
    return clauses


def _after(rules: Allowed, order: Order, values: Sequence[Any], *, nulls_first: bool) -> Any:
    """The condition of all rows that come after the one with these values."""
    ways: list[Any] = []
    same: list[Any] = []
    for (name, way), value in zip(order, values, strict=True):
        column = getattr(rules.model, name)
        ways.append(and_(*same, _beyond(column, way, value, nullable=rules.columns[name].nullable, first=nulls_first)))
        same.append(column.is_(None) if value is None else column == value)
    (name, way), value = order[0], values[0]
    first = getattr(rules.model, name)
    if value is None or rules.columns[name].nullable:
        return or_(*ways)
    # Says nothing new to a person; to a database it says where in the index to begin.
    bound = literal(value, first.type)
    return and_(first <= bound if way else first >= bound, or_(*ways))


def _beyond(column: Any, way: str, value: Any, *, nullable: bool, first: bool) -> Any:
    if value is None:
        return column.is_not(None) if first else false()
    bound = literal(value, column.type)  # By its type: SQLAlchemy compares no plain True or False.
    further = column < bound if way else column > bound
    return or_(further, column.is_(None)) if nullable and not first else further


def _at(row: Any, way: Any, rules: Allowed, order: Order) -> Cursor:
    values = tuple(getattr(row, name) for name, _ in order)
    if not any(map(is_long, values)):
        return Cursor(way, values)
    return Cursor(way, tuple(getattr(row, name) for name in rules.keys), whole=False)


def _whole(db: Session, rules: Allowed, order: Order, cursor: Cursor) -> Cursor:
    """The cursor with all its values: those that were too long for it are read from the row."""
    if cursor.whole:
        return cursor
    columns = [getattr(rules.model, name) for name, _ in order]
    keys = [getattr(rules.model, name) == value for name, value in zip(rules.keys, cursor.values, strict=True)]
    row = db.execute(select(*columns).where(*keys)).one_or_none()
    if row is None:
        raise BadCursor("The row that this cursor stands for has gone. Begin without one.")
    return Cursor(cursor.way, tuple(row))
