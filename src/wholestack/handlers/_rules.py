"""Rules: who may come in, as plain functions that can be combined."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, overload


@dataclasses.dataclass(frozen=True, eq=False)
class Rule:
    """A function under the calling convention that lets a request pass, or does not.

    It passes unless it returns False (403) or raises an error. Rules combine: ``a & b``, ``a | b``, ``~a``.

    Attributes:
        function: the leaf's function; None where `parts` are combined.
        how: how the parts are combined.
        scheme: an OpenAPI security scheme by its name, for the document.

    Example:
        >>> @rule
        ... def is_weekday() -> bool:
        ...     return True
        >>> (is_weekday | ~is_weekday).how
        'or'
    """

    function: Callable[..., Any] | None
    how: Literal["leaf", "and", "or", "not"] = "leaf"
    parts: tuple[Rule, ...] = ()
    scheme: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def __and__(self, other: Rule) -> Rule:
        return Rule(None, "and", (self, other))

    def __or__(self, other: Rule) -> Rule:
        return Rule(None, "or", (self, other))

    def __invert__(self) -> Rule:
        return Rule(None, "not", (self,))

    @property
    def name(self) -> str:
        """The rule as it was written, for people."""
        if self.function is not None:
            return getattr(self.function, "__name__", "rule")
        if self.how == "not":
            return f"~{self.parts[0].name}"
        return "(" + (" & " if self.how == "and" else " | ").join(part.name for part in self.parts) + ")"

    def leaves(self) -> list[Rule]:
        """The rules with a function in this one, from left to right."""
        return [self] if self.how == "leaf" else [leaf for part in self.parts for leaf in part.leaves()]

    def in_turn(self) -> list[Rule]:
        """The rules that must hold one after the other for this one to hold: the parts of `&`.

        Example:
            >>> a, b = Rule(len), Rule(print)
            >>> [each.name for each in (a & (b | a)).in_turn()]
            ['len', '(print | len)']
        """
        return [each for part in self.parts for each in part.in_turn()] if self.how == "and" else [self]


@overload
def rule(function: Callable[..., Any], /) -> Rule: ...
@overload
def rule(*, scheme: Mapping[str, Mapping[str, Any]]) -> Callable[[Callable[..., Any]], Rule]: ...
def rule(
    function: Callable[..., Any] | None = None, *, scheme: Mapping[str, Mapping[str, Any]] | None = None
) -> Rule | Callable[[Callable[..., Any]], Rule]:
    """Make a `Rule` of a function; `scheme` says in OpenAPI's words what it asks of a client."""
    if function is None:
        return lambda decorated: Rule(decorated, scheme=scheme or {})
    return Rule(function, scheme=scheme or {})


def rules_of(needs: object) -> tuple[Rule, ...]:
    """The rules in a `needs=`: one or several, each a `Rule` or a plain function.

    Example:
        >>> [found.name for found in rules_of(len)]
        ['len']
    """
    if needs is None or needs == ():
        return ()
    found: Any = needs if isinstance(needs, Iterable) else (needs,)
    return tuple(each if isinstance(each, Rule) else Rule(each) for each in found)
