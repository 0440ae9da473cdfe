"""`crud(Model)`: a router with all that a client does with the rows of a table."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args, get_origin, overload

import pydantic
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from typing_extensions import Unpack

from wholestack import NotFound, Router, Rule
from wholestack.db import ConstraintFailed, Duplicate, Session, Stale
from wholestack.errors import PreconditionFailed
from wholestack.handlers import hints_of, is_response, rules_of
from wholestack.routing import Provision, Route, RouteOptions, where_of

from ._actions import Actions
from ._columns import mapper_of
from ._cursor import BadCursor
from ._faults import bad_crud, outside
from ._found import words_of
from ._listing import Listing, ListingOptions, listing
from ._page import Page
from ._schema import schema

M = TypeVar("M")
Handler = TypeVar("Handler", bound=Callable[..., Any])
Put = Callable[[Callable[..., Any], RouteOptions, str, Mapping[str, Any]], None]

Action = Literal["list", "detail", "create", "replace", "patch", "delete"]
ACTIONS: tuple[str, ...] = get_args(Action)

_METHODS: Mapping[str, str] = {
    "list": "GET",
    "detail": "GET",
    "create": "POST",
    "replace": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
_GROUPS: Mapping[str, tuple[str, ...]] = {"read": ("list", "detail"), "write": ("create", "replace", "patch", "delete")}
_SUMMARIES: Mapping[str, str] = {
    "list": "A page of {} records",
    "detail": "One {} record",
    "create": "Make a {} record",
    "replace": "Replace a {} record",
    "patch": "Change a {} record",
    "delete": "Delete a {} record",
}


class Versioned:
    """Mixed into a model: a number that every change raises, so that nobody overwrites what they have not seen.

    SQLAlchemy checks it in each ``UPDATE`` and ``DELETE``; `crud` makes the entity tag of it, and ``If-Match`` a 412.
    It holds beside what the model says in a `__mapper_args__` of its own.

    Raises:
        SetupError: the model would have no version (``bad-crud``): `Versioned` stands behind the model's base, where
            the model's own `__mapper_args__` hides it, or the model is a concrete one that gives itself none.

    Example:
        >>> from wholestack.db import Model
        >>> class Contract(Versioned, Model):
        ...     text: Mapped[str]
        >>> Contract.__mapper__.version_id_col.name
        'version_id'
    """

    version_id: Mapped[int] = mapped_column(sort_order=110)

    if not TYPE_CHECKING:  # A type checker sees SQLAlchemy's plain name, so that a model may say its own.

        @declared_attr.directive
        def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805  (SQLAlchemy's way: a class is asked)
            return {"version_id_col": cls.version_id}

    def __init_subclass__(cls, **arguments: Any) -> None:
        _keep_version(cls)
        super().__init_subclass__(**arguments)  # Where it stands before the model's base, SQLAlchemy maps it here.
        mapper = vars(cls).get("__mapper__")
        if mapper is None:
            return
        if mapper.version_id_col is None:
            message = f"{cls.__name__} has no version: its __mapper_args__ leaves no room for that of Versioned."
            raise bad_crud(message, f"Name Versioned first: class {cls.__name__}(Versioned, …).")
        if mapper.version_id_col.table not in mapper.tables:  # It is concrete: nothing comes down from its parent.
            message = f"{cls.__name__} has no version: its table has none of the columns of its parent's."
            raise bad_crud(message, "Give it one: version_id: Mapped[int], and version_id_col in its __mapper_args__.")


def _keep_version(model: Any) -> None:
    """Let what a model says of its mapping, or a class mixed into it, stand beside its version."""
    place = "__mapper_args__"
    owner = next(each for each in model.__mro__ if place in vars(each))
    # A parent that is mapped hands its version down, and what a parent said was kept where that was made.
    is_handed_down = any("__mapper__" in vars(each) for each in model.__mro__)
    if is_handed_down or (owner is not model and issubclass(owner, Versioned)):
        return
    said = vars(owner)[place]

    def __mapper_args__(cls: Any) -> dict[str, Any]:  # noqa: N807  (SQLAlchemy asks what it is called)
        own = said.__get__(None, cls) if hasattr(said, "__get__") else said
        return {"version_id_col": cls.version_id, **own}

    setattr(model, place, declared_attr.directive(__mapper_args__))


class CRUDOptions(ListingOptions, total=False):
    """What `crud` may be told, beside what its list may be asked for (`ListingOptions`, or a `listing` of its own).

    `actions` are those that there are (all six); `shows` is the schema of answers, `new` that of what is sent (its
    fields, none required, are what PATCH takes); where they are made of the model, `without` leaves columns out of both
    and `also` takes relations and hidden columns in. `needs` are rules for all actions, or a dict of them by action
    (``"read"`` and ``"write"`` stand for theirs). `session` is the type of the session, for a second database.
    """

    actions: Collection[Action]
    shows: type[pydantic.BaseModel]
    new: type[pydantic.BaseModel]
    listing: type[Listing]
    without: Collection[str]
    also: Collection[str]
    needs: object
    session: Any
    tags: Collection[str]


class CRUD(Router, Generic[M]):
    """A router with the actions of one model; what `crud` gives.

    Attributes:
        model: the database model.
        shows: the schema of its answers.
        new: the schema of what a client sends.
        asked: the query of the list.
        session: the type of the session that its handlers ask for.
        list: decorates a handler of your own for the list.
        detail: the same for one row.
        create: the same for a new row.
        replace: the same for PUT; `patch` and `delete` are those for the other two.

    Example:
        >>> from wholestack.crud import Schema
        >>> from wholestack.db import Model
        >>> class Bike(Model):
        ...     colour: Mapped[str]
        >>> class NewBike(Schema, of=Bike, new=True): ...
        >>> bikes = crud(Bike, "/bikes", new=NewBike)
        >>> @bikes.create
        ... def add_bike(new: NewBike, db: Session) -> Bike:
        ...     bike = Bike(colour=new.colour.lower())
        ...     db.add(bike)
        ...     return bike
        >>> [route.handler.__name__ for route in bikes.routes if route.methods == ("POST",)]
        ['add_bike']
    """

    def __init__(self, model: type[M], path: str | None = None, **options: Unpack[CRUDOptions]) -> None:
        table: Any = mapper_of(model).local_table
        needs: Any = options.get("needs", ())
        apart = isinstance(needs, Mapping)
        prefix = f"/{table.name.replace('_', '-')}" if path is None else path
        super().__init__(
            prefix.rstrip("/"), tags=[*options.get("tags", (model.__name__,))], needs=() if apart else needs
        )
        self.model = model
        chosen: Any = {name: options.get(name, ()) for name in ("without", "also")}
        self.shows: type[pydantic.BaseModel] = options.get("shows") or schema(model, **chosen)
        self.new: type[pydantic.BaseModel] = options.get("new") or schema(model, new=True, **chosen)
        lists: Any = {name: options[name] for name in ListingOptions.__annotations__ if name in options}  # type: ignore[literal-required]
        self.asked: type[Listing] = options.get("listing") or listing(model, **lists)
        self.session: Any = options.get("session", Session)
        self._actions = Actions(model, self.shows, self.new, self.asked, self.session)
        self._needs = _apart(needs) if apart else {}
        self._guards: dict[str, tuple[Rule, ...]] = {}
        self._rows_said = ""
        self._where = outside()
        for action in _known(options.get("actions", ACTIONS)):
            self._put(action, self._actions.handler(action), {}, self._where, {})
        self._select(self._actions.rows, {})
        self.list: Override = Override(functools.partial(self._put, "list"))
        self.detail: Override = Override(functools.partial(self._put, "detail"))
        self.create: Override = Override(functools.partial(self._put, "create"))
        self.replace: Override = Override(functools.partial(self._put, "replace"))

    @overload
    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]: ...
    @overload
    def patch(self, path: Handler) -> Handler: ...
    @overload
    def patch(self, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]: ...
    def patch(self, path: Any = None, **options: Unpack[RouteOptions]) -> Any:
        """Decorate a handler of your own for PATCH with it; with a path it is the router's, for another route."""
        if isinstance(path, str):
            return self._adds(("PATCH",), path, options, _names())
        return _decorated(functools.partial(self._put, "patch"), path, options, _names())

    @overload
    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]: ...
    @overload
    def delete(self, path: Handler) -> Handler: ...
    @overload
    def delete(self, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]: ...
    def delete(self, path: Any = None, **options: Unpack[RouteOptions]) -> Any:
        """Decorate a handler of your own for DELETE with it; with a path it is the router's, for another route."""
        if isinstance(path, str):
            return self._adds(("DELETE",), path, options, _names())
        return _decorated(functools.partial(self._put, "delete"), path, options, _names())

    def rows(self, function: Handler) -> Handler:
        """Let a function say which rows there are for a request, as a select of the model: those of the user, say.

        It is called by the one calling convention; a row that it does not give is a 404 for every action.

        Raises:
            SetupError: another function says so already (``bad-crud``): it would be forgotten, and what it keeps back.
        """
        self._collecting()
        if self._rows_said:
            cure = "Write one function with the conditions of both: select(…).where(these, those)"
            raise bad_crud(f"Which rows there are is said already, at {self._rows_said}.", cure)
        self._rows_said = where_of(function)
        self._select(function, _names())
        return function

    def guard(self, action: Action, *rules: Rule) -> None:
        """Let an action pass by further rules, whatever else it needs, and whoever its handler is or will be.

        An action that there is not stays none; a handler that is decorated with it later is held to them as well, and
        so are routes of your own below a row, by the same method, such as ``@notes.patch("/{id}/title")``.

        Arguments:
            action: which.
            rules: what it needs, too.

        Raises:
            SetupError: there is no such action (``bad-crud``).

        Example:
            >>> from wholestack import rule
            >>> from wholestack.db import Model
            >>> class Kite(Model):
            ...     colour: Mapped[str]
            >>> @rule
            ... def is_windy() -> bool:
            ...     return True
            >>> kites = crud(Kite, "/kites")
            >>> kites.guard("create", is_windy)
            >>> [len(route.options["needs"]) for route in kites.routes if route.methods == ("POST",)]
            [1]
        """
        self._collecting()
        _known((action,))
        self._guards[action] = (*self._guards.get(action, ()), *rules)
        for number, route in enumerate(self.routes):
            if self._is_about(action, route.methods, route.path):
                self.routes[number] = dataclasses.replace(route, options=_held(route.options, rules))

    def _is_about(self, action: str, methods: Collection[str], path: str) -> bool:
        """Whether a route is an action's, or one of the app's own that does the like below a row."""
        placed = self._path(action)
        return _METHODS[action] in methods and (path == placed or (placed != "" and path.startswith(f"{placed}/")))

    def _adds(
        self, methods: tuple[str, ...], path: str, options: RouteOptions, names: Mapping[str, Any]
    ) -> Callable[[Handler], Handler]:
        about = [each for each in self._guards if self._is_about(each, methods, path)]
        rules = [rule for each in about for rule in self._guards[each]]
        return super()._adds(methods, path, _held(options, rules), names)

    def _route(self, action: str) -> Route | None:
        """The route of an action; None where it has none."""
        placed = ((_METHODS[action],), self._path(action))
        return next((each for each in self.routes if (each.methods, each.path) == placed), None)

    def _path(self, action: str) -> str:
        return "" if action in {"list", "create"} else self._actions.path

    def _select(self, function: Callable[..., Any], names: Mapping[str, Any]) -> None:
        key = self._actions.rows_key
        self.provisions: list[Provision] = [each for each in self.provisions if each.key is not key]
        self.provisions.append(Provision(function, "request", False, where_of(function), names, key))

    def _put(
        self, action: str, handler: Callable[..., Any], options: RouteOptions, where: str, names: Mapping[str, Any]
    ) -> None:
        """Let a function be the handler of an action, in the place of the one that is there."""
        self._collecting()
        said = self._options(action)
        if not self._shows(handler, names):
            del said["returns"]
        chosen: RouteOptions = _held({**said, **options}, self._guards.get(action, ()))
        before = self._route(action)
        if before is not None:
            self.routes.remove(before)
        self.routes.append(Route((_METHODS[action],), self._path(action), handler, chosen, where, names))

    def _shows(self, handler: Callable[..., Any], names: Mapping[str, Any]) -> bool:
        """Whether a handler gives rows, which the schema shows, and not what its own annotation says."""
        try:
            returns = hints_of(handler, names).get("return", Any)
        except (NameError, TypeError, AttributeError):
            return True  # Sealing names the fault.
        return returns in {Any, self.model} or get_origin(returns) is Page or is_response(returns)

    def _options(self, action: str) -> RouteOptions:
        """What an action's route says, whoever its handler is."""
        errors: tuple[type[Exception], ...] = () if action in {"list", "create"} else (NotFound,)
        if action in _GROUPS["write"]:
            errors += (Duplicate, ConstraintFailed)
            if action != "create":
                errors += (PreconditionFailed, Stale) if self._actions.version is not None else (PreconditionFailed,)
        page: Any = Page
        options: RouteOptions = {
            "returns": page[self.shows] if action == "list" else self.shows,
            "summary": _SUMMARIES[action].format(words_of(self.model)),
            "errors": (BadCursor,) if action == "list" and "cursor" in self.asked.model_fields else errors,
        }
        if action == "delete":
            options["returns"] = None
        if action == "create":
            options["status"] = 201
        if action in self._needs:
            options["needs"] = self._needs[action]
        return options


