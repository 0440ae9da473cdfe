"""The plugin: pages as a kind of answer, the app's own error pages, and what `wholestack check` looks at."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jinja2

from wholestack import App, HTTPError, Request, Response
from wholestack.errors import InternalError, ServiceUnavailable
from wholestack.handlers import note_unhandled

from ._check import ERROR_PAGES, faults, may_ask
from ._engine import Engine, Helper, environment
from ._error_page import shown
from ._page import Page
from ._style import PAGES, style_sheet, style_url
from ._wanted import folders, has_pages, is_page

_HTMX = ("hx-request", "hx-history-restore-request", "hx-boosted")
_log = logging.getLogger("wholestack")


class Templates:
    """Pages from templates. An app has it by itself where a handler answers with a `Page`; by hand to say more.

    Arguments:
        extra: more folders, looked at after `templates` beside the app's file and beside each module's. A name that is
            not absolute is below the folder of the file that writes it.

    Attributes:
        environment: Jinja2's own; give it filters, tests, globals and extensions.
        helpers: name → a function of the request: a name for every template, made when a page first uses it.

    Example:
        >>> app = App()
        >>> templates = Templates()
        >>> templates.environment.filters["money"] = lambda cents: f"{cents / 100:.2f}"
        >>> templates.helpers["shop"] = lambda request: "The shop"
        >>> app.use(templates)
    """

    #: Tells what guards pages to come by itself, where the app has not said how.
    shows_pages: bool = True

    def __init__(self, *extra: str) -> None:
        caller = inspect.currentframe()
        beside = os.path.dirname(os.path.abspath(caller.f_back.f_code.co_filename)) if caller and caller.f_back else ""
        self._extra = [os.path.join(beside, each) for each in extra]
        self.environment: jinja2.Environment = environment()
        self.helpers: dict[str, Helper] = {}
        self._pages: Pages | None = None

    @property
    def engine(self) -> Engine:
        """What finds and renders the templates of the app that was sealed last."""
        if self._pages is not None:
            return self._pages.engine
        return Engine(self._extra, self.environment, last=[PAGES])

    def setup(self, app: App) -> None:
        """Let handlers answer with a `Page`."""
        pages = self._pages = Pages(app, self._made)
        app.answer(pages)
        style_sheet().serve(app)
        shows_errors = HTTPError not in app.error_handlers
        app.check(lambda: faults(app, pages.engine, shows_errors=shows_errors))
        if shows_errors:
            app.on_error(HTTPError)(_error_page(pages))
        if Exception not in app.error_handlers and not _in_development():  # There the page for developers is shown.
            app.on_error(Exception)(_failure_page(pages))

    def _made(self, app: App) -> Engine:
        places = [*folders(app), *self._extra]
        theirs = [each for plugin in app.plugins for each in getattr(plugin, "template_folders", ())]
        engine = Engine(places, self.environment, reload=_in_development(), last=[*theirs, PAGES])
        engine.helpers["url_for"] = functools.partial(_linker, app)
        engine.helpers["style"] = style_url
        engine.helpers["start_page"] = functools.partial(_start_page, app)
        for plugin in app.plugins:  # Any of them may bring names for templates: `static` comes so.
            engine.helpers.update(getattr(plugin, "template_helpers", {}))
            engine.checks.update(getattr(plugin, "template_checks", {}))
            for extension in getattr(plugin, "template_extensions", ()):
                engine.environment.add_extension(extension)
        engine.helpers.update(self.helpers)
        return engine


class Pages:
    """`Page` as a kind of answer; see `App.answer`."""

    def __init__(self, app: App, make: Callable[[App], Engine]) -> None:
        self._app = app
        self._make = make
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._asks: dict[str, frozenset[str]] = {}

    @property
    def engine(self) -> Engine:
        """Made when it is first asked for: by then every plugin has added what has templates."""
        with self._lock:
            if self._engine is None:
                self._engine = self._make(self._app)
            return self._engine

    def needs(self, returns: Any) -> tuple[Any, ...]:
        """The types that helpers of a page's templates ask for: providers of theirs are part of its plan."""
        return self._needed if is_page(returns) else ()

    @property
    def waits(self) -> bool:
        """Whether a page, also one for an error, may have to wait for what its helpers show."""
        return bool(self._needed)

    @property
    def _needed(self) -> tuple[Any, ...]:
        found = [each for plugin in self._app.plugins for each in getattr(plugin, "template_needs", ())]
        return tuple(dict.fromkeys(found))

    def matches(self, annotation: Any) -> bool:
        """No annotation: a `Page` is told by what was returned, as every `Response` is."""
        return False

    def build(self, response: Response, request: Request) -> None:
        """Render a page where its handler has returned it; other answers are what they are."""
        if not isinstance(response, Page):
            return
        if response.status < 400:
            self._render(response, request)
            return
        with shown(request, response.status):
            self._render(response, request)

    def _render(self, page: Page, request: Request) -> None:
        block = page.block
        if page.fragment is not None:
            for name in _HTMX:
                page.headers.vary(name)
            # A page that htmx takes from its history, or follows a link to, is wanted whole.
            asked, *whole = (name in request.headers for name in _HTMX)
            if asked and not any(whole):
                block = page.fragment
        if page.streamed and block is None:
            page.body, page.stream = b"", self.engine.stream(page.template, page.context, request)
            page.asks = self._asks_of(page.template).difference(page.context)
        else:
            text = self.engine.render(page.template, page.context, block=block, request=request)
            page.body = text.encode("utf-8", "replace")
        for told in self._told:
            told(page, request)

    def _asks_of(self, template: str) -> frozenset[str]:
        found = self._asks.get(template)
        if found is None or self.engine.environment.auto_reload:
            found = self._asks[template] = may_ask(self.engine, template)
        return found

    @functools.cached_property
    def _told(self) -> tuple[Callable[[Page, Request], None], ...]:
        """Those of plugins that have to do with what a page holds: it is rendered, or is about to be streamed."""
        plugins: list[Any] = self._app.plugins
        return tuple(each.page_rendered for each in plugins if hasattr(each, "page_rendered"))


