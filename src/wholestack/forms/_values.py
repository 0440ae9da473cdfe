"""What a form shows: what was typed, what an object holds, or what the model has as default."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pydantic

from wholestack import Upload
from wholestack.encoding import ShapeField, word_of

from ._spec import time_text

NOTHING: Any = object()
"""No value is known."""
FRESH: Any = object()
"""In what was typed: a row that has just been added, with nothing typed in it."""
ADDED = ""
"""In the place of a button's name: not the button has the focus, but the row that it has added."""
MOST_ROWS = 1_000
"""Rows that a form is shown with, and that can be added."""


@dataclasses.dataclass(frozen=True)
class Told:
    """What is wrong with a field, as it was found.

    Attributes:
        kind: the kind of fault, as Pydantic names it.
        detail: a sentence, for a kind that `languages` has no words for.
        context: values of the sentence beside the field's own bounds.
    """

    kind: str
    detail: str
    context: Mapping[str, Any] = dataclasses.field(default_factory=dict)


Found = tuple[tuple[str | int, ...], Told]
"""What is wrong, and the path of names and numbers that leads to where it is."""


@dataclasses.dataclass
class State:
    """What a form is shown with again, in the request that its page answers.

    Attributes:
        model: the form's.
        typed: what was sent, as validation read it.
        faults: gives what is wrong; asked for when the page's rules have let the request pass.
        focus: the name and value of the button that is to have the focus, or `ADDED` and the rows.
        view: the form that the page has asked for.
    """

    model: Any
    typed: dict[str, Any]
    faults: Callable[[], Sequence[Found]] = tuple
    focus: tuple[str, str] | None = None
    view: Any = None


def part(value: Any, step: str | int, field: ShapeField | None, *, typed: bool) -> Any:
    """What lies in a value below a name or a number, `NOTHING` where nothing does.

    Arguments:
        value: what the whole holds.
        step: the name on the wire, or the number of a row.
        field: the field of the model, which knows its name in Python and its default.
        typed: whether the value is what was sent: then no default is shown in the place of what was left out.
    """
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else NOTHING
    if typed and value is not FRESH:
        return value.get(step, NOTHING) if isinstance(value, Mapping) else NOTHING
    names = (field.attribute, step) if field is not None else (step,)
    if isinstance(value, Mapping):
        found = next((value[name] for name in names if name in value), NOTHING)
    elif value is NOTHING or value is FRESH or value is None:
        found = NOTHING
    else:
        found = getattr(value, names[0], NOTHING)
    return _default(field) if found is NOTHING and (value is NOTHING or value is FRESH) else found


def _default(field: ShapeField | None) -> Any:
    if field is None or field.required:
        return NOTHING
    try:
        return field.info.get_default(call_default_factory=True, validated_data={})
    except Exception:  # It is made from other fields, or by something that is not there.
        return NOTHING


def rows_of(value: Any) -> list[Any]:
    """A value as rows, at most so many as a form is shown with."""
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        return []
    return list(value)[:MOST_ROWS]


def text_of(value: Any) -> str:
    """A value as an input shows it; never a secret or a file.

    Example:
        >>> text_of(None), text_of(True), text_of(datetime.date(2026, 11, 27))
        ('', 'true', '2026-11-27')
    """
    if value is None or value is NOTHING or value is FRESH:
        return ""
    if isinstance(value, (pydantic.SecretStr, pydantic.SecretBytes, Upload, Mapping, list, set, tuple)):
        return ""
    if isinstance(value, (datetime.date, datetime.time)):
        return time_text(value)
    if isinstance(value, datetime.timedelta):
        return pydantic.TypeAdapter(datetime.timedelta).dump_python(value, mode="json")  # type: ignore[no-any-return]  # a text
    if isinstance(value, (bool, enum.Enum)):
        return word_of(value)
    state = getattr(value, "_sa_instance_state", None)  # A row stands for its key.
    if state is not None:
        return str(state.identity[0]) if state.identity else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def exact_text(value: Any, *, zoned: bool = False) -> str:
    """A value as it is sent where nobody sees it: a time with all of its parts, and its zone.

    Arguments:
        value: the value.
        zoned: whether a moment is meant, which is in UTC where it names no zone.

    Example:
        >>> exact_text(datetime.datetime(2026, 11, 27, 8, 5, 1, 250_000, datetime.UTC)), exact_text(7)
        ('2026-11-27T08:05:01.250000+00:00', '7')
    """
    if zoned and isinstance(value, datetime.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else text_of(value)


def texts_of(value: Any) -> list[str]:
    """Several values, or the one, as texts."""
    return [text_of(each) for each in each_of(value)]


def each_of(value: Any) -> list[Any]:
    """Several values, or the one; none where nothing is held."""
    if value is None or value is NOTHING or value is FRESH:
        return []
    many = isinstance(value, (list, tuple, set, frozenset)) or (
        hasattr(value, "__iter__") and not isinstance(value, (str, bytes, Mapping))
    )
    return list(value) if many else [value]
