"""From a handler back to its path."""

from __future__ import annotations

import datetime
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic_core import ValidationError

from ._describe import Placed


def url_for(placed: Sequence[Placed], handler: Callable[..., Any] | str, values: Mapping[str, Any]) -> str:
    """The path of a route, its query filled with the values that are no path fields.

    Raises:
        LookupError: no route has this handler or name.
        ValueError: a path field's value is missing or does not fit, or a value is no parameter of the handler.
    """
    found = _found(placed, handler)
    template, parameters = (
        found.template,
        {each.name: each for each in found.plan.parameters.values() if each.place == "query" and not each.whole},
    )
    missing = [name for name in template.names if name not in values]
    if missing:
        raise ValueError(f"The path {template.text!r} needs a value for {', '.join(map(repr, missing))}.")
    unknown = [name for name in values if name not in template.names and name not in parameters]
    if unknown:
        raise ValueError(f"{found.route.handler.__name__} has no parameter {', '.join(map(repr, unknown))}.")
    raw = {name: text(values[name]) for name in template.names}
    _check(found, raw)
    path = template.build(raw)
    query = [
        (parameters[name].alias, text(each))
        for name, value in values.items()
        if name not in template.names
        for each in (value if isinstance(value, (list, tuple, set)) else (value,))
        if each is not None
    ]
    return f"{path}?{urlencode(query)}" if query else path


def _check(found: Placed, raw: Mapping[str, str]) -> None:
    """Refuse a path value that the handler's own types would refuse."""
    try:
        if found.plan.validate is not None:
            found.plan.validate(dict(raw))
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_url=False, include_input=False)} & set(raw)
        if wrong:
            shown = ", ".join(map(repr, sorted(wrong)))
            raise ValueError(
                f"The value for {shown} does not fit the types of {found.route.handler.__name__}."
            ) from None


def _found(placed: Sequence[Placed], handler: Callable[..., Any] | str) -> Placed:
    found = [each for each in placed if handler in {each.route.handler, each.name}]
    label = handler if isinstance(handler, str) else getattr(handler, "__qualname__", repr(handler))
    if not found:
        raise LookupError(f"No route of this app is called {label!r}.")
    if len({each.route.handler for each in found}) > 1:
        places = ", ".join(each.route.where for each in found)
        raise LookupError(f"Several routes are called {label!r} ({places}); give each a name=, or pass the function.")
    return found[0]


def text(value: Any) -> str:
    """A value as a path or a query has it.

    Example:
        >>> text(datetime.date(2026, 11, 23)), text(True)
        ('2026-11-23', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return text(value.value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    return str(value)
