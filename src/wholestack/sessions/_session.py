"""What handlers ask for: `BrowserSession[Cart]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from wholestack.db import Session

from ._owner import Beside
from ._shape import Shape, T
from ._visit import Visit

M = TypeVar("M")


class BrowserSession(Generic[T]):
    """Data that stays with a visitor's browser: ``session: BrowserSession[Cart]``.

    `Cart` is a Pydantic model, a dataclass or a TypedDict, each field with a default; several models share one session,
    each under its class's name. Without a model, ``session: BrowserSession``, the data is a dict of what JSON can say.
    It is loaded when it is first used, and kept after the handler where it has changed, field by field: of two requests
    that change different fields at once none is lost, of two that change the same one the last is kept. An answer from
    500 on keeps nothing but what `rotate` and `revoke` did.

    Example:
        >>> import pydantic
        >>> from wholestack import App
        >>> from wholestack.sessions import Sessions
        >>> class Cart(pydantic.BaseModel):
        ...     items: list[int] = []
        >>> app = App()
        >>> app.use(Sessions())
        >>> @app.post("/cart/{item}")
        ... def add(item: int, session: BrowserSession[Cart]) -> int:
        ...     session.data.items.append(item)
        ...     return len(session.data.items)
    """

    __slots__ = ("_shape", "_visit")

    def __init__(self, visit: Visit, shape: Shape[T]) -> None:
        self._visit = visit
        self._shape = shape

    @property
    def data(self) -> T:
        """The model's value; what is changed in it is kept."""
        found: T = self._visit.part(self._shape).value
        return found

    @data.setter
    def data(self, value: T) -> None:
        self._visit.part(self._shape).value = value

    def clear(self) -> None:
        """Begin this model's data anew; other models' data in the session stay."""
        part = self._visit.part(self._shape)
        part.value = self._shape.load({})

    @property
    def user(self) -> str | None:
        """Whose session it is, a key that login sets; None for a visitor.

        To set it, also to the same user, takes a new id (`rotate`) and begins the session's lifetime anew. A visitor's
        data stay. Data of another user do not: where one is there, it is as after `revoke`, also with None.

        Raises:
            TypeError: it is no text: ``session.user = str(user.id)``.
        """
        return self._visit.user

    @user.setter
    def user(self, user: str | None) -> None:
        self._visit.user = user

    def when_open(self, call: Callable[[], None]) -> None:
        """Have a function called when the request's answer is a stream that begins: for what may end it (`Opened`)."""
        self._visit.also = call

    def owner(self, model: type[M], db: Session) -> M | None:
        """The row of a model whose key, as text, is `user`; None for a visitor, and where there is no such row.

        Sessions that are rows of the same database are loaded in one query with it: where this is asked before anything
        else of the session, and keys are numbers or UUIDs.

        Arguments:
            model: a mapped class with one key.
            db: the request's session of its database.

        Example:
            >>> from wholestack.db import Model
            >>> class Guest(Model): ...
            >>> def current(session: BrowserSession, db: Session) -> Guest | None:
            ...     return session.owner(Guest, db)
        """
        found: M | None = self._visit.owner(model, db)[0]
        return found

    def owner_with(self, model: type[M], db: Session, beside: Beside) -> tuple[M | None, Sequence[Any] | None]:
        """The same, and in the one query what other tables have of them, such as the roles of a user.

        Arguments:
            model: a mapped class with one key.
            db: the request's session of its database.
            beside: adds outer joins and columns to the statement; one function, and not another each time, since what
                it gives is kept.

        Returns:
            the row, and those columns of each row that the query gave, all None where there is nothing; None in their
            place where it was no such query: ask for them by another one then.

        Example:
            >>> from sqlalchemy import ForeignKey, Select
            >>> from wholestack.db import Model, mapped_column
            >>> class Lodger(Model): ...
            >>> class Berth(Model):
            ...     lodger_id = mapped_column(ForeignKey(Lodger.id))
            >>> def with_berths(statement: Select) -> Select:
            ...     return statement.outerjoin(Berth, Berth.lodger_id == Lodger.id).add_columns(Berth.id)
            >>> def berths(session: BrowserSession, db: Session) -> list[int] | None:
            ...     lodger, rows = session.owner_with(Lodger, db, with_berths)
            ...     return None if rows is None else [id for (id,) in rows if id is not None]
        """
        return self._visit.owner(model, db, beside)

    @property
    def key(self) -> str | None:
        """A name for the session that is no secret, as `Sessions.of` lists them; None before it is kept."""
        return self._visit.key

    def rotate(self) -> None:
        """Give the session a new id, with the same data: whenever a visitor may do more than before."""
        self._visit.rotate()

    def revoke(self) -> None:
        """End the session, for logout: its data are gone, and its cookie is dead for whoever has copied it.

        What is written afterwards, in the same request, begins another session.
        """
        self._visit.revoke()

    def __repr__(self) -> str:
        # No data, no id: they may be secrets.
        return f"<BrowserSession {self._shape.name}>".replace(" >", ">")
