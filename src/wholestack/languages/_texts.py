"""Texts in the language of the moment: at once, or when they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, SupportsIndex

from ._current import spoken


def gettext(message: str, /, **values: object) -> str:
    """A text in the current language; as it stands where no catalogue has it.

    Arguments:
        message: the text as the source has it; it is the key, so write it out and never put it together.
        values: put in for ``%(name)s``; where there are some, a percent sign is written ``%%``.

    Source: the manual of GNU gettext.

    Example:
        >>> gettext("Hello, %(name)s!", name="Zoë")
        'Hello, Zoë!'
    """
    text = spoken().texts.gettext(message) if message else ""  # The empty key is the catalogue's own head.
    return text % values if values else text


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> str:
    """A text for a number of things, in the form that the current language has for it.

    Arguments:
        singular: the text for one; ``%(num)s`` is the number.
        plural: the text for many.
        number: how many there are.
        values: more to put in; a percent sign is written ``%%``.

    Example:
        >>> ngettext("%(num)s note", "%(num)s notes", 3)
        '3 notes'
    """
    return spoken().texts.ngettext(singular, plural, number) % {"num": number, **values}


def pgettext(context: str, message: str, /, **values: object) -> str:
    """As `gettext`, for a text that means different things in different places.

    Arguments:
        context: which of its meanings, for the translator.

    Example:
        >>> pgettext("month", "May")
        'May'
    """
    text = spoken().texts.pgettext(context, message)
    return text % values if values else text


def npgettext(context: str, singular: str, plural: str, number: int, /, **values: object) -> str:
    """As `ngettext`, with a context as `pgettext` has it.

    Example:
        >>> npgettext("paper", "%(num)s sheet", "%(num)s sheets", 1)
        '1 sheet'
    """
    return spoken().texts.npgettext(context, singular, plural, number) % {"num": number, **values}


class LazyText(str):
    """A text that is translated when it is shown; made by `lazy`.

    It *is* its text in the source: so it compares, and so JSON has it. What shows it (``str(…)``, an f-string, a
    template) and what makes a text of it (``+``, ``%``, `upper`, …) take the translation.
    """

    __slots__ = ("context", "values")

    context: str | None
    values: dict[str, object]

    def __new__(cls, message: str, context: str | None = None, values: dict[str, object] | None = None) -> Self:
        made = super().__new__(cls, message)
        made.context = context
        made.values = values or {}
        return made

    @property
    def message(self) -> str:
        """The text as the source has it."""
        return str.__str__(self)

    def __str__(self) -> str:
        message = str.__str__(self)
        if self.context is not None:
            return pgettext(self.context, message, **self.values)
        return gettext(message, **self.values)

    def __repr__(self) -> str:
        return f"lazy({str.__repr__(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyText, (str.__str__(self), self.context, self.values)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __radd__(self, before: str) -> str:
        return before + str(self)

    def __len__(self) -> int:
        return len(str(self))

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str) and part in str(self)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        return str(self)[key]


def _translated(name: str) -> Callable[..., Any]:
    method = getattr(str, name)

    def of_translation(self: LazyText, *arguments: Any, **options: Any) -> Any:
        return method(str(self), *arguments, **options)

    of_translation.__name__, of_translation.__doc__ = name, method.__doc__
    return of_translation


# What gives another text, or looks into this one; equality and the hash stay those of the source.
for _name in ("__add__", "__iter__", "__mod__", "__mul__", "__rmul__", *(each for each in dir(str) if each[0] != "_")):
    if _name != "maketrans":
        setattr(LazyText, _name, _translated(_name))


def lazy(message: str, /, **values: object) -> LazyText:
    """A text that is translated when it is shown, in the language of that moment: for titles, labels and choices.

    Arguments:
        message: the text as the source has it.
        values: put in for ``%(name)s``; where there are some, a percent sign is written ``%%``.

    Example:
        >>> from wholestack.languages import language
        >>> label = lazy("Save")
        >>> with language("de"):
        ...     f"{label}!"
        'Speichern!'
    """
    return LazyText(message, None, values)


def lazy_pgettext(context: str, message: str, /, **values: object) -> LazyText:
    """As `lazy`, with a context as `pgettext` has it.

    Example:
        >>> str(lazy_pgettext("month", "May"))
        'May'
    """
    return LazyText(message, context, values)
