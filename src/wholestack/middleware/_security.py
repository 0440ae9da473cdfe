"""What one handler says of its answers' security headers, where they differ from the app's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from wholestack.http import check_header
from wholestack.routing import Route

from ._faults import bad_guard

F = TypeVar("F", bound=Callable[..., Any])

_DIRECTIVE = re.compile(r"[a-z][a-z-]*")
_SOURCES = re.compile(r"[\x21-\x2b\x2d-\x3a\x3c-\x7e ]*")
_MARK = "wholestack_security"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Differing:
    """Directives of the Content-Security-Policy, and other fields, that one handler's answers have of their own."""

    csp: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)


def security(csp: Mapping[str, str | None] = _NOTHING, **fields: str) -> Callable[[F], F]:
    """Say what differs from the app's `SecurityHeaders` in the answers of one handler; it stands below the route.

    Arguments:
        csp: directives that differ from the app's; None takes one out.
        fields: header fields by their names, with ``_`` for ``-``: ``referrer_policy="no-referrer"``.

    Raises:
        SetupError: a directive that would end the policy and begin another, or a field that is none (``bad-guard``).

    Example:
        >>> @security(csp={"frame-ancestors": "https://partner.example"}, referrer_policy="no-referrer")
        ... def embedded() -> str:
        ...     return "shown in a frame of the partner"
    """
    check_directives(csp, "security(csp=…)")
    checked: dict[str, str] = {}
    for name, value in fields.items():
        try:
            checked.update([check_header(name.replace("_", "-"), value)])
        except ValueError as error:
            cure = 'Write a field with its value: referrer_policy="no-referrer".'
            raise bad_guard(f"security({name}=…): {error}", cure) from None

    def mark(function: F) -> F:
        vars(function)[_MARK] = Differing(dict(csp), checked)
        return function

    return mark


def differing_of(route: Route) -> Differing:
    """What the handler of a route says."""
    found: Differing = getattr(route.handler, _MARK, Differing())
    return found


def check_directives(csp: Mapping[str, str | None], what: str) -> None:
    """Refuse a directive that would end the policy and begin another.

    Raises:
        SetupError: a name or sources with what separates them from others.
    """
    for name, sources in csp.items():
        if not _DIRECTIVE.fullmatch(name) or not _SOURCES.fullmatch(sources or ""):
            cure = 'One directive for each entry, its sources with spaces between: {"img-src": "\'self\' data:"}.'
            raise bad_guard(f"{what}: {name!r} is no directive with sources.", cure)