def _held(options: RouteOptions, rules: Collection[Rule]) -> RouteOptions:
    """The options of a route that needs some rules, too."""
    return {**options, "needs": (*rules_of(options.get("needs")), *rules)} if rules else options


def crud(model: type[M], path: str | None = None, **options: Unpack[CRUDOptions]) -> CRUD[M]:
    """A router that lists, shows, makes, replaces, changes and deletes the rows of a model, for `app.include`.

    Arguments:
        model: a class of `wholestack.db`.
        path: where its rows are; the table's name where it is left out.
        options: see `CRUDOptions`.

    A model with a version (`Versioned`, or SQLAlchemy's `version_id_col`) has entity tags: a change with an
    ``If-Match`` that is out of date is a 412.

    Raises:
        SetupError: a name that the model does not have, a schema that does not fit, an action that there is not.

    Example:
        >>> from wholestack import App
        >>> from wholestack.db import Model
        >>> class Lamp(Model):
        ...     watts: Mapped[int]
        >>> app = App()
        >>> app.include(crud(Lamp, "/lamps", filters=("watts",), orders=("-id", "watts")))
    """
    return CRUD(model, path, **options)


class Override:
    """Decorates an action's handler: ``@notes.create``, or with a route's options ``@notes.create(status=202)``."""

    def __init__(self, put: Put) -> None:
        self._put = put

    @overload
    def __call__(self, handler: Handler) -> Handler: ...
    @overload
    def __call__(self, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]: ...
    def __call__(self, handler: Any = None, **options: Unpack[RouteOptions]) -> Any:
        return _decorated(self._put, handler, options, _names())


def _decorated(put: Put, handler: Any, options: RouteOptions, names: Mapping[str, Any]) -> Any:
    def add(decorated: Handler) -> Handler:
        put(decorated, options, where_of(decorated), names)
        return decorated

    return add if handler is None else add(handler)


def _names() -> Mapping[str, Any]:
    """The local names where a method of ours was called, which the hints of a function inside a function need."""
    frame = sys._getframe(2)
    return {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)


def _known(actions: Collection[str]) -> Collection[str]:
    unknown = [each for each in actions if each not in ACTIONS]
    if unknown:
        raise bad_crud(f"There is no action {unknown[0]!r}.", f"There are {', '.join(ACTIONS)}.")
    return actions


def _apart(needs: Mapping[str, object]) -> dict[str, object]:
    """The rules of each action; those of a group hold where the action has none of its own."""
    grouped = {action: needs[group] for group, actions in _GROUPS.items() if group in needs for action in actions}
    own = {name: rules for name, rules in needs.items() if name not in _GROUPS}
    _known(own)
    return {**grouped, **own}
