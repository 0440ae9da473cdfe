"""What a model says of a field's looks: the kind of input, and attributes that no type has."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import pydantic
from pydantic_core import CoreSchema, PydanticKnownError
from pydantic_core.core_schema import no_info_after_validator_function

from wholestack import SetupError
from wholestack.encoding import word_of
from wholestack.errors import Fault

Choices: TypeAlias = tuple[tuple[str, str], ...]

#: Beside these, every type of an `<input>` that holds a text, a number or a time.
KINDS = frozenset({"textarea", "select", "radio", "checkboxes", "checkbox", "file", "none"})
INPUTS = frozenset(
    {"text", "search", "tel", "url", "email", "password", "number", "range", "color", "hidden"}
    | {"date", "month", "week", "time", "datetime-local"}
)

_NAME = re.compile(r"[a-z][a-z0-9-]*")
#: What a form writes itself, or what would run.
_REFUSED = frozenset({"name", "id", "type", "value", "checked", "selected", "style", "form", "formaction"})


class Widget:
    """How a field is shown, where its type does not tell: ``Annotated[str, Widget("textarea", rows=8)]``.

    Arguments:
        kind: ``"textarea"``, ``"select"``, ``"radio"``, ``"checkboxes"``, the type of an ``<input>`` (``"color"``,
            ``"range"``, ``"hidden"``, ``"password"``), or ``"none"`` to leave it out; by the type where left out.
        choices: what may be chosen, as values or as pairs of a value and its words. It is a rule of validation, for
            forms and JSON alike: another value is refused, as by a ``Literal``. What only a request knows is shown
            by `FormView.choose`, and checked by `check_choice`.
        attributes: more of the input's attributes, ``_`` for ``-``: ``autocomplete="email"``, ``accept="image/*"``.

    Raises:
        SetupError: a kind that is none, or an attribute that the form writes itself or that would run a script.

    Example:
        >>> Widget("textarea", rows=8, autocomplete="off")
        Widget('textarea', rows='8', autocomplete='off')
    """

    __slots__ = ("_values", "attributes", "choices", "kind")

    def __init__(self, kind: str = "", /, *, choices: Iterable[Any] = (), **attributes: str | int | bool) -> None:
        if kind and kind not in KINDS | INPUTS:
            cure = f"Take one of {', '.join(sorted(KINDS | INPUTS))}."
            raise _fault(f"There is no widget {kind!r}.", cure)
        self.kind: str = kind
        self.choices: tuple[Any, ...] = tuple(choices)
        self._values = _texts_of(self.choices)
        self.attributes: tuple[tuple[str, str | bool], ...] = tuple(_attribute(*each) for each in attributes.items())

    @property
    def multiline(self) -> bool:
        """Whether its text has lines, whose ends a browser sends as CR LF and Python writes as LF."""
        return self.kind == "textarea"

    @property
    def refuses_empty(self) -> bool:
        """Whether an empty text is none of its choices, so that a form that has it has sent nothing."""
        return bool(self.choices) and "" not in self._values

    def __get_pydantic_core_schema__(self, source: Any, handler: pydantic.GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return no_info_after_validator_function(self._checked, schema) if self.choices else schema

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(schema)
        of_each = found.get("items", found)
        values = [each[0] if isinstance(each, tuple) and len(each) == 2 else each for each in self.choices]
        kind = {"string": str, "integer": int}.get(of_each.get("type", ""))
        if values and all(type(each) is kind for each in values):
            of_each["enum"] = values
        return found

    def _checked(self, value: Any) -> Any:
        if not _are_known(value, self._values):
            raise PydanticKnownError("literal_error", {"expected": expected(self.choices)})
        return value

    def __repr__(self) -> str:
        said = [repr(self.kind)] if self.kind else []
        said += [f"choices={list(self.choices)!r}"] if self.choices else []
        return f"Widget({', '.join([*said, *(f'{name}={value!r}' for name, value in self.attributes)])})"


def pairs_of(choices: Iterable[Any]) -> Choices:
    """Choices as texts: a value alone is its own words. Words that are lazy stay so.

    Example:
        >>> pairs_of([(1, "Ann"), "red"])
        (('1', 'Ann'), ('red', 'red'))
    """
    pairs = (each if isinstance(each, tuple) and len(each) == 2 else (each, word_of(each)) for each in choices)
    return tuple((word_of(value), words if isinstance(words, str) else str(words)) for value, words in pairs)


def are_among(value: Any, choices: Iterable[Any]) -> bool:
    """Whether a value, or each of several, is one of the choices, by the text that a form has for it; None is nothing.

    Example:
        >>> are_among(1, [(1, "Ann")]), are_among(["red", "blue"], ["red"]), are_among(None, [])
        (True, False, True)
    """
    return _are_known(value, _texts_of(choices))


def _texts_of(choices: Iterable[Any]) -> frozenset[str]:
    """The texts of the values that may be chosen."""
    return frozenset(word_of(each[0] if isinstance(each, tuple) and len(each) == 2 else each) for each in choices)


def _are_known(value: Any, known: frozenset[str]) -> bool:
    values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
    return all(each is None or word_of(each) in known for each in values)


def expected(choices: Iterable[Any]) -> str:
    """The choices as Pydantic names those of a ``Literal``.

    Example:
        >>> expected(["a", "b", "c"])
        "'a', 'b' or 'c'"
    """
    *others, last = [repr(value) for value, _ in pairs_of(choices)]
    return f"{', '.join(others)} or {last}" if others else last


def _attribute(name: str, value: str | int | bool) -> tuple[str, str | bool]:
    name = name.rstrip("_").replace("_", "-").lower()
    if name.startswith("on") or name in _REFUSED or not _NAME.fullmatch(name):
        raise _fault(
            f"A widget has no attribute {name!r}.", "The form writes it itself, or it would run what it holds."
        )
    return name, value if isinstance(value, bool) else str(value)


def _fault(message: str, cure: str) -> SetupError:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("wholestack"):
        frame = frame.f_back
    return SetupError([Fault("bad-widget", message, f"{frame.f_code.co_filename}:{frame.f_lineno}", cure)])


Color: TypeAlias = Annotated[str, pydantic.Field(pattern="^#[0-9a-fA-F]{6}$"), Widget("color")]
"""A colour as browsers pick it: ``#rrggbb``."""
