"""What templates get: `{% trans %}`, `_(…)` and its kin, and the formats of dates and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import InternationalizationExtension

from . import _formats, _texts
from ._current import spoken

_FORMATS = ("format_currency", "format_date", "format_datetime", "format_number", "format_percent", "format_time")
_CALLS = ("gettext", "ngettext", "npgettext", "pgettext")
_WRITTEN = "_wholestack_"


class Translations(InternationalizationExtension):
    """Jinja2's `{% trans %}`, where what a template says itself is trusted, and nothing else is.

    A text within `{% trans %}` is HTML, and so is its translation. What `_(…)` gives is a text, and escaped: it may
    have been called with what a user has typed.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        names: dict[str, Any] = environment.globals
        names["_"] = _texts.gettext
        for call in _CALLS:
            names[call] = getattr(_texts, call)
            names[_WRITTEN + call] = _unfilled(call)
        for name in _FORMATS:
            names[name] = getattr(_formats, name)
            environment.filters[name] = _as_filter(names[name])

    def _make_node(self, *arguments: Any, **options: Any) -> nodes.Output:
        """The call that a `{% trans %}` becomes; of a function of its own, which leaves the filling in to Jinja2."""
        made = super()._make_node(*arguments, **options)
        call = made.find(nodes.Call)
        if call is not None and isinstance(call.node, nodes.Name):
            call.node.name = _WRITTEN + call.node.name
        return made


def _unfilled(call: str) -> Any:
    def translated(*arguments: Any) -> str:
        # The empty key is the catalogue's own head.
        return str(getattr(spoken().texts, call)(*arguments)) if arguments[0] else ""

    return translated


def _as_filter(function: Callable[..., str]) -> Any:
    """A filter that looks at the page: one that does not is applied to a constant while the template is compiled."""

    @jinja2.pass_context
    def in_language(_: jinja2.runtime.Context, *arguments: Any, **options: Any) -> str:
        return function(*arguments, **options)

    return in_language
