"""Which interface a foreign application speaks."""

from __future__ import annotations

import inspect
from typing import Any, Literal


def interface_of(app: Any) -> Literal["asgi", "wsgi"]:
    """Whether an application speaks ASGI or WSGI, told from what it says of itself and from its signature.

    Example:
        >>> interface_of(lambda environ, start_response: [])
        'wsgi'
    """
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else getattr(app, "__call__", app)
    if inspect.iscoroutinefunction(call):
        return "asgi"
    try:
        parameters = [
            parameter
            for parameter in inspect.signature(app).parameters.values()
            if parameter.default is parameter.empty and parameter.kind in {0, 1}
        ]
    except (TypeError, ValueError):
        return "wsgi"
    return "asgi" if len(parameters) == 3 else "wsgi"
