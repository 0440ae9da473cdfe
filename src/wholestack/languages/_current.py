"""The language and the time zone of the moment: of a `with` block, else of the request at hand, else the app's own."""

from __future__ import annotations

import contextlib
import contextvars
import datetime
import gettext
import weakref
from collections.abc import Iterator
from typing import Protocol

from wholestack.handlers import current_request

from ._catalogues import own
from ._spoken import zone_of
from ._tags import Language, is_tag

SPOKEN = "wholestack_language"
"""The name under which a request keeps what is spoken in it."""

_NO_REQUEST = frozenset({"TASK"})  # A task of the outbox runs as a request that nobody has sent.


class Spoken(Protocol):
    """What is spoken at a place; both are found out when they are first asked for."""

    @property
    def language(self) -> Language:
        """The language."""
        ...

    @property
    def texts(self) -> gettext.NullTranslations:
        """Its catalogue."""
        ...

    @property
    def timezone(self) -> datetime.tzinfo:
        """The time zone."""
        ...


class Speaker(Protocol):
    """What knows the languages of an app."""

    def texts_of(self, tag: str) -> gettext.NullTranslations:
        """The catalogue of a language."""
        ...

    def spoken(self) -> Spoken:
        """What is spoken where nobody asks: the app's own language and time zone."""
        ...


class Fixed:
    """What is spoken, said beforehand; without a time zone, that of what is spoken around."""

    __slots__ = ("_around", "_zone", "language", "speaker", "texts")

    def __init__(
        self,
        language: Language,
        texts: gettext.NullTranslations,
        zone: datetime.tzinfo | None,
        around: Spoken | None = None,
        speaker: Speaker | None = None,
    ) -> None:
        self.language: Language = language
        self.texts: gettext.NullTranslations = texts
        self._zone = zone
        self._around = around
        self.speaker: Speaker | None = speaker

    @property
    def timezone(self) -> datetime.tzinfo:
        """See `Spoken`."""
        return self._zone or (self._around.timezone if self._around is not None else datetime.UTC)


class Watched:
    """What is spoken around, and a note of what was asked of it."""

    __slots__ = ("_around", "asked", "speaker")

    def __init__(self, around: Spoken) -> None:
        self._around = around
        self.speaker: Speaker | None = getattr(around, "speaker", None)
        self.asked: set[str] = set()

    @property
    def language(self) -> Language:
        """See `Spoken`."""
        self.asked.add("language")
        return self._around.language

    @property
    def texts(self) -> gettext.NullTranslations:
        """See `Spoken`."""
        self.asked.add("language")
        return self._around.texts

    @property
    def timezone(self) -> datetime.tzinfo:
        """See `Spoken`."""
        self.asked.add("timezone")
        return self._around.timezone


_SOURCE = Fixed(Language("en"), gettext.NullTranslations(), datetime.UTC)
_chosen: contextvars.ContextVar[Spoken | None] = contextvars.ContextVar("wholestack_language", default=None)
_last: list[weakref.ref[Speaker]] = []


def set_up(speaker: Speaker) -> None:
    """Say which app a script of this process speaks for: the one that was sealed last."""
    _last[:] = [weakref.ref(speaker)]


def spoken() -> Spoken:
    """What is spoken here."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    request = current_request.get()
    if request is not None and request.method not in _NO_REQUEST:
        # An app without languages speaks as its source does, whatever another app of the process says.
        return vars(request).get(SPOKEN, _SOURCE)  # type: ignore[no-any-return]  # only ours puts something there
    speaker = _last[0]() if _last else None
    return _SOURCE if speaker is None else speaker.spoken()


def is_said() -> bool:
    """Whether what is spoken was said by an app or a block, and is not that of texts as they are written."""
    return spoken() is not _SOURCE


def current_language() -> Language:
    """The language of the request at hand, of a `with language(…)` block, or the app's own.

    Example:
        >>> with language("ar"):
        ...     current_language().direction
        'rtl'
    """
    return spoken().language


def current_timezone() -> datetime.tzinfo:
    """The time zone of the request at hand, of a `with language(…)` block, or the app's own."""
    return spoken().timezone


@contextlib.contextmanager
def language(tag: str, *, timezone: str | None = None) -> Iterator[Language]:
    """Speak a language in this block: for mail, tasks, scripts and tests.

    Outside a request the catalogues are those of the app that was sealed last; before any is, only our own texts.

    Arguments:
        tag: the language's (BCP 47).
        timezone: a name of the time zone database; without it, that of the moment.

    Raises:
        ValueError: no tag, or no time zone.

    Example:
        >>> from wholestack.languages import gettext
        >>> with language("de"):
        ...     gettext("Save")
        'Speichern'
    """
    if not is_tag(tag):
        raise ValueError(f"{tag!r} is no tag of a language; one is like de, pt-BR or zh-Hant (BCP 47).")
    around = spoken()
    zone = zone_of(timezone)
    if timezone is not None and zone is None:
        raise ValueError(f"{timezone!r} is no time zone that this system knows.")
    speaker: Speaker | None = getattr(around, "speaker", None) or (_last[0]() if _last else None)
    texts = own(tag) if speaker is None else speaker.texts_of(tag)
    inner = Fixed(Language(tag), texts, zone, around, speaker)
    token = _chosen.set(inner)
    try:
        yield inner.language
    finally:
        _chosen.reset(token)


@contextlib.contextmanager
def asked_within() -> Iterator[set[str]]:
    """Find out what a block differs by: ``"language"`` and ``"timezone"``, each once it was asked for in the block.

    For whoever keeps what was made, as `@cached` does. What a `with language(…)` block within says itself is not asked.

    Example:
        >>> from wholestack.languages import gettext
        >>> with asked_within() as asked:
        ...     with language("de"):
        ...         _ = gettext("Save")
        ...     before = sorted(asked)
        ...     _ = gettext("Save")
        >>> before, sorted(asked)
        ([], ['language'])
    """
    watched = Watched(spoken())
    token = _chosen.set(watched)
    try:
        yield watched.asked
    finally:
        _chosen.reset(token)
