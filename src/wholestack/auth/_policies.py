"""Rules over rows: who may do what with one row, and with which rows, said in Python and in SQL."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, overload

from sqlalchemy import ColumnElement, and_, select, tuple_
from sqlalchemy import inspect as inspect_mapped
from sqlalchemy.orm import Session as AlchemySession

from wholestack import Forbidden, HTTPError, NotFound, Request, Rule
from wholestack.crud import CRUD
from wholestack.db import Session
from wholestack.description import Proof
from wholestack.handlers import hints_of
from wholestack.languages import gettext
from wholestack.routing import where_of

from ._identity import EVERY, Identity
from ._policy_forms import SCOPES, Both, Form, Leaf, Not, OfRule, Where, bad, identity_from, outside, sides_of
from ._rules import logged_in
from ._scopes import OfTenant, Scoped

R = TypeVar("R")
M = TypeVar("M")
_ROWS = "_wholestack_rows"
_OF_PATH = object()
"""In `Annotated`: a parameter that is read from the path, and nowhere else."""


class Policy(Rule, Generic[R]):
    """A rule over the rows of a model; what `policy` makes of a function.

    It is one rule in every place: ``needs=can_edit`` on a handler or socket whose path has the row's key,
    ``can_edit(identity, post)`` in Python (with a user in a task), ``select(Post).where(can_edit.sql(identity))`` for
    lists, ``can(can_edit, post)`` in a template. ``a | b``, ``a & b`` and ``~a`` combine in both forms, with
    `permission`, `role` and the other rules of this package as well. To it a token without its scope is a visitor.

    Attributes:
        model: whose rows.
    """

    def __init__(self, model: type[R], name: str, form: Form, view: Policy[R] | None = None) -> None:
        put = object.__setattr__  # A rule is frozen.
        put(self, "how", "leaf")
        put(self, "parts", ())
        put(self, "scheme", {})
        put(self, "model", model)
        put(self, "_name", name)
        put(self, "_form", form)
        put(self, "_view", view)
        put(self, "function", _judging(self, (), view))
        _known.add(self)

    model: type[R]
    _name: str
    _form: Form
    _view: Policy[R] | None

    @property
    def name(self) -> str:
        """As it was written, for people."""
        return self._name

    def __call__(self, who: object, row: R) -> bool:
        """Whether somebody may.

        Arguments:
            who: the request's `Identity`; or a user, in a task or a command; or None, a visitor.
            row: the row.

        Raises:
            LookupError: it asks for the roles of a user whose row is in no session.
        """
        return all(self._form.allows(side, row) for side in sides_of(identity_from(who)))

    def sql(self, who: object) -> ColumnElement[bool]:
        """The same for all rows at once, as a condition.

        Arguments:
            who: as in a call.

        Raises:
            SetupError: it has no form in SQL (``bad-policy``).
        """
        return and_(*(self._form.condition(side) for side in sides_of(identity_from(who))))

    def where(self, function: Where) -> Where:
        """Decorates its form in SQL: a function of the user that gives a condition.

        Raises:
            SetupError: it is combined of others, which have theirs.
        """
        if not isinstance(self._form, Leaf):
            raise bad(f"{self._name} is combined, and has the conditions of its parts.", where_of(function))
        self._form.where = function
        return function

    def on(self, *names: str, view: Policy[R] | None = None) -> Rule:
        """The rule for a row whose key stands in the path under another name: ``needs=can_edit.on("post_id")``.

        A row that is not there is a 404, and so is one that may not be seen; what may be seen, by `view`, and not
        touched is a 403. Without a `view` every refusal is a 404. The handler gets the row by its type: ``post: Post``.

        Arguments:
            names: the path's fields, in the order of the primary key; those of the model where left out.
            view: who may see the row; that of the policy where left out.
        """
        found = view or self._view
        return Rule(_judging(self, names, found))

    def check_agreement(self, db: AlchemySession, users: Iterable[object], rows: Sequence[R]) -> None:
        """For tests: both forms say the same of each user and each row, or it is told of which they do not.

        Arguments:
            db: a session; what it holds is flushed first.
            users: users, and None for a visitor.
            rows: rows that are in the database.

        Raises:
            AssertionError: the two forms differ.
        """
        db.flush()
        mapper: Any = inspect_mapped(self.model)
        mine = {tuple(mapper.primary_key_from_instance(row)): row for row in rows}
        keys = [getattr(self.model, mapper.get_property_by_column(column).key) for column in mapper.primary_key]
        wrong = []
        for user in users:
            asked = select(*keys).where(tuple_(*keys).in_([*mine]), self.sql(user))
            there = {tuple(found) for found in db.execute(asked)}
            wrong += [
                f"{user!r} and {row!r}: {self(user, row)} in Python, {value in there} in SQL"
                for value, row in mine.items()
                if self(user, row) is not (value in there)
            ]
        if wrong:
            raise AssertionError(f"The two forms of {self._name} differ:\n" + "\n".join(wrong))

    def __or__(self, other: Rule) -> Policy[R]:
        return self._with(other, "|", False)

    def __ror__(self, other: Rule) -> Policy[R]:
        return self._with(other, "|", True)

    def __and__(self, other: Rule) -> Policy[R]:
        return self._with(other, "&", False)

    def __rand__(self, other: Rule) -> Policy[R]:
        return self._with(other, "&", True)

    def __invert__(self) -> Policy[R]:
        return Policy(self.model, f"~{self._name}", Not(self._form), self._view)

    def _with(self, other: Rule, sign: str, turned: bool) -> Policy[R]:
        if isinstance(other, Policy):
            if other.model is not self.model:
                message = f"{self._name} is about {self.model.__name__}, and {other.name} about {other.model.__name__}."
                raise bad(message, outside())
            form: Form = other._form
        else:
            form = OfRule(other)
        forms, names = (self._form, form), (self._name, other.name)
        if turned:
            forms, names = forms[::-1], names[::-1]
        made = Both(forms, sign == "&")
        return Policy(self.model, f"({names[0]} {sign} {names[1]})", made, self._view)

    def __repr__(self) -> str:
        return f"<Policy {self._name} of {self.model.__name__}>"


_known: weakref.WeakSet[Policy[Any]] = weakref.WeakSet()


@overload
def policy(function: Callable[[Any, R], bool], /) -> Policy[R]: ...
@overload
def policy(*, view: Policy[R], scope: str = ...) -> Callable[[Callable[[Any, R], bool]], Policy[R]]: ...
@overload
def policy(*, scope: str) -> Callable[[Callable[[Any, R], bool]], Policy[R]]: ...
def policy(function: Any = None, *, view: Any = None, scope: str = EVERY) -> Any:
    """Make a rule over rows of a function of a user and a row that says yes or no.

    The user's type says whether visitors are asked about: ``User | None``; else they may nothing. Its form in SQL is a
    second function, and a test holds the two together: `Policy.check_agreement`.

    Arguments:
        function: ``def can_edit(user: User, post: Post) -> bool``.
        view: who may see the row: to them a refusal is a 403, to others the row is not there (404).
        scope: what a token has to carry, such as ``"posts.edit"``; left out, all that its owner may (``"*"``). It is no
            permission: whoever makes a token may give it this.

    Raises:
        SetupError: it is no such function (``bad-policy``).

    Example:
        >>> from sqlalchemy import Uuid
        >>> from wholestack.auth import UserMixin
        >>> from wholestack.db import UUIDModel, mapped_column
        >>> class Poet(UserMixin, UUIDModel): ...
        >>> class Poem(UUIDModel):
        ...     poet_id = mapped_column(Uuid())
        >>> @policy
        ... def can_edit(user: Poet, poem: Poem) -> bool:
        ...     return poem.poet_id == user.id
        >>> @can_edit.where
        ... def _(user: Poet) -> ColumnElement[bool]:
        ...     return Poem.poet_id == user.id
        >>> can_edit(None, Poem())
        False
    """
    frame = sys._getframe(1)
    names = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)

    def made(function: Callable[[Any, R], bool]) -> Policy[R]:
        user, model = _two_types(function, names)
        leaf = Leaf(function.__name__, function, type(None) in get_args(user), where_of(function), scope=scope)
        SCOPES.update({scope} - {EVERY})
        return Policy(model, function.__name__, leaf, view)

    return made if function is None else made(function)


def _two_types(function: Callable[..., Any], names: dict[str, Any]) -> tuple[Any, Any]:
    try:
        hints = hints_of(function, names)
    except (NameError, TypeError) as error:
        raise bad(f"A type hint cannot be read: {error}.", where_of(function)) from None
    given = [hints.get(name) for name in inspect.signature(function).parameters]
    if len(given) != 2 or inspect_mapped(given[1], raiseerr=False) is None or inspect.iscoroutinefunction(function):
        message = f"{function.__name__} takes not a user and the row of a model, or is `async def`."
        raise bad(message, where_of(function))
    return given[0], given[1]


# -- which row ---------------------------------------------------------------------------------------------------------


def _judging(policy: Policy[Any], names: tuple[str, ...], view: Policy[Any] | None) -> Callable[..., bool]:
    """A function under the calling convention that loads the row of a policy by the path, and judges."""
    mapper: Any = inspect_mapped(policy.model)
    keys = [mapper.get_property_by_column(column) for column in mapper.primary_key]
    names = names or tuple(each.key for each in keys)
    if len(names) != len(keys):
        raise bad(f"{policy.model.__name__} has {len(keys)} keys, and {', '.join(names)} is not as many.", outside())

    def judge(identity: Identity[Any], db: AlchemySession, request: Request, **key: Any) -> bool:
        if not policy._form.for_visitors:
            identity.required()
            policy._form.require_scope(identity)
        values = [key[name] for name in names]
        row = db.get(policy.model, tuple(values) if len(values) > 1 else values[0])
        if row is not None and policy(identity, row):
            judged = vars(request).setdefault(_ROWS, [])
            if all(each is not row for each in judged):  # Two rules may look at one row.
                judged.append(row)
            return True
        refused: HTTPError = NotFound(gettext("There is no such row, or it is not yours to see."))
        if row is not None and view is not None and view(identity, row):
            refused = Forbidden(f"The rule {policy.name!r} does not let this request pass.")
        refused.unjudged = row is not None and not identity.carries(
            EVERY
        )  # It may be the token, and not its owner, who may not.
        raise refused

    session: Any = Scoped[Session] if issubclass(policy.model, OfTenant) else Session
    takes: dict[str, Any] = {"identity": Identity[Any], "db": session, "request": Request}
    for name, each in zip(names, keys, strict=True):
        takes[name] = Annotated[each.columns[0].type.python_type, _OF_PATH]
    made: Any = judge
    made.__name__ = made.__qualname__ = policy.name
    made.__annotations__ = {**takes, "return": bool}
    made.__signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in takes.items()]
    )
    made.policy, made.asks_for_roles = policy, policy._form.asks_for_roles
    if not policy._form.for_visitors:
        made.proof = Proof(scopes=(policy._form.scope,) if isinstance(policy._form, Leaf) else ())
    return judge


class OfPath:
    """The kind of parameter that a policy's key is: one that the path lacks is a fault, never a query."""

    def matches(self, annotation: Any) -> bool:
        """Whether a parameter is a policy's key."""
        return get_origin(annotation) is Annotated and _OF_PATH in get_args(annotation)

    def reader(self, name: str, annotation: Any) -> Callable[[Request], Any]:
        """None: only the path has it.

        Raises:
            SetupError: always.
        """
        cure = f'Put {{{name}}} into the path, or name the field that has it: needs=….on("…_id")'
        raise bad(f"A policy looks for the key of its row, {name!r}, in a path that has it not.", "needs=", cure)


