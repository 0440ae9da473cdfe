"""Which passwords are taken: long ones that others do not try first. What they are made of is nobody's business."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from importlib import resources

from wholestack.languages import gettext, translated_fault

from ._misuse import misuse

_LEAST = 10
_MOST = 4096
_PART = 4
"""Letters that a part of a name must have to be looked for."""
_AROUND = 6
"""Digits and signs around a common word that do not make it uncommon."""
_UNIT = 4
"""Characters that, said again and again, make no password."""
_ALIKE = 0.7
_LONGEST_PART = 64
_LONGEST_ALIKE = 120
_MOST_PARTS = 30
_NO_WORDS = re.compile(r"[\W_]+")
_RUNS = tuple(
    run + run[::-1]
    for run in (
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890-=",
        "12345678901234567890",
        "12345678910111213141516",
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
        "1q2w3e4r5t6y7u8i9o0p",
    )
)


class PasswordRules:
    """Which passwords are taken for an account (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 §6.2).

    There are no rules for what a password is made of: no capital, digit or sign is asked for, and none is refused.
    Refused is what is short, what is one of the 49,000 most common passwords (also with up to six digits or signs
    around it, or repeated), a run along the keyboard, and what is little more than the account's own address or name.

    Ten characters are the least by default. Eight is what both allow, and 15 what they recommend for a password alone:
    ten are above what is tried against a stolen table first, and low enough that people who are stopped by it take a
    better password and not the same one with a sign behind it. Say 15 where a password is all that is asked for.

    Arguments:
        least: characters (code points) that a password has at least, 8 or more.
        most: bytes in UTF-8 that it has at most.
        common: whether it must not be a common one.
        words: what it must not rest on besides: the names of the product and of its makers.

    Raises:
        SetupError: `least` is under 8, or `most` over what is hashed (``bad-login-setting``).

    Example:
        >>> rules = PasswordRules()
        >>> rules.faults("correct horse battery", about=["zoe@example.org"])
        []
        >>> rules.faults("dragon2024!")
        ['This password is one of those that are tried first. Choose one that nobody else has.']
    """

    def __init__(
        self, least: int = _LEAST, most: int = _MOST, *, common: bool = True, words: Sequence[str] = ()
    ) -> None:
        if not 8 <= least <= 64 or not least <= most <= _MOST:
            raise misuse(
                f"PasswordRules(least={least}, most={most}) are no limits: 8 ≤ least ≤ 64, least ≤ most ≤ {_MOST}.",
                "PasswordRules(least=15) where the password is all that a login asks for.",
            )
        self.least: int = least
        self.most: int = most
        self.common: bool = common
        self.words: tuple[str, ...] = tuple(words)

    def faults(self, password: str, *, about: Sequence[str] = ()) -> list[str]:
        """What is wrong with a password, as texts for who chose it, in their language; nothing where it is taken.

        Arguments:
            password: as it was typed.
            about: what others know of the account: its address, the names of its owner.
        """
        if len(password.encode("utf-8", "surrogatepass")) > self.most:
            return [gettext("This password is too long.")]
        folded = _folded(password)
        if len(unicodedata.normalize("NFKC", password)) < self.least:
            return [translated_fault("string_too_short", {"min_length": self.least}, "")]
        if self.common and is_common(folded):
            return [gettext("This password is one of those that are tried first. Choose one that nobody else has.")]
        if self._is_about(folded, [*about, *self.words]):
            return [gettext("This password is too much like the address, the name or this site.")]
        return []

    def _is_about(self, folded: str, about: Sequence[str]) -> bool:
        """Whether too little is left of a password without what is known, or it is much like a part of that."""
        left = folded
        for part in sorted(_parts(about), key=len, reverse=True)[:_MOST_PARTS]:
            left = left.replace(part, "")
            if len(folded) <= _LONGEST_ALIKE and _is_like(folded, part):
                return True
        return left != folded and len(left) < self.least

    def __repr__(self) -> str:
        return f"<PasswordRules least={self.least} most={self.most} common={self.common}>"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _parts(about: Sequence[str]) -> Iterator[str]:
    """Each of the texts, and the words in them, where they have some letters."""
    for text in dict.fromkeys(about):
        # The host of an address says nothing in its last part.
        known = _folded(text[: 4 * _LONGEST_PART])
        whole = known.rpartition("@")[0] or known
        words = _NO_WORDS.split(whole) + _NO_WORDS.split(known.partition("@")[2].rpartition(".")[0])
        yield from {each for each in [whole, "".join(words), *words] if _PART <= len(each) <= _LONGEST_PART}


def _is_like(folded: str, part: str) -> bool:
    """Whether at most a third of both is not the same; what is long is not compared, which takes its time."""
    both = difflib.SequenceMatcher(None, folded, part, autojunk=False)
    return both.real_quick_ratio() >= _ALIKE and both.quick_ratio() >= _ALIKE and both.ratio() >= _ALIKE


def is_common(folded: str) -> bool:
    """Whether a password, in small letters, is among those that are tried first.

    Example:
        >>> [is_common(each) for each in ("password1", "!dragon2024!", "abcabcabc", "3456789012", "correct horse")]
        [True, True, True, True, False]
    """
    unit, core = folded[: _period(folded)], _core(folded)
    return (
        (len(unit) <= _UNIT and unit != folded)
        or any(unit in run for run in _RUNS)
        or _is_listed(folded)
        or (unit != folded and _is_listed(unit))
        or (len(core) >= _PART and len(folded) - len(core) <= _AROUND and _is_listed(core))
    )


def _period(folded: str) -> int:
    """After how many characters a text begins again, the last time perhaps in part; its length where it does not."""
    most = min(len(folded) // 2, _LONGEST_PART)
    return next((each for each in range(1, most + 1) if folded.startswith(folded[each:])), len(folded))


def _core(folded: str) -> str:
    """A text from its first letter to its last one."""
    letters = [index for index, each in enumerate(folded) if each.isalpha()]
    return folded[letters[0] : letters[-1] + 1] if letters else ""


def _is_listed(folded: str) -> bool:
    return f"\n{folded}\n".encode("utf-8", "surrogatepass") in _list()


@functools.cache
def _list() -> bytes:
    """The list as one text, which takes a tenth of the memory that a set would."""
    return zlib.decompress((resources.files("wholestack.auth") / "data" / "common-passwords.zlib").read_bytes())
