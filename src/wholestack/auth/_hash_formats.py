"""Hashes of passwords as they are stored: how each kind is read, and what is worked out to compare with it.

What a stored hash asks for is bounded: whoever can write one must not make a login take gigabytes or minutes.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import importlib.util
import re
from collections.abc import Callable
from typing import Any, Protocol

from wholestack.files import PackageMissing

MOST_MEMORY = 256 * 1024
"""KiB that one hash may ask for."""
_MOST_PASSES = 32
_MOST_LANES = 16
_MOST_ITERATIONS = 5_000_000
_MOST_BCRYPT = 15
_LONGEST = 1024
"""Characters of a stored hash."""
_BCRYPT_BYTES = 72
"""What bcrypt sees of a password; whoever wrote the hash has seen no more."""
SALT = 16
DIGEST = 32
"""Bytes (RFC 9106 §3.1)."""
_SHORTEST_DIGEST = 16


class Scheme(Protocol):
    """A function that passwords are hashed with, and its parameters."""

    def work(self, raw: bytes, salt: bytes, length: int = DIGEST) -> bytes:
        """The digest of a password."""
        ...

    def written(self, salt: bytes, digest: bytes) -> str:
        """A hash as it is stored."""
        ...


@dataclasses.dataclass(frozen=True)
class Argon2:
    """argon2id (RFC 9106), by argon2-cffi.

    Attributes:
        memory: KiB.
        passes: over the memory.
        lanes: worked on at the same time.
        variant: one of the names that the reference implementation has for its three kinds.
        version: of the algorithm: 19, or 16 in old hashes.
    """

    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    variant: str = "argon2id"
    version: int = 19

    def work(self, raw: bytes, salt: bytes, length: int = DIGEST) -> bytes:
        """See `Scheme`."""
        argon2 = _argon2()
        kind = argon2.Type[self.variant.removeprefix("argon2").upper()]
        found: bytes = argon2.hash_secret_raw(
            raw, salt, self.passes, self.memory, self.lanes, length, kind, self.version
        )
        return found

    def written(self, salt: bytes, digest: bytes) -> str:
        """See `Scheme`."""
        costs = f"m={self.memory},t={self.passes},p={self.lanes}"
        return f"${self.variant}$v={self.version}${costs}${_b64(salt)}${_b64(digest)}"

    @property
    def is_bounded(self) -> bool:
        """Whether it asks for no more than may be asked for, and not for less than there is (RFC 9106 §3.1)."""
        lanes = 1 <= self.lanes <= _MOST_LANES
        return lanes and 1 <= self.passes <= _MOST_PASSES and 8 * self.lanes <= self.memory <= MOST_MEMORY


@dataclasses.dataclass(frozen=True)
class Scrypt:
    """scrypt (RFC 7914), by the standard library; by default one of the settings that OWASP takes for equal.

    Attributes:
        cost: the logarithm to the base 2 of N.
        block: r.
        lanes: p, one after the other.
    """

    cost: int = 15
    block: int = 8
    lanes: int = 3

    def work(self, raw: bytes, salt: bytes, length: int = DIGEST) -> bytes:
        """See `Scheme`."""
        most = 128 * self.block * (2**self.cost + self.lanes + 2) + 2**20
        return hashlib.scrypt(raw, salt=salt, n=2**self.cost, r=self.block, p=self.lanes, maxmem=most, dklen=length)

    def written(self, salt: bytes, digest: bytes) -> str:
        """See `Scheme`."""
        return f"$scrypt$ln={self.cost},r={self.block},p={self.lanes}${_b64(salt)}${_b64(digest)}"

    @property
    def is_bounded(self) -> bool:
        """Whether it asks for no more than may be asked for."""
        within = 1 <= self.cost <= 24 and 1 <= self.block <= 64 and 1 <= self.lanes <= _MOST_LANES
        return within and 2**self.cost * self.block // 8 <= MOST_MEMORY


@dataclasses.dataclass(frozen=True)
class Stored:
    """A stored hash, read.

    Attributes:
        scheme: what it was made with, and its parameters; None for what no new hash is made with.
        work: works the digest of a password out.
        digest: what that must be.
        salt: how many bytes its salt has.
    """

    scheme: Scheme | None
    work: Callable[[bytes], bytes] = dataclasses.field(repr=False)
    digest: bytes = dataclasses.field(repr=False)
    salt: int = 0


def has_argon2() -> bool:
    """Whether argon2-cffi is there."""
    return importlib.util.find_spec("argon2") is not None


def read(encoded: str) -> Stored | None:
    """A stored hash; None where it is none that can be verified here, or asks for more than is allowed.

    Raises:
        PackageMissing: it needs a package that is not installed.

    Example:
        >>> found = read("$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$" + "A" * 43)
        >>> found.scheme
        Scrypt(cost=4, block=8, lanes=1)
    """
    if len(encoded) > _LONGEST:
        return None
    for pattern, reader in _READERS:
        found = pattern.fullmatch(encoded)
        if found is not None:
            try:
                return _sound(reader(**found.groupdict()))
            except ValueError:
                return None  # Its base64 is none, or a name of a digest is.
    return None


def _sound(stored: Stored | None) -> Stored | None:
    return None if stored is None or len(stored.digest) < _SHORTEST_DIGEST else stored


def _of_scheme(scheme: Argon2 | Scrypt, salt: bytes, digest: bytes) -> Stored | None:
    if not scheme.is_bounded or len(salt) < 8:
        return None
    return Stored(scheme, functools.partial(_work, scheme, salt, len(digest)), digest, len(salt))


def _work(scheme: Argon2 | Scrypt, salt: bytes, length: int, raw: bytes) -> bytes:
    return scheme.work(raw, salt, length)


# -- each kind ------------------------------------------------------------------------------------------------------


def _of_argon2(kind: str, version: str | None, m: str, t: str, p: str, salt: str, digest: str) -> Stored | None:
    _argon2()
    scheme = Argon2(int(m), int(t), int(p), kind, int(version or 16))
    return _of_scheme(scheme, _bytes(salt), _bytes(digest))


def _of_scrypt(ln: str, r: str, p: str, salt: str, digest: str) -> Stored | None:
    return _of_scheme(Scrypt(int(ln), int(r), int(p)), _bytes(salt), _bytes(digest))


def _of_plain_scrypt(n: str, r: str, p: str, salt: str, digest: bytes) -> Stored | None:
    number = int(n)
    if number < 2 or number & (number - 1):
        return None
    stored = _of_scheme(Scrypt(number.bit_length() - 1, int(r), int(p)), salt.encode(), digest)
    return None if stored is None else dataclasses.replace(stored, scheme=None)


def _of_django_scrypt(n: str, r: str, p: str, salt: str, digest: str) -> Stored | None:
    return _of_plain_scrypt(n, r, p, salt, _bytes(digest))


def _of_werkzeug_scrypt(n: str, r: str, p: str, salt: str, digest: str) -> Stored | None:
    return _of_plain_scrypt(n, r, p, salt, bytes.fromhex(digest))


def _of_pbkdf2(name: str, iterations: str, salt: bytes, digest: bytes) -> Stored | None:
    count = int(iterations)
    if not 1 <= count <= _MOST_ITERATIONS:
        return None
    work = functools.partial(_pbkdf2, name, salt, count, len(digest))
    return Stored(None, work, digest, len(salt))


def _pbkdf2(name: str, salt: bytes, iterations: int, length: int, raw: bytes) -> bytes:
    return hashlib.pbkdf2_hmac(name, raw, salt, iterations, length)


def _of_django_pbkdf2(name: str, iterations: str, salt: str, digest: str) -> Stored | None:
    return _of_pbkdf2(name, iterations, salt.encode(), _bytes(digest))


def _of_werkzeug_pbkdf2(name: str, iterations: str, salt: str, digest: str) -> Stored | None:
    return _of_pbkdf2(name, iterations, salt.encode(), bytes.fromhex(digest))


def _of_passlib_pbkdf2(name: str | None, iterations: str, salt: str, digest: str) -> Stored | None:
    # Its base64 has a full stop where others have a plus.
    dotted = (_bytes(each.replace(".", "+")) for each in (salt, digest))
    return _of_pbkdf2(name or "sha1", iterations, *dotted)


def _of_bcrypt(setting: str, rest: str, cost: str, prehash: str | None = None) -> Stored | None:
    _bcrypt()
    if not 4 <= int(cost) <= _MOST_BCRYPT:
        return None
    work = functools.partial(_bcrypted, setting.encode(), prehash is not None)
    return Stored(None, work, (setting + rest).encode(), 16)


def _bcrypted(setting: bytes, prehash: bool, raw: bytes) -> bytes:
    if prehash:
        raw = hashlib.sha256(raw).hexdigest().encode()
    found: bytes = _bcrypt().hashpw(raw[:_BCRYPT_BYTES], setting)
    return found


def _argon2() -> Any:
    try:
        from argon2 import low_level
    except ImportError:
        raise PackageMissing("A password that was hashed with argon2", "argon2-cffi", "auth") from None
    return low_level


def _bcrypt() -> Any:
    try:
        import bcrypt
    except ImportError:
        raise PackageMissing("A password that was hashed with bcrypt", "bcrypt", "bcrypt") from None
    return bcrypt


def _b64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)


_N = r"[0-9]{1,9}"
_B64 = r"[A-Za-z0-9+/]{1,200}"
_DOTTED = r"[A-Za-z0-9./]{1,200}"
_HEX = r"(?P<digest>[0-9a-f]{1,256})"
_SALT = r"(?P<salt>[^$]{8,100})"
_BOTH = rf"(?P<salt>{_B64})\$(?P<digest>{_B64})"
_NRP = rf"(?P<n>{_N}):(?P<r>{_N}):(?P<p>{_N})"
_ITERATIONS = rf"(?P<iterations>{_N})"
_VARIANT = r"\$(?P<kind>argon2(?:id|i|d))(?:\$v=(?P<version>16|19))?"
_BCRYPT = r"(?P<setting>\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{22})(?P<rest>[./A-Za-z0-9]{31})"

_PATTERNS: tuple[tuple[str, Callable[..., Stored | None]], ...] = (
    # Of argon2-cffi, passlib and here; with a word before it, of Django.
    (rf"(?:argon2)?{_VARIANT}\$m=(?P<m>{_N}),t=(?P<t>{_N}),p=(?P<p>{_N})\${_BOTH}", _of_argon2),
    # Of passlib and here.
    (rf"\$scrypt\$ln=(?P<ln>{_N}),r=(?P<r>{_N}),p=(?P<p>{_N})\${_BOTH}", _of_scrypt),
    (rf"scrypt\$(?P<n>{_N})\${_SALT}\$(?P<r>{_N})\$(?P<p>{_N})\$(?P<digest>{_B64}=*)", _of_django_scrypt),
    (rf"scrypt:{_NRP}\${_SALT}\${_HEX}", _of_werkzeug_scrypt),
    (rf"pbkdf2_(?P<name>sha256|sha1)\${_ITERATIONS}\${_SALT}\$(?P<digest>{_B64}=*)", _of_django_pbkdf2),
    (rf"pbkdf2:(?P<name>sha256|sha512|sha1):{_ITERATIONS}\${_SALT}\${_HEX}", _of_werkzeug_pbkdf2),
    (
        rf"\$pbkdf2(?:-(?P<name>sha256|sha512))?\${_ITERATIONS}\$(?P<salt>{_DOTTED})\$(?P<digest>{_DOTTED})",
        _of_passlib_pbkdf2,
    ),
    # Of passlib and others; with a word before it, of Django.
    (rf"(?:bcrypt\$)?{_BCRYPT}", _of_bcrypt),
    (rf"(?P<prehash>bcrypt_sha256\$){_BCRYPT}", _of_bcrypt),
)
_READERS = [(re.compile(pattern), reader) for pattern, reader in _PATTERNS]