def row_providers() -> Iterable[Callable[[Request], Any]]:
    """What gives handlers the row that a policy let pass, by its type; one for each model with a policy."""
    for model in {each.model for each in _known}:

        def row(request: Request, model: type[Any] = model) -> Any:
            found = [each for each in vars(request).get(_ROWS, ()) if isinstance(each, model)]
            if len(found) != 1:
                message = f"{len(found)} rows of {model.__name__} were judged for this request, and one is asked for."
                raise bad(message, where_of(model), "needs=… with one policy of that model")
            return found[0]

        given: Any = row
        given.__annotations__ = {"request": Request, "return": model}
        given.__signature__ = inspect.Signature(
            [inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
        )
        yield row


def govern(
    router: CRUD[M],
    *,
    view: Policy[M],
    change: Policy[M] | None = None,
    delete: Policy[M] | None = None,
    create: Rule | None = None,
) -> CRUD[M]:
    """Let policies say what `crud` shows, changes and deletes: ``app.include(govern(crud(Post, "/posts"), view=…))``.

    Its list and its details have the rows of `view`; PUT and PATCH are for those of `change`, DELETE for those of
    `delete`. POST, where there is no row yet, is for whom `create` lets pass. Columns that say whose a row is are left
    out: ``crud(Post, without=("owner_id",))``. A handler of your own for an action is held to its rule, whether it is
    decorated before or afterwards, and so is a route of your own below a row by PUT, PATCH or DELETE
    (``@posts.patch("/{id}/title")``); by other methods it needs rules of its own. Which rows there are, `view` says
    alone.

    Arguments:
        router: what `crud` gave.
        view: who may see a row.
        change: who may change it; those who see it where left out.
        delete: who may delete it; those who may change it where left out.
        create: who may make one; who is logged in, where left out. Everybody may by ``create=public``.

    Raises:
        SetupError: a function says already which rows there are (``bad-crud``): let `view` say that, too; or the rows
            belong to tenants, and the session sees those of all (``bad-policy``).
    """
    if issubclass(router.model, OfTenant) and get_origin(router.session) is not Scoped:
        name = router.model.__name__
        message = f"The rows of {name} belong to tenants, and this API's session sees those of all."
        raise bad(message, outside(), f"crud({name}, session=Scoped[Session])")
    change = change or view

    def rows(identity: Identity[Any]) -> Any:
        return select(router.model).where(view.sql(identity))

    vars(rows)["filters"] = view  # For the table of who may reach what.
    router.rows(rows)
    router.guard("create", create or logged_in)
    router.guard("replace", change.on(view=view))
    router.guard("patch", change.on(view=view))
    router.guard("delete", (delete or change).on(view=view))
    return router
