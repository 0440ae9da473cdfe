"""Languages by their tags (BCP 47), and the one that a client likes best among those that there are."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Literal

_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,7}")
_RANGE = re.compile(r"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*+")
_QUALITY = re.compile(r"[ \t]*;[ \t]*[qQ]=(1(?:\.0{0,3})?|0(?:\.[0-9]{0,3})?)")
_SHORT = 256
_LONGEST = 8 * 1024

# By the script of a language, or what it is written in where its tag names no script (CLDR, likely subtags).
_RTL_SCRIPTS = frozenset({"adlm", "arab", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "thaa"})
_RTL_LANGUAGES = frozenset(
    {"ar", "arc", "arz", "azb", "bal", "ckb", "dv", "fa", "glk", "he", "iw", "ks", "lrc", "mzn", "nqo", "pnb", "prs"}
    | {"ps", "rhg", "sd", "sdh", "skr", "syr", "ug", "ur", "yi"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Language:
    """A language; handlers ask for that of their request by this type.

    Attributes:
        tag: its name for machines, as in `<html lang="…">` (BCP 47).

    Example:
        >>> Language("ar").direction, Language("de-AT").direction, str(Language("de-AT"))
        ('rtl', 'ltr', 'de-AT')
    """

    tag: str

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Which way it is written, as in `<html dir="…">`; a script in the tag decides, else the language."""
        first, *rest = self.tag.lower().split("-")
        script = next((each for each in rest[:2] if len(each) == 4 and each.isalpha()), None)
        rtl = script in _RTL_SCRIPTS if script is not None else first in _RTL_LANGUAGES
        return "rtl" if rtl else "ltr"

    def __str__(self) -> str:
        return self.tag


def is_tag(text: str) -> bool:
    """Whether a text has the form of a language's tag (RFC 5646 §2.1).

    Example:
        >>> is_tag("zh-Hant-TW"), is_tag("../de"), is_tag("de_AT")
        (True, False, False)
    """
    return _TAG.fullmatch(text) is not None


def find(tag: str, offers: Sequence[str]) -> str | None:
    """One language among those that there are: itself, else a wider one, else the first that is narrower.

    Source: RFC 4647 §3.4 (lookup); where it finds none, §3.3.1 (basic filtering), so that ``pt`` finds ``pt-BR``.

    Example:
        >>> find("de-AT", ["en", "de"]), find("pt", ["en", "pt-BR"]), find("fr", ["en"])
        ('de', 'pt-BR', None)
    """
    wanted = tag.lower()
    lower = {each.lower(): each for each in reversed(offers)}
    for each in _wider(wanted):
        if each in lower:
            return lower[each]
    return next((each for each in offers if each.lower().startswith(wanted + "-")), None)


def negotiate(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that a client likes best by its Accept-Language field; None where it names none of them.

    A field over 8 KiB counts as none; what is malformed in it is passed over. A quality of 0 takes a language out, with
    all that are narrower.

    Arguments:
        accept: the field's value.
        offers: tags; of those that are liked equally, the field's order decides.

    Source: RFC 9110 §12.5.4, RFC 4647 §3.4.

    Example:
        >>> negotiate("fr, de-AT;q=0.8, en;q=0.5", ["en", "de"])
        'de'
    """
    if not accept or len(accept) > _LONGEST:
        return None
    return (_short_choice if len(accept) <= _SHORT else _choice)(accept, tuple(offers))


def _choice(accept: str, offers: tuple[str, ...]) -> str | None:
    ranges = [*_ranges(accept)]
    unwanted = [tag for tag, quality in ranges if quality == 0 and tag != "*"]
    left = [each for each in offers if not any(_is_within(each.lower(), tag) for tag in unwanted)]
    for tag, quality in sorted(ranges, key=lambda each: -each[1]):
        if quality == 0:
            break
        # "*" is what has not been named; of that, the first is as good as any.
        found = next(iter(left), None) if tag == "*" else find(tag, left)
        if found is not None:
            return found
    return None


_short_choice = functools.lru_cache(maxsize=512)(_choice)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    seen: set[str] = set()
    for part in accept.split(","):
        part = part.strip(" \t")
        match = _RANGE.match(part)
        if match is None or match[0].lower() in seen:
            continue
        rest = part[match.end() :]
        quality = _QUALITY.fullmatch(rest)
        if not rest or quality is not None:
            seen.add(match[0].lower())
            yield match[0].lower(), 1.0 if quality is None else float(quality[1])


def _is_within(tag: str, wider: str) -> bool:
    return tag == wider or tag.startswith(wider + "-")


def _wider(tag: str) -> Iterator[str]:
    """A tag, and what is left when its last parts are taken away, one after the other."""
    parts = tag.split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        if parts and len(parts[-1]) == 1:
            parts.pop()  # A single letter only announces what came after it.
