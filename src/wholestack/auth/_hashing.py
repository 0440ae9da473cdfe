"""Hashing passwords, and verifying them: those that were hashed here, and those that came from elsewhere."""

from __future__ import annotations

import dataclasses
import hmac
import logging
import re
import secrets
import unicodedata
from contextlib import AbstractContextManager
from typing import Literal

from wholestack import HTTPError
from wholestack.files import PackageMissing

from ._hash_formats import DIGEST, SALT, Argon2, Scheme, Scrypt, Stored, has_argon2, read
from ._hash_pool import HashingThreads, default_at_once
from ._misuse import misuse

_log = logging.getLogger("wholestack.auth")

MOST = 4096
"""Bytes of a password in UTF-8."""
_WAITING = 200
_KIND = re.compile(
    r"\$?(argon2(id|i|d)?|scrypt|pbkdf2[_:-]?(sha\d+)?|bcrypt(_sha256)?|2[abxy]|md5|sha\d*|crypt|[156])(?=[$:])"
)


@dataclasses.dataclass(frozen=True)
class Verified:
    """Whether a password is the one; true where it is.

    Attributes:
        ok: whether it is.
        rehash: whether it was hashed with other parameters than those of today: hash it anew now, while it is known.
    """

    ok: bool
    rehash: bool

    def __bool__(self) -> bool:
        return self.ok


