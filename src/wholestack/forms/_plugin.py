"""The plugin: `FormView` as a kind of parameter, and the way from each form back to its page."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from markupsafe import Markup

from wholestack import App, Request, Response, Router
from wholestack.errors import Fault
from wholestack.handlers import hints_of
from wholestack.http import etag_of
from wholestack.routing import Route

from ._again import STATE, Again
from ._lost import lost_faults
from ._values import State
from ._view import FormView, address_of

_SCRIPT = "/-/forms.{version}.js"
_FOR_A_YEAR = "public, max-age=31536000, immutable"


class Forms:
    """Forms from types: a handler asks for a `FormView`. An app has it by itself where one does; by hand to say more.

    Arguments:
        messages: words for kinds of faults, in the place of those of `translated_fault`:
            ``{"missing": "Please fill this in."}``.

    Example:
        >>> app = App()
        >>> app.use(Forms(messages={"missing": "Please fill this in."}))
    """

    def __init__(self, messages: Mapping[str, str] | None = None) -> None:
        self.messages: Mapping[str, str] = dict(messages or {})

    def setup(self, app: App) -> None:
        """Let handlers ask for a `FormView`, and find the page of each form."""
        app.parameter(_Views(app, self.messages))
        body = _script()[0]

        @app.get(_SCRIPT, hidden=True, name="wholestack_forms")
        def wholestack_forms(version: str) -> Response:
            response = Response(body, media_type="text/javascript; charset=utf-8", headers={"etag": etag_of(body)})
            response.headers.set("cache-control", _FOR_A_YEAR if version == _script()[1] else "no-cache")
            return response


@functools.cache
def _script() -> tuple[bytes, str]:
    """Our script, and a version that changes with it."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "assets", "forms.js"), "rb") as file:
        body = file.read()
    return body, hashlib.sha256(body).hexdigest()[:12]


@functools.cache
def _script_path() -> str:
    return _SCRIPT.replace("{version}", _script()[1])


class _Reader:
    """Gives one handler its `FormView`."""

    def __init__(self, views: _Views, name: str, model: Any) -> None:
        self._views = views
        self.name = name
        self.model = model
        self.prefix = ""
        #: Where its form is sent, if that is one other address.
        self.target: Any = None
        #: Whether what its form is sent to shows it again.
        self.joined = False

    def __call__(self, request: Request) -> FormView[Any]:
        view: FormView[Any] = FormView(self.model, request)
        view.prefix = self.prefix
        view.csrf = self._views.csrf(request)
        view._script = _script_path()
        if self.target is not None:
            view.action = address_of(request, self.target.build(request.params))
        view._uploads = (view.action,) if self.joined else ()
        state = vars(request).get(STATE)
        if isinstance(state, State) and state.model == self.model:
            view._show(state, self._views.messages)
        return view


