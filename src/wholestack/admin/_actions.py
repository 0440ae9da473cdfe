"""Actions: what a program lets staff do with many rows at once, and the rows that they have chosen for it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

import pydantic
from sqlalchemy import Select, and_, case, func, or_, select

from wholestack import Upload
from wholestack.encoding import secrets_of
from wholestack.languages import lazy

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._access import Access
    from ._resource import Resource

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])

BATCH = 200
"""Rows that an action gets at a time."""
_ACTION = "_wholestack_admin_action"


@dataclasses.dataclass(frozen=True)
class Action:
    """What `action` says of a method.

    Attributes:
        name: the method's.
        title: the words in the list's menu.
        permission: the action of the model's permission that it needs: ``"publish"`` is ``post.publish``.
        confirm: a sentence above the question; empty for none.
        form: what is to be filled in first; None for nothing.
        destroys: whether its button is one of danger.
    """

    name: str
    title: str
    permission: str
    confirm: str = ""
    form: type[pydantic.BaseModel] | None = None
    destroys: bool = False


DELETE = Action("delete", lazy("Delete"), "delete", destroys=True)
"""What every list has by itself."""


def action(
    title: str,
    *,
    permission: str,
    confirm: str = "",
    form: type[pydantic.BaseModel] | None = None,
    destroys: bool = False,
) -> Callable[[F], F]:
    """Make a method of a view an action of its list: ``def publish(self, posts: Selection[Post], db: Session)``.

    It is asked for a confirmation first, which counts the rows and names some. Then the method is called with at most
    200 rows at a time, in the order of their keys, each time within a transaction; with more it goes on behind the
    scenes (`wholestack.outbox`), where it can be watched and cancelled. What it returns, a text, is told to who asked.
    Each row that is different afterwards is in the history. A method that names ``identity`` is given who does it.

    Arguments:
        title: the words in the menu.
        permission: which permission over the model it needs, beside the policy `AdminView.change`: ``"publish"``.
        confirm: a sentence above the question.
        form: what is to be filled in first; the method then takes it as ``form``.
        destroys: whether its button is one of danger.

    Example:
        >>> from wholestack.admin import AdminView
        >>> from sqlalchemy import Boolean
        >>> from wholestack.db import Model, Session, mapped_column
        >>> class Placard(Model):
        ...     public = mapped_column(Boolean())
        >>> class Placards(AdminView[Placard]):
        ...     @action("Publish", permission="publish", confirm="Everybody will see them.")
        ...     def publish(self, placards: Selection[Placard], db: Session) -> None:
        ...         for placard in placards.rows():
        ...             placard.public = True
        >>> [str(each.title) for each in actions_of(Placards).values()]
        ['Publish', 'Delete']
    """

    def marked(function: F) -> F:
        vars(function)[_ACTION] = Action(function.__name__, title, permission, confirm, form, destroys)
        return function

    return marked


def actions_of(view: Any) -> Mapping[str, Action]:
    """The actions of a view by their names, in the order in which they are written; deleting comes last."""
    found: dict[str, Action] = {}
    for each in reversed(view.__mro__):
        for name, value in vars(each).items():
            made = getattr(value, _ACTION, None)
            if isinstance(made, Action):
                found[name] = made
    return {**found, DELETE.name: found.get(DELETE.name, DELETE)}


def check_forms(resource: Resource) -> None:
    """Look whether the forms of actions can be kept until they are done, as JSON.

    Raises:
        SetupError: one takes a secret or a file (``bad-admin``): an action would get asterisks, or nothing.
    """
    for each in actions_of(type(resource.view)).values():
        if each.form is None:
            continue
        schema = pydantic.TypeAdapter(each.form).core_schema
        for what, names in (("a secret", secrets_of(schema)), ("a file", _files(each.form))):
            found = sorted({*names})
            if found:
                message = f"The form of {each.name} takes {what} in {', '.join(found)}, which no action can be given."
                raise resource.fault(message, {*each.form.model_fields} - {*found})


def _files(form: type[pydantic.BaseModel]) -> list[str]:
    return [name for name, field in form.model_fields.items() if _holds_file(field.annotation)]


def _holds_file(kind: Any) -> bool:
    return kind is Upload or any(map(_holds_file, get_args(kind)))


class Selection(Generic[M]):
    """Rows that somebody has chosen for an action, and may do it with; an action takes it as its first argument.

    Arguments:
        access: what the person may.
        permission: the action's.
        db: the session.
        seen: a select of what was chosen among the rows that the person sees, without an order.

    Example:
        ``for post in posts.rows(): post.public = True``, or, without reading them,
        ``db.execute(update(Post).where(Post.id.in_(posts.select().with_only_columns(Post.id))).values(public=True))``.
    """

    def __init__(self, access: Access, permission: str, db: Session, seen: Select[Any]) -> None:
        self._access = access
        self._permission = permission
        self._db = db
        self._seen = seen
        policy = access.policy(permission)
        self._allowed: Any = None if policy is None else policy.sql(access.identity)

    def __len__(self) -> int:
        return self.count

    @functools.cached_property
    def count(self) -> int:
        """How many rows it has."""
        return counted(self._db, self.select())

    def select(self) -> Select[tuple[M]]:
        """The select of its rows, for statements over all of them; never of more than the person may."""
        if not self._access.may(self._permission):
            return self._access.rows(self._permission)
        return self._seen if self._allowed is None else self._seen.where(self._allowed)

    def rows(self) -> Iterator[M]:
        """Its rows by their keys, read some hundreds at a time."""
        for batch in batches(self._db, self.select(), self._access.resource):
            yield from batch

    def refused(self, most: int = 20) -> Sequence[M]:
        """Some of the rows that were chosen, and that the person sees, but may not do this with."""
        if self._allowed is None:
            return []
        # A condition over NULL is neither true nor false, and Python's form of it says False.
        refused = self._seen.where(case((self._allowed, 1), else_=0) == 0)
        return self._db.scalars(refused.limit(most)).unique().all()

    def __repr__(self) -> str:
        return f"<Selection of {self._access.resource.model.__name__} to {self._permission}>"


def counted(db: Session, statement: Select[Any]) -> int:
    """How many rows a select has."""
    plain = statement.order_by(None).options()
    return db.scalar(select(func.count()).select_from(plain.subquery())) or 0


def batches(
    db: Session, statement: Select[Any], resource: Resource, after: tuple[Any, ...] | None = None
) -> Iterator[Sequence[Any]]:
    """The rows of a select, some at a time by their keys: a change in between moves none of them to another batch."""
    names = resource.keys.names
    columns = [getattr(resource.model, name) for name in names]
    ordered = statement.order_by(None).order_by(*columns).limit(BATCH)
    while True:
        rows = db.scalars(ordered if after is None else ordered.where(beyond(columns, after))).unique().all()
        if not rows:
            return
        after = tuple(getattr(rows[-1], name) for name in names)
        yield rows


def beyond(columns: Sequence[Any], values: Sequence[Any]) -> Any:
    """The condition of the rows whose key comes after one."""
    ways = []
    for index, (column, value) in enumerate(zip(columns, values, strict=True)):
        same = [each == one for each, one in zip(columns[:index], values[:index], strict=True)]
        ways.append(and_(*same, column > value))
    return or_(*ways)
