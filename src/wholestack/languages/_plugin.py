"""The plugin: which languages an app speaks, and which of them a request gets."""

from __future__ import annotations

import datetime
import gettext
import inspect
import os
import sys
import types
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from wholestack import App, Form, Redirect, Request, Response, SetupError
from wholestack.errors import Fault, FieldFault, ValidationFailed
from wholestack.http import safe_redirect
from wholestack.servers import Find

from ._catalogues import Catalogues
from ._commands import commands
from ._current import SPOKEN, Fixed, current_language, current_timezone, set_up
from ._faults import translated_fault
from ._problems import SpokenErrors
from ._spoken import LANGUAGE_COOKIE, PREFIX, TIMEZONE_COOKIE, Asked, zone_of
from ._tags import Language, is_tag

_A_YEAR = 365 * 24 * 60 * 60
_INSIDE_GUARDS = 6  # The place of the app's own middleware, before which guards put theirs.


class Languages:
    """The languages of an app: texts from catalogues, dates and numbers as a language writes them.

    A request's language is, in this order: the one that its path or its query names, where the app says so; that of the
    cookie `language`; what `Accept-Language` likes best; the first of the app's. Handlers ask for it by the type
    `Language`, and for the time zone by `datetime.tzinfo`.

    Arguments:
        tags: the languages (BCP 47); the first is that of whom nothing is known.
        folder: where the catalogues lie, ``<folder>/de/LC_MESSAGES/messages.po`` (or ``.mo``); a name that is not
            absolute is beside the file that writes it.
        timezone: that of requests without a cookie `timezone`, by its name in the time zone database.
        source: the language of the texts in the source, which needs no catalogue.
        prefix: whether ``/de/notes`` is ``/notes`` in German.
        parameter: a name in the query that may name a language, as ``"lang"`` does for ``?lang=de``.
        at: the path that takes the choice of a language (``POST``), None for none.

    Raises:
        SetupError: no languages, one that is no tag, or a time zone that is none.

    Example:
        >>> app = App()
        >>> app.use(Languages("en", "de", "ar", timezone="Europe/Berlin"))
    """

    def __init__(
        self,
        *tags: str,
        folder: str = "locale",
        timezone: str = "UTC",
        source: str = "en",
        prefix: bool = False,
        parameter: str | None = None,
        at: str | None = "/language",
    ) -> None:
        caller = inspect.currentframe()
        beside = os.path.dirname(os.path.abspath(caller.f_back.f_code.co_filename)) if caller and caller.f_back else ""
        self.where: str = _outside()
        wrong = next((each for each in (*tags, source) if not is_tag(each)), None)
        if wrong is not None:
            cure = "Write tags such as de, pt-BR or zh-Hant (BCP 47)."
            raise _bad(f"Languages(…) names {wrong!r}, which is no tag of a language.", cure, self.where)
        if not tags or len({each.lower() for each in tags}) < len(tags):
            raise _bad("Languages(…) names no language, or one twice.", 'Languages("en", "de")', self.where)
        zone = zone_of(timezone)
        if zone is None:
            cure = "Take a name such as Europe/Berlin; where a system has none, install tzdata."
            raise _bad(f"Languages(timezone={timezone!r}) names no time zone of this system.", cure, self.where)
        self.tags: tuple[str, ...] = tags
        self.source = source
        self.zone: datetime.tzinfo = zone
        self.prefix = prefix
        self.parameter = parameter
        self.at = at
        self.catalogues: Catalogues = Catalogues(os.path.join(beside, folder))

    @property
    def default(self) -> Language:
        """The language of whom nothing is known."""
        return Language(self.tags[0])

    def texts_of(self, tag: str) -> gettext.NullTranslations:
        """The catalogue of a language, with our own texts behind it.

        Raises:
            SetupError: it is broken.
        """
        return self.catalogues.of(tag)

    def spoken(self) -> Fixed:
        """What is spoken where there is no request: the default language and time zone."""
        return Fixed(self.default, self.texts_of(self.tags[0]), self.zone, speaker=self)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get by this plugin: `language`, and the `languages` that there are."""
        return {
            "language": lambda request: current_language(),
            "languages": lambda request: [Language(each) for each in self.tags],
        }

    @property
    def template_extensions(self) -> list[type]:
        """Jinja2's extension for `{% trans %}`, with `_`, `gettext` and the formats."""
        from ._jinja import Translations

        return [Translations]

    def setup(self, app: App) -> None:
        """Read the catalogues, and speak to each request in its language."""
        self.catalogues = Catalogues(self.catalogues.folder, reload=_in_development())
        faults = [fault for tag in self.tags for fault in self._broken(tag)]
        if faults:
            raise SetupError(faults)
        set_up(self)
        app.errors = SpokenErrors(app.errors)
        app.provide(_language)
        app.provide(_timezone)
        app.check(self._faults)
        middleware = self._speaking()
        # Further out than the app's own, which may speak too; further in than guards, wherever those are put.
        vars(middleware)["wholestack_rank"] = _INSIDE_GUARDS
        there = app.middlewares
        at = next((index for index, each in enumerate(there) if not _is_guard(each)), len(there))
        there.insert(at, middleware)
        if self.prefix:
            app.finders.append(self._finding)
        if self.at is not None:
            self._take_choices(app, self.at)
        for command in commands(app, self.catalogues, self.tags, self.source):
            app.command(command)

    def _speaking(self) -> Callable[[Request], Generator[None, Response, Response]]:
        def speaking(request: Request) -> Generator[None, Response, Response]:
            asked = vars(request)[SPOKEN] = Asked(self, request)
            response = yield
            if response.stream is not None and (response.media_type or "").startswith("text/html"):
                _ = asked.language  # It is yet to be rendered; what it says then comes too late for its head.
            asked.tell(response)
            return response

        return speaking

    def _finding(self, find: Find, missing: object) -> Find:
        """A path that begins with a language is the path after it, of an app that is mounted there."""
        tags = frozenset(self.tags)

        def find_in_language(request: Request, path: str) -> Any:
            tag, slash, rest = path[1:].partition("/")
            if tag not in tags or PREFIX in vars(request):
                return find(request, path)
            vars(request)[PREFIX] = tag
            _move(request, tag, slash + rest or "/")
            return find(request, request.path)

        return find_in_language

    # -- choosing ------------------------------------------------------------------------------------------------

    def _take_choices(self, app: App, at: str) -> None:
        @app.post(at, hidden=True, name="choose_language")
        def choose_language(
            request: Request, language: Form[str | None] = None, timezone: Form[str | None] = None, next: Form[str] = ""
        ) -> Response:
            known = {LANGUAGE_COOKIE: language in self.tags, TIMEZONE_COOKIE: zone_of(timezone) is not None}
            given = {LANGUAGE_COOKIE: language, TIMEZONE_COOKIE: timezone}
            wrong = [name for name, value in given.items() if value and not known[name]]
            if wrong or not any(given.values()):
                kind, names = ("enum", wrong) if wrong else ("missing", [LANGUAGE_COOKIE])
                text = translated_fault(kind, None, "")
                raise ValidationFailed([FieldFault("form", f"/{name}", kind, text) for name in names])
            answer = Redirect(self._after(request, language or None, next), otherwise=f"{quote(request.root_path)}/")
            for name, value in given.items():
                if value:
                    answer.set_cookie(name, value, max_age=_A_YEAR)
            return answer

    def _after(self, request: Request, tag: str | None, wanted: str) -> str:
        """Where somebody goes who has chosen: back, and where the path names a language, to the same in the new one."""
        here = vars(request).get(PREFIX)
        root = quote(request.root_path.removesuffix(f"/{here}") if here else request.root_path)
        target = wanted if safe_redirect(wanted) else f"{quote(request.root_path)}/"
        if self.prefix and tag is not None:
            for each in self.tags:
                old = f"{root}/{each}"
                if target == old or target.startswith((f"{old}/", f"{old}?", f"{old}#")):
                    return f"{root}/{tag}{target[len(old) :]}"
        return target

    # -- faults --------------------------------------------------------------------------------------------------

    def _broken(self, tag: str) -> tuple[Fault, ...]:
        try:
            self.texts_of(tag)
        except SetupError as error:
            return error.faults
        return ()

    def _faults(self) -> Iterator[Fault]:
        """Languages without a catalogue, in a folder that has some."""
        if not os.path.isdir(self.catalogues.folder):
            return
        for tag in self.tags:
            if tag != self.source and not [*self.catalogues.paths(tag)]:
                path = self.catalogues.path(tag.replace("-", "_"))
                cure = f"Write it, or take {tag!r} out of Languages(…)."
                yield Fault("no-catalogue", f"There is no catalogue of the language {tag}.", path, cure)


def _language(request: Request) -> Language:
    return current_language()


def _timezone(request: Request) -> datetime.tzinfo:
    return current_timezone()


def _move(request: Request, tag: str, path: str) -> None:
    """Let a request be one for an app that is mounted at a language's tag."""
    request.path, root = path, f"{request.root_path}/{tag}"
    if not isinstance(request.raw, Mapping):
        request.root_path = root
    elif "wsgi.url_scheme" in request.raw:  # On the two others it is read from what the server gave.
        request.raw = {**request.raw, "SCRIPT_NAME": f"{request.raw.get('SCRIPT_NAME', '')}/{tag}"}
    else:
        request.raw = {**request.raw, "root_path": root}


def _is_guard(middleware: Any) -> bool:
    return "wholestack_rank" in vars(middleware) or str(middleware.__module__).startswith("wholestack.")


def _in_development() -> bool:
    return os.environ.get("WHOLESTACK_STAGE") == "development"


def _bad(message: str, cure: str, where: str) -> SetupError:
    return SetupError([Fault("bad-languages", message, where, cure)])


def _outside() -> str:
    """File and line of the nearest caller that is not ours."""
    frame: types.FrameType | None = sys._getframe(1)
    ours = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
