"""The answer that a template makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from wholestack import HTML
from wholestack.errors import WholestackError


class PageNotRendered(WholestackError):
    """A `Page` was sent, or its body was asked for, where no handler and no error handler has returned it."""

    code: str = "page-not-rendered"


class Page(HTML):
    """A page from a template; it is rendered where the handler has returned, before the transaction ends.

    Arguments:
        template: its name, a path below a folder of templates: ``"blog/index.html"``.
        context: what the template may use: a mapping, a dataclass or a model, whose fields become names.
        block: render only this block of the template.
        fragment: as `block`, but only for a request of htmx (`HX-Request`), which puts it into the page it has.
        stream: send the page while it is rendered, for long ones. That is after the transaction has ended, so what it
            shows must be loaded, or be an iterable that loads by itself.
        status: the HTTP status.
        headers: more header fields.
        values: more of the context, by name.

    Attributes:
        asks: names of helpers that a page which is about to be streamed may ask for, when its head is away.

    Example:
        >>> page = Page("hello.html", name="you", status=201)
        >>> page.template, page.context, page.status
        ('hello.html', {'name': 'you'}, 201)
    """

    asks: frozenset[str] = frozenset()

    def __init__(
        self,
        template: str,
        context: object | None = None,
        /,
        *,
        block: str | None = None,
        fragment: str | None = None,
        stream: bool = False,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> None:
        self._begin(status, "text/html; charset=utf-8", headers)
        self.template = template
        self.block = block
        self.fragment = fragment
        self.streamed = stream
        self.context: dict[str, Any] = {**fields(context), **values}

    if not TYPE_CHECKING:

        @property
        def body(self) -> bytes:
            """The page as UTF-8.

            Raises:
                PageNotRendered: no handler has returned it.
            """
            try:
                return vars(self)["_body"]
            except KeyError:
                message = (
                    f"The page {self.template} was never rendered. A handler, or an error handler, that answers with "
                    "one says so (`-> Page`), or the app uses Templates(). Elsewhere, as in middleware, render it by "
                    "hand: app.plugin(Templates).engine.render(…)."
                )
                raise PageNotRendered(message) from None

        @body.setter
        def body(self, body: bytes) -> None:
            vars(self)["_body"] = body

    def __repr__(self) -> str:
        return f"<Page {self.template} {self.status}>"


def fields(context: object | None) -> dict[str, Any]:
    """A context's names and values.

    Example:
        >>> fields({"a": 1})
        {'a': 1}
    """
    if context is None:
        return {}
    if isinstance(context, Mapping):
        return dict(context)
    if isinstance(context, BaseModel):
        return {name: getattr(context, name) for name in type(context).model_fields}
    if dataclasses.is_dataclass(context):
        return {each.name: getattr(context, each.name) for each in dataclasses.fields(context)}
    raise TypeError(f"A page's context is a mapping, a dataclass or a model, not {type(context).__name__}.")
