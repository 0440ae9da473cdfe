"""Jinja2's filters that cost a lot for each character, or more for each the more there are, within a bound.

What people have typed may be long, and a page that shows it is asked for often.
"""

from __future__ import annotations

from typing import Any

import jinja2
from jinja2 import filters
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

MOST = 50_000
"""How many characters of a text are looked into; what comes after is shown as it is."""


@jinja2.pass_eval_context
def urlize(context: EvalContext, value: str, *arguments: Any, **options: Any) -> str:
    """Jinja2's `urlize`: links of addresses in the first 50,000 characters."""
    head, rest = _cut(value)
    shown: str = filters.do_urlize(context, head, *arguments, **options)
    tail: str = escape(rest) if isinstance(shown, Markup) else rest
    return shown + tail


@jinja2.pass_environment
def wordwrap(environment: jinja2.Environment, value: str, *arguments: Any, **options: Any) -> str:
    """Jinja2's `wordwrap`: of the first 50,000 characters; what comes after stays as it is."""
    head, rest = _cut(value)
    whole: str = filters.do_wordwrap(environment, head, *arguments, **options) + rest
    return whole


def _cut(value: Any) -> tuple[Any, Any]:
    """What is looked into, up to the end of a word, and what comes after."""
    if not isinstance(value, str) or len(value) <= MOST:
        return value, ""
    words = max(value.rfind(" ", 0, MOST), value.rfind("\n", 0, MOST))
    at = words + 1 if words > 0 else MOST
    return value[:at], value[at:]
