"""What a form says: faults in words for people, and the words on its own buttons; `languages` has both."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from wholestack.languages import gettext, translated_fault


def message(kind: str, context: Mapping[str, Any], fallback: str, own: Mapping[str, str]) -> str:
    """What is wrong with a field, for the person who filled it in.

    Arguments:
        kind: the kind of fault, as Pydantic names it.
        context: the field's bounds, by Pydantic's names for them.
        fallback: Pydantic's own sentence, or a validator's.
        own: the app's own words for some kinds, with ``{min_length}`` and the like for the bounds.

    Example:
        >>> message("string_too_short", {"min_length": 3}, "", {})
        'At least 3 characters.'
        >>> message("value_error", {}, "Value error, must be even", {})
        'must be even'
    """
    if kind not in own:
        return translated_fault(kind, context, fallback)
    names = {name for _, name, _, _ in string.Formatter().parse(own[kind]) if name}
    return own[kind].format_map(context) if names <= context.keys() else own[kind]


def spoken(text: str) -> str:
    """A text of a form in the language of the request, where the app speaks several.

    Example:
        >>> spoken("Send")
        'Send'
    """
    return gettext(text) if type(text) is str else str(text)  # One that is lazy may have a context.
