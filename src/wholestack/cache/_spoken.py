"""The language and the time zone of the moment, where an app has them: what is kept in one is not given in another."""

from __future__ import annotations

import sys

LANGUAGE, TIMEZONE = ":language", ":timezone"
"""Stand beside names of header fields, and are none: what `wholestack.languages` has made of the request."""


def spoken(what: str) -> str:
    """What is spoken at the moment: the text is empty where nothing in this process knows of languages.

    Example:
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     spoken(LANGUAGE)
        'de'
    """
    if not knows_languages():
        return ""
    from wholestack.languages import current_language, current_timezone

    return str(current_language() if what == LANGUAGE else current_timezone())


def knows_languages() -> bool:
    """Whether something in this process speaks languages."""
    return "wholestack.languages" in sys.modules
