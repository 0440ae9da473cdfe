"""The language and the time zone of one request, found out when somebody asks."""

from __future__ import annotations

import datetime
import functools
import gettext
import zoneinfo
from collections.abc import Callable
from typing import Protocol, TypeVar

from wholestack import Request, Response
from wholestack.http import Refused

from ._tags import Language, find, negotiate

T = TypeVar("T")

LANGUAGE_COOKIE = "language"
TIMEZONE_COOKIE = "timezone"
PREFIX = "wholestack_language_prefix"
"""The name under which a request keeps the language that its path has named."""


class Known(Protocol):
    """What a request's language is chosen from."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The languages that there are, the default first."""
        ...

    @property
    def parameter(self) -> str | None:
        """The name in the query that may name a language."""
        ...

    @property
    def zone(self) -> datetime.tzinfo:
        """The time zone where a request names none."""
        ...

    def texts_of(self, tag: str) -> gettext.NullTranslations:
        """The catalogue of a language."""
        ...


class Asked:
    """What is spoken in a request; whether somebody has asked decides what its answer says of it."""

    def __init__(self, speaker: Known, request: Request) -> None:
        self.speaker = speaker
        self._request = request
        self._texts: gettext.NullTranslations | None = None

    @functools.cached_property
    def _found(self) -> tuple[Language, bool]:
        """The language, and whether the address alone has named it."""
        request, speaker = self._request, self.speaker
        named = vars(request).get(PREFIX)
        if named is None and speaker.parameter is not None:
            asked = read(lambda: request.query.get(speaker.parameter or "", [""])[0], "")
            named = find(asked, speaker.tags) if asked else None
        if named is not None:
            return Language(named), True
        kept = read(lambda: request.cookies.get(LANGUAGE_COOKIE), None)
        chosen = kept if kept in speaker.tags else None
        accepted = ", ".join(request.headers.get_all("accept-language"))
        return Language(chosen or negotiate(accepted, speaker.tags) or speaker.tags[0]), False

    @property
    def language(self) -> Language:
        """See `Spoken`."""
        return self._found[0]

    @property
    def texts(self) -> gettext.NullTranslations:
        """See `Spoken`."""
        if self._texts is None:
            self._texts = self.speaker.texts_of(self.language.tag)
        return self._texts

    @functools.cached_property
    def timezone(self) -> datetime.tzinfo:
        """See `Spoken`."""
        return zone_of(read(lambda: self._request.cookies.get(TIMEZONE_COOKIE), None)) or self.speaker.zone

    def tell(self, response: Response) -> None:
        """Say in the answer which language it is in, and what of the request that depends on."""
        headers, known = response.headers, vars(self)
        if "_found" in known:
            if "content-language" not in headers:
                headers.set("content-language", self.language.tag)
            if not self._found[1]:
                headers.vary("accept-language")
                headers.vary("cookie")
        if "timezone" in known:
            headers.vary("cookie")


def read(function: Callable[[], T], otherwise: T) -> T:
    """What a request says; a part of it that cannot be read at all says nothing, and is refused where it matters."""
    try:
        return function()
    except Refused:
        return otherwise


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def zone_of(name: str | None) -> datetime.tzinfo | None:
    """A time zone by its name in the time zone database, where this system has it.

    Example:
        >>> zone_of("Europe/Berlin"), zone_of("../../etc/passwd"), zone_of(None)
        (zoneinfo.ZoneInfo(key='Europe/Berlin'), None, None)
    """
    return zoneinfo.ZoneInfo(name) if name is not None and name in _timezones() else None
