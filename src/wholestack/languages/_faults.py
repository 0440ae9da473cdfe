"""What is wrong with a field, for the person who has filled it in: by the kind of fault, in the current language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._current import spoken
from ._texts import gettext

_Many = tuple[str, str, str]
"""The text for one and for many, and the name of what is counted."""

_CHOICE = "Choose one of the options."
_DATE = "Enter a date."
_FORM = "This does not have the expected form."
_INVALID = "This value is not valid."
_LIST = "This is no list."
_MOMENT = "Enter a date and a time."
_NUMBER = "Enter a number."
_SPAN = "Enter a length of time."
_TEXT = "Enter one text."
_TIME = "Enter a time of day."
_UNCHANGEABLE = "This value cannot be changed."
_URL = "Enter a web address, such as https://example.org."
_UUID = "Enter a UUID."
_WHOLE = "Enter a whole number."
_YES_NO = "Choose yes or no."
_EMAIL = "Enter an email address, such as name@example.org."

_LONGEST: _Many = ("At most {max_length} character.", "At most {max_length} characters.", "max_length")
_FAULTS: Mapping[str, str | _Many] = {
    "missing": "This field is required.",
    "extra_forbidden": "This field is not expected.",
    "frozen_field": _UNCHANGEABLE,
    "frozen_instance": _UNCHANGEABLE,
    "none_required": "Leave this field empty.",
    "greater_than": "More than {gt}.",
    "greater_than_equal": "At least {ge}.",
    "less_than": "Less than {lt}.",
    "less_than_equal": "At most {le}.",
    "multiple_of": "A multiple of {multiple_of}.",
    "finite_number": _NUMBER,
    "too_short": "At least {min_length}.",
    "too_long": "At most {max_length}.",
    **dict.fromkeys(("deque_type", "frozen_set_type", "iterable_type", "list_type", "set_type", "tuple_type"), _LIST),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": ("At least {min_length} character.", "At least {min_length} characters.", "min_length"),
    "string_too_long": _LONGEST,
    "string_pattern_mismatch": _FORM,
    "string_not_ascii": "Only English letters, digits and common signs.",
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    "union_tag_invalid": _CHOICE,
    "union_tag_not_found": _CHOICE,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "This number is too large.",
    **dict.fromkeys(("complex_str_parsing", "complex_type", "decimal_parsing", "decimal_type"), _NUMBER),
    **dict.fromkeys(("float_parsing", "float_type", "fraction_parsing", "fraction_type"), _NUMBER),
    "decimal_max_digits": ("At most {max_digits} digit.", "At most {max_digits} digits.", "max_digits"),
    "decimal_max_places": (
        "At most {decimal_places} digit after the point.",
        "At most {decimal_places} digits after the point.",
        "decimal_places",
    ),
    "decimal_whole_digits": (
        "At most {whole_digits} digit before the point.",
        "At most {whole_digits} digits before the point.",
        "whole_digits",
    ),
    "bytes_type": _FORM,
    "bytes_invalid_encoding": _FORM,
    "bytes_too_short": ("At least {min_length} byte.", "At least {min_length} bytes.", "min_length"),
    "bytes_too_long": ("At most {max_length} byte.", "At most {max_length} bytes.", "max_length"),
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_past": "A date in the past.",
    "date_future": "A date in the future.",
    "time_type": _TIME,
    "time_parsing": _TIME,
    **dict.fromkeys(("datetime_from_date_parsing", "datetime_object_invalid"), _MOMENT),
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_past": "A date and a time in the past.",
    "datetime_future": "A date and a time in the future.",
    "timezone_naive": "Enter a date and a time without a time zone.",
    "timezone_aware": "Enter a date and a time with its time zone.",
    "timezone_offset": "Enter a date and a time in the expected time zone.",
    "time_delta_type": _SPAN,
    "time_delta_parsing": _SPAN,
    "url_type": _URL,
    "url_parsing": _URL,
    "url_syntax_violation": _URL,
    "url_too_long": _LONGEST,
    "url_scheme": "Web addresses of this kind are not taken.",
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": "Enter a UUID of version {expected_version}.",
    "json_invalid": "Enter valid JSON.",
    "json_type": "Enter valid JSON.",
    **dict.fromkeys(("counter_type", "dataclass_exact_type", "dataclass_type", "dict_type"), _FORM),
    **dict.fromkeys(("frozen_dict_type", "mapping_type", "model_attributes_type", "model_type"), _FORM),
    **dict.fromkeys(("named_tuple_type", "ordered_dict_type"), _FORM),
    "is_instance_of": "Choose a file.",  # Of all classes, a form has only that of uploads.
    # Those of the database's own constraints.
    "duplicate": "This value is taken already.",
    "duplicate_together": "These values are taken already, together: {names}.",
    # What only a program can have done wrong; the person at the form is told as much.
    **dict.fromkeys(("arguments_type", "callable_type", "default_factory_not_called", "ellipsis_error"), _INVALID),
    **dict.fromkeys(("get_attribute_error", "invalid_key", "is_subclass_of", "iteration_error"), _INVALID),
    **dict.fromkeys(("missing_argument", "missing_keyword_only_argument", "missing_sentinel_error"), _INVALID),
    **dict.fromkeys(("missing_positional_only_argument", "multiple_argument_values", "no_such_attribute"), _INVALID),
    **dict.fromkeys(("needs_python_object", "recursion_depth_exceeded", "recursion_loop"), _INVALID),
    **dict.fromkeys(("set_item_not_hashable", "unexpected_keyword_argument"), _INVALID),
    **dict.fromkeys(("unexpected_positional_argument",), _INVALID),
}
_OWN_WORDS = {"value_error": "Value error, ", "assertion_error": "Assertion failed, "}
_EMAIL_BEGINS = "value is not a valid email address"


def translated_fault(type: str, context: Mapping[str, Any] | None, fallback: str) -> str:
    """What is wrong with a field, in the current language: a sentence for the person who has filled it in.

    Arguments:
        type: the kind of fault, as Pydantic names it (``string_too_short``).
        context: its values, as Pydantic gives them (``{"min_length": 3}``).
        fallback: Pydantic's own sentence: for a kind of the app's own, and for what a validator has said. The app's
            catalogue may have it; of ``"Value error, …"`` it has what follows the comma.

    Example:
        >>> translated_fault("string_too_short", {"min_length": 3}, "String should have at least 3 characters")
        'At least 3 characters.'
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     translated_fault("int_parsing", None, "Input should be a valid integer")
        'Geben Sie eine ganze Zahl ein.'
    """
    if type in _OWN_WORDS:
        text = fallback.removeprefix(_OWN_WORDS[type])
        return gettext(_EMAIL if text.startswith(_EMAIL_BEGINS) else text)
    known = _FAULTS.get(type)
    if known is None:
        return gettext(fallback)
    try:
        if isinstance(known, str):
            return gettext(known).format_map(context or {})
        singular, plural, counted = known
        number = int((context or {})[counted])
        return spoken().texts.ngettext(singular, plural, number).format_map(context or {})
    except (KeyError, TypeError, ValueError):
        return gettext(fallback)  # Another release of Pydantic may give other values.