def _linker(app: App, request: Request) -> Callable[..., str]:
    """`url_for` of templates: the path of a handler by its name, below where the app is mounted."""

    def url_for(handler: str, **values: Any) -> str:
        return quote(request.root_path) + app.url_for(handler, **values)

    return url_for


def _start_page(app: App, request: Request) -> str | None:
    """`start_page` of templates: where the app is mounted, if it has a page there."""
    table, _ = app.seal().match("/")
    return f"{quote(request.root_path)}/" if "GET" in table else None


def _error_page(pages: Pages) -> Callable[..., Page]:
    """The handler of errors for browsers: `404.html` for a 404, `error.html` for those without one of their own, ours
    where the app has neither.
    """

    def show_error(error: HTTPError, request: Request) -> Page:
        name = _name_for(pages, error.status, request)
        is_crowd = isinstance(error, ServiceUnavailable) and error.crowd
        if name is None or (is_crowd and name == ERROR_PAGES[-1]):
            raise error  # Its own answer: the problem, or the plain page, which costs a tenth of a template.
        page = Page(name, status=error.status, error=error)
        for field, value in error.headers.items():
            page.headers.set(field, value)
        page.headers.vary("accept")
        return page

    vars(show_error)["for_pages"] = True
    return show_error


def _failure_page(pages: Pages) -> Callable[..., Page]:
    """The handler of errors that nobody expected: the log has the error, the page says nothing of it."""

    def show_failure(error: Exception, request: Request) -> Page:
        name = _name_for(pages, 500, request)
        if name is None:
            raise error
        _log.error("unhandled error", exc_info=error, extra={"request_id": request.id})
        note_unhandled(error)
        page = Page(name, status=500, error=InternalError("The server met an error. The log has it."))
        page.headers.vary("accept")
        return page

    vars(show_failure)["for_pages"] = True
    return show_failure


def _name_for(pages: Pages, status: int, request: Request) -> str | None:
    names = (f"{status}.html", *ERROR_PAGES) if request.wants_html else ()
    return next((each for each in names if pages.engine.has(each)), None)


def by_itself(app: App) -> list[Templates]:
    """The plugin, where a function of the app says that it answers with a `Page` and nobody has used one."""
    return [Templates()] if not any(isinstance(each, Templates) for each in app.plugins) and has_pages(app) else []


def _in_development() -> bool:
    return os.environ.get("WHOLESTACK_STAGE") == "development"