class _Views:
    """`FormView[…]` as a kind of parameter; see `App.parameter`."""

    def __init__(self, app: App, messages: Mapping[str, str]) -> None:
        self.app = app
        self.messages = messages

    def matches(self, annotation: Any) -> bool:
        """See `App.parameter`."""
        return get_origin(annotation) is FormView

    def reader(self, name: str, annotation: Any) -> _Reader:
        """See `App.parameter`."""
        return _Reader(self, name, get_args(annotation)[0])

    def csrf(self, request: Request) -> str | Markup:
        """The hidden field against forged requests, where a plugin has one."""
        helper = self._csrf
        return Markup() if helper is None else _field(helper(request))

    @functools.cached_property
    def _csrf(self) -> Any:
        """The helper of the first plugin that has it; by the first request all of them are there."""
        for plugin in self.app.plugins:
            for place in ("template_helpers", "helpers"):
                helpers: Any = getattr(plugin, place, None)
                if isinstance(helpers, Mapping) and "csrf" in helpers:
                    return helpers["csrf"]
        return None

    def settled(self, placed: list[Any]) -> Iterable[Fault]:
        """Called when every route has its place: join each form and its page; gives what is wrong."""
        faults: list[Fault] = []
        targets: dict[int, list[Any]] = {}
        shown: list[Any] = []
        for each in placed:
            readers = _readers(each)
            for reader in readers:
                reader.prefix = f"{reader.name}-" if len(readers) > 1 else ""
                if reader.model not in shown:
                    shown.append(reader.model)
                    faults += lost_faults(reader.model, each.route.where)
            for model in _models(each):
                page = self._page_for(each, model, placed, faults)
                if page is not None:
                    self._join(each, page, model)
                    for reader in (reader for reader in _readers(page) if reader.model == model):
                        reader.joined = True
                        targets.setdefault(id(reader), []).append((reader, each, page))
        for found in targets.values():
            reader, form, page = found[0]
            if len(found) == 1 and form.template.plain != page.template.plain:
                reader.target = form.template
        return faults

    def _page_for(self, form: Any, model: Any, placed: list[Any], faults: list[Fault]) -> Any:
        """The route that shows a form, or None; what `again=` names must be able to."""
        again = form.route.options.get("again")
        if again is None:
            for each in placed:
                same = each.template.plain == form.template.plain and each.around.host == form.around.host
                if same and "GET" in each.route.methods and any(reader.model == model for reader in _readers(each)):
                    return each
            return None
        name = getattr(again, "__name__", repr(again))
        found = [each for each in placed if each.route.handler is again and "GET" in each.route.methods]
        if not found:
            message, cure = f"again={name} is no handler of GET in this app.", f'@app.get("…") above {name}'
        elif not any(reader.model == model for reader in _readers(found[0])):
            kind = getattr(model, "__name__", str(model))
            message, cure = f"again={name} does not show this form.", f"def {name}(form: FormView[{kind}]) -> Page"
        else:
            # A router may be included twice: the page beside the form is meant.
            page = max(found, key=lambda each: _alike(each.template.plain, form.template.plain))
            lacking = sorted({*page.template.names} - {*form.template.names})
            if not lacking:
                return page
            message = f"again={name} needs {lacking[0]!r} from its path, which {form.template.plain} does not have."
            cure = "Give the form's path the same field, or take it from the query."
        faults.append(Fault("no-form-page", message, form.route.where, cure))
        return None

    def _join(self, form: Any, page: Any, model: Any) -> None:
        # What stands around the form stands around its page already, but what it says of a page it says of this one.
        around = form.around.middleware
        own = [each for each in page.around.middleware if each not in around or getattr(each, "of_page", False)]
        found = [_for_route(each, page.route) for each in own]
        plan = dataclasses.replace(page.plan, middleware=tuple(filter(None, found)), etag=False)

        def path(request: Request) -> str:
            return str(page.template.build({name: request.params[name] for name in page.template.names}))

        # What the page's providers have begun ends with the form's request, and may wait there.
        form.plan.driven = form.plan.driven or (form.plan.colour == "async" and (plan.driven or _may_wait(plan)))
        Again(self.app, model, form.plan, plan, path).install()


def _may_wait(plan: Any) -> bool:
    """Whether something in a plan that runs in a thread may wait there: it says so nowhere."""
    return plan.colour == "def" and bool(plan.steps)


def _field(found: Any) -> str | Markup:
    """HTML as it is; of a function what it gives; a text, which is escaped where it is shown."""
    if hasattr(found, "__html__"):
        return Markup(found.__html__())  # noqa: S704  (it says so itself)
    return _field(found()) if callable(found) else str(found)


def _alike(one: str, other: str) -> int:
    """How many segments two paths begin with alike."""
    pairs = list(zip(one.split("/"), other.split("/"), strict=False))
    return next((index for index, (a, b) in enumerate(pairs) if a != b), len(pairs))


def _for_route(middleware: Any, route: Route) -> Any:
    for_route = getattr(middleware, "for_route", None)
    return middleware if for_route is None else for_route(route)


def _readers(placed: Any) -> list[_Reader]:
    return [read for _, read in placed.plan.handler.own if isinstance(read, _Reader)]


def _models(placed: Any) -> Iterator[Any]:
    """The models of the whole forms that a route reads; a page of its own can show one only."""
    forms = [each for each in placed.plan.parameters.values() if each.place == "form" and each.whole]
    for each in forms[:1]:
        yield get_args(each.type)[0] if hasattr(each.type, "__metadata__") else each.type


def by_itself(app: App) -> list[Forms]:
    """The plugin, where a function of the app asks for a `FormView` or names a form's page, and nobody has used one.

    Example:
        >>> app = App()
        >>> by_itself(app)
        []
    """
    used = any(isinstance(each, Forms) for each in app.plugins)
    return [Forms()] if not used and any(_asks(route) for route in _routes(app)) else []


def _routes(app: App) -> Iterator[Route]:
    waiting: list[Router] = [app]
    seen: set[int] = set()
    while waiting:
        router = waiting.pop()
        if id(router) not in seen:
            seen.add(id(router))
            yield from router.routes
            waiting += [each.router for each in router.inclusions]


def _asks(route: Route) -> bool:
    if "again" in route.options:
        return True
    try:
        hints = hints_of(route.handler, route.names)
    except (NameError, TypeError, AttributeError):
        return True  # Sealing says what is wrong with it; a plugin too many changes nothing.
    return any(get_origin(hint) is FormView for hint in hints.values() if not inspect.isfunction(hint))
