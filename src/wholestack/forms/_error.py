"""What a handler says of a form that validation let pass."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wholestack.errors import FieldFault, ValidationFailed
from wholestack.handlers import json_pointer
from wholestack.languages import translated_fault

from ._widget import are_among

_STEP = re.compile(r"[^.\[\]]+")


class FormError(ValidationFailed):
    """422: a field of the form is wrong, as the handler has found. The form's page is shown again, with this beside it.

    A client that wants no page gets the problem, with a pointer to the field.

    Arguments:
        field: its name, as the form has it: ``"title"``, ``"lines[0].product"``; ``""`` for the form as a whole.
        detail: what is wrong with it, for the person who filled it in.
        more: further pairs of a field and what is wrong with it.

    Example:
        >>> error = FormError("lines[0].product", "There is none left.")
        >>> error.status, error.faults[0].pointer
        (422, '/lines/0/product')
    """

    code: str = "form-error"

    def __init__(self, field: str, detail: str, *more: tuple[str, str]) -> None:
        pairs = [(field, detail), *more]
        super().__init__([FieldFault("form", _pointer(name), "form_error", text) for name, text in pairs])


def check_choice(field: str, value: object, choices: Iterable[object]) -> None:
    """Refuse what is none of the choices that this request has, which `FormView.choose` has shown and not checked.

    Arguments:
        field: its name, as the form has it: ``"author"``, ``"lines[0].product"``.
        value: what was sent, or several of which each must be one of them; None is nothing.
        choices: values, or pairs of a value and its words, as `FormView.choose` takes them.

    Raises:
        ValidationFailed: it is none of them. The form's page is shown again; a program gets the problem (422).

    Example:
        >>> check_choice("author", 1, [(1, "Ann"), (2, "Bo")])
        >>> check_choice("author", 3, [(1, "Ann"), (2, "Bo")])
        Traceback (most recent call last):
        wholestack.errors._http.ValidationFailed: 1 field is wrong.
    """
    if not are_among(value, choices):
        detail = translated_fault("literal_error", None, "")
        raise ValidationFailed([FieldFault("form", _pointer(field), "literal_error", detail)])


def _pointer(name: str) -> str:
    return json_pointer(_STEP.findall(name))
