"""Handlers that are made for one model each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def typed(body: Callable[..., Any], name: str, takes: Mapping[str, Any], returns: Any) -> Callable[..., Any]:
    """A function with a signature that the calling convention reads: of types by name, or of whole parameters.

    Example:
        >>> made = typed(lambda **given: given["a"], "show_a", {"a": int}, int)
        >>> made(a=1), str(inspect.signature(made))
        (1, '(*, a: int) -> int')
    """

    def handler(**arguments: Any) -> Any:
        return body(**arguments)

    handler.__name__ = handler.__qualname__ = name
    handler.__doc__ = body.__doc__
    sign(handler, takes, returns)
    return handler


def sign(handler: Any, takes: Mapping[str, Any], returns: Any) -> None:
    """Say anew what a handler takes, before it is asked for the first time."""
    parameters = [_parameter(name, kind) for name, kind in takes.items()]
    handler.__annotations__ = {**{each.name: each.annotation for each in parameters}, "return": returns}
    handler.__signature__ = inspect.Signature(parameters, return_annotation=returns)


def _parameter(name: str, kind: Any) -> inspect.Parameter:
    if isinstance(kind, inspect.Parameter):
        return kind.replace(name=name, kind=inspect.Parameter.KEYWORD_ONLY)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