class Passwords:
    """Hashes passwords with argon2id (RFC 9106), or with scrypt (RFC 7914) where argon2-cffi is not installed.

    The parameters are those that OWASP recommends: argon2id with 19 MiB and two passes, scrypt with N = 2¹⁵, r = 8,
    p = 3. Hashes that Django, Werkzeug and passlib have made are verified, too, and reported for a new one.

    A password is taken as it was typed, blanks at its ends included, in Unicode's form NFKC, so that one keyboard's
    ``é`` is another's (NIST SP 800-63B-4 §3.1.1.2). One that was hashed elsewhere as it stood is found all the same. Of
    more than 4,096 bytes none is looked at.

    Hashes are made in a few threads of their own, in either colour; a call beyond those that may wait for one is
    refused with 503. A hash is made with a salt of 16 random bytes.

    Arguments:
        scheme: ``"argon2id"`` or ``"scrypt"``; left out, the first that is there.
        memory: KiB that argon2id takes.
        passes: how often it goes over them.
        lanes: how many parts of them are worked on at the same time.
        at_once: how many are hashed at once: the cores but one, at most 4, where it is left out.
        waiting: how many calls may wait, 200; of those in `def` handlers, whose threads others need as well, 16.

    Raises:
        SetupError: a parameter that no hash can have (``bad-login-setting``).
        PackageMissing: argon2id, where argon2-cffi is not installed.

    Example:
        >>> passwords = Passwords(memory=64, passes=1)  # for an example: far too little
        >>> kept = passwords.hash("correct horse")
        >>> passwords.verify("correct horse", kept), bool(passwords.verify("Correct horse", kept))
        (Verified(ok=True, rehash=False), False)
        >>> Passwords(memory=128, passes=1).verify("correct horse", kept)
        Verified(ok=True, rehash=True)
    """

    def __init__(
        self,
        *,
        scheme: Literal["argon2id", "scrypt"] | None = None,
        memory: int = Argon2.memory,
        passes: int = Argon2.passes,
        lanes: int = Argon2.lanes,
        at_once: int | None = None,
        waiting: int = _WAITING,
    ) -> None:
        wanted = scheme or ("argon2id" if has_argon2() else "scrypt")
        argon2 = Argon2(memory, passes, lanes)
        self._scheme: Scheme = argon2 if wanted == "argon2id" else Scrypt()
        if not argon2.is_bounded or wanted not in {"argon2id", "scrypt"} or waiting < 0 or (at_once or 1) < 1:
            message = "Passwords(…) was given a parameter that no hash can be made with."
            raise misuse(message, "Leave it out: the defaults are those that OWASP recommends.")
        if wanted == "argon2id" and not has_argon2():
            raise PackageMissing("argon2id", "argon2-cffi", "auth")
        self._threads = HashingThreads(at_once or default_at_once(), waiting)
        # Nobody's password: its salt is no secret, and what is worked out with it is compared with nothing.
        self._nobody = Stored(self._scheme, self._work_for_nobody, bytes(DIGEST), SALT)

    def admitted(self) -> AbstractContextManager[None]:
        """Around a login: of so many at a time as may wait for a hash each is worked on, and others have the rest.

        Raises:
            ServiceUnavailable: there are too many already (``logins-busy``).
        """
        return self._threads.admitted()

    def hash(self, password: str) -> str:
        """The hash of a password, as text to be stored.

        Raises:
            HTTPError: a password of more than 4,096 bytes: 422 (``password-too-long``).
            ServiceUnavailable: too many wait for a hash already (``logins-busy``).
        """
        forms = _forms(password)
        if not forms:
            raise HTTPError(f"A password has at most {MOST:,} bytes.", status=422, code="password-too-long")
        salt = secrets.token_bytes(SALT)
        return self._scheme.written(salt, self._threads.run(self._scheme.work, forms[0], salt))

    def verify(self, password: str, encoded: str) -> Verified:
        """Whether a password is the one of a stored hash.

        A hash that nothing is known of, or that asks for more than 256 MiB, is nobody's: that is logged, and answered
        as if the password were wrong.

        Raises:
            PackageMissing: the hash needs a package that is not installed.
            ServiceUnavailable: too many wait for a hash already (``logins-busy``).
        """
        stored = read(encoded)
        if stored is None:
            if encoded and not encoded.startswith("!"):  # Django's mark of an account without a password.
                kind = _KIND.match(encoded)
                shown = kind[0] if kind else "unknown"  # What is no hash at all may be a password.
                _log.error("A stored hash of a password cannot be verified, or asks for too much; its kind: %s", shown)
            self.verify_nobody(password)
            return Verified(ok=False, rehash=False)
        found = self._compared(password, stored)
        # One that was hashed elsewhere as it stood, and not in its normal form, is hashed in that.
        return Verified(any(found), any(found) and (not found[0] or self._is_old(stored)))

    def verify_nobody(self, password: str) -> None:
        """Take as long as for an account that there is, so that nobody learns whether there is one.

        Raises:
            ServiceUnavailable: too many wait for a hash already (``logins-busy``).
        """
        self._compared(password, self._nobody)

    def needs_rehash(self, encoded: str) -> bool:
        """Whether a stored hash was made with other parameters than those of today.

        Example:
            >>> Passwords().needs_rehash("pbkdf2_sha256$1000000$saltsaltsalt$" + "A" * 43 + "=")
            True
        """
        stored = read(encoded)
        return stored is None or self._is_old(stored)

    def _is_old(self, stored: Stored) -> bool:
        return stored.scheme != self._scheme or (stored.salt, len(stored.digest)) != (SALT, DIGEST)

    def _compared(self, password: str, stored: Stored) -> list[bool]:
        """For each form of the password whether it is the one; each is tried, whatever comes of the first."""
        forms = _forms(password)
        return self._threads.run(_compare, stored, forms) if forms else [False]

    def _work_for_nobody(self, raw: bytes) -> bytes:
        return self._scheme.work(raw, bytes(SALT))

    def __repr__(self) -> str:
        return f"<Passwords {self._scheme}>"


def _compare(stored: Stored, forms: list[bytes]) -> list[bool]:
    return [hmac.compare_digest(stored.work(each), stored.digest) for each in forms]


def _forms(password: str) -> list[bytes]:
    """A password as bytes: in NFKC, and as it stands where that is another; nothing where it is too long."""
    plain = password.encode("utf-8", "surrogatepass")
    if len(plain) > MOST:
        return []
    normal = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return [normal] if normal == plain else [normal, plain]
