"""Wholestack: the whole Python web stack in one piece.

This is the front door. `from wholestack import App` brings the core (errors, http, routing, handlers, servers, the
app) and Pydantic, and nothing above it. What begins above the core and is there by itself (the encoder of answers, the
documentation, mounted applications) is loaded when an app is sealed; the description, when it is asked for.
"""

import sys as _sys
from collections.abc import Callable as _Callable
from collections.abc import Iterator as _Iterator
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any
from typing import Literal as _Literal

from wholestack._app import App as _CoreApp
from wholestack._app import Plugin
from wholestack.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    HTTPError,
    NotFound,
    ServiceUnavailable,
    SetupError,
    TooManyRequests,
    Unauthorized,
    WholestackError,
)
from wholestack.handlers import Body, Cookie, Form, Header, Partial, Query, Rule, rule, wait
from wholestack.http import HTML, JSON, File, Limits, Redirect, Request, Response, Stream, Text, Upload
from wholestack.routing import Router

if _TYPE_CHECKING:
    from contextlib import AbstractContextManager as _AbstractContextManager
    from typing import Self as _Self

    from wholestack.db import Opened as _Opened
    from wholestack.description import Description as _Description
    from wholestack.settings import Secret, Settings

__version__ = "0.1.0"


def __getattr__(name: str) -> _Any:
    """`Settings` and `Secret`: nothing in the core needs them."""
    if name not in {"Secret", "Settings"}:
        raise AttributeError(f"module 'wholestack' has no attribute {name!r}")
    from wholestack import settings

    return getattr(settings, name)


class App(_CoreApp):
    __doc__ = _CoreApp.__doc__

    def foreign(self, app: _Any, interface: _Literal["asgi", "wsgi"] | None, at: str) -> _Any:
        """How a mounted application is called (`wholestack.mounting`)."""
        from wholestack.mounting import Foreign

        return Foreign(app, interface, at)

    def encoder(self, answer: _Any) -> _Callable[[_Any], bytes]:
        """What writes answers of a type as JSON (`wholestack.encoding`); `checked` looks at constraints, too."""
        from wholestack.encoding import encoder

        return encoder(answer, checked=self.checked)

    def form_reader(self, model: _Any) -> _Callable[[Request], _Any]:
        """What finds the fields of a model in a request's form, or in JSON (`wholestack.encoding`)."""
        from wholestack.encoding import form_reader

        return form_reader(model)

    def replace(self, kind: _Any, stand_in: _Any) -> "_AbstractContextManager[_Self]":
        """A sealed twin of this app in which something else provides a type; this app is untouched.

        Arguments:
            kind: the type that is provided.
            stand_in: the value to give, or a function or class (under the calling convention) that makes it.
        """
        from wholestack.testing import replaced

        return replaced(self, kind, stand_in)

    def session(self) -> "_Opened":
        """A session of the app's database outside a request: for scripts, notebooks, other tasks.

        ``with`` gives a `Session`, ``async with`` SQLAlchemy's `AsyncSession`; leaving commits, an error rolls back.

        Raises:
            SetupError: the app uses no `Database`.
        """
        from wholestack.db import Database

        return self.plugin(Database).session()

    def describe(self) -> "_Description":
        """A read-only view of everything that is sealed: for OpenAPI, `routes` and plugins."""
        from wholestack.description import describe

        sealing = self.sealing()
        return describe(self, sealing.placed, [at for at, _ in sealing.mounts])

    def url_for(self, handler: _Callable[..., _Any] | str, **values: _Any) -> str:
        """The path of a handler, by the function or by its name; values are checked against the path and the types.

        Raises:
            LookupError: no route of this app.
            ValueError: a value that the path would not take back, or one that is missing.
        """
        from wholestack.description import url_for

        return url_for(self.sealing().placed, handler, values)

    def default_plugins(self) -> _Iterator[Plugin]:
        """The documentation at /openapi.json and /docs, unless the app uses an `OpenAPI` plugin of its own; what live
        answers, pages, forms or lists need, where a function of the app names one of their types; and what tells
        browsers what the app's pages may load.
        """
        from wholestack.openapi import OpenAPI

        if self.docs and not any(isinstance(plugin, OpenAPI) for plugin in self.plugins):
            yield OpenAPI()
        # Where a layer was never imported, no function can name a type of it; to look would load it for nothing.
        for name in ("realtime", "templates", "forms", "crud", "sessions"):
            if (layer := _sys.modules.get(f"wholestack.{name}")) is not None:
                yield from layer.by_itself(self)
        from wholestack.description import answers_with_html

        if any(getattr(each, "shows_pages", False) for each in self.plugins) or answers_with_html(self):
            from wholestack.middleware import by_itself

            yield from by_itself(self)


__all__ = [
    "HTML",
    "JSON",
    "App",
    "BadRequest",
    "Body",
    "Conflict",
    "Cookie",
    "File",
    "Forbidden",
    "Form",
    "Gone",
    "HTTPError",
    "Header",
    "Limits",
    "NotFound",
    "Partial",
    "Plugin",
    "Query",
    "Redirect",
    "Request",
    "Response",
    "Router",
    "Rule",
    "Secret",
    "ServiceUnavailable",
    "Settings",
    "SetupError",
    "Stream",
    "Text",
    "TooManyRequests",
    "Unauthorized",
    "Upload",
    "WholestackError",
    "__version__",
    "rule",
    "wait",
]
