"""Column types: what a Python type becomes in a table, the same on each database."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Enum,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Time,
    Uuid,
)
from sqlalchemy.dialects.mysql import DATETIME, LONGBLOB, TIME
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

from ._errors import ValueRefused


class Moment(TypeDecorator[datetime.datetime]):
    """A point in time: time-zone-aware, kept in UTC, to the microsecond. A naive `datetime` is refused.

    PostgreSQL keeps it as `timestamptz`, MariaDB as `datetime(6)`, SQLite as text that sorts.
    """

    impl: Any = DateTime(timezone=True)
    cache_ok: bool | None = True

    @property
    def python_type(self) -> type[datetime.datetime]:
        """What it is in Python."""
        return datetime.datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        """UTC on the way in."""
        if value is None:
            return None
        if value.tzinfo is None or value.utcoffset() is None:
            raise ValueRefused("A date and time needs its time zone, such as 2026-11-22T10:00:00Z.")
        try:
            value = value.astimezone(datetime.UTC)
        except OverflowError:
            raise ValueRefused("A date and time lies in the years 1 to 9999 of UTC.") from None
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        """Aware on the way out, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


_WIDE = decimal.Context(decimal.MAX_PREC, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[])
"""Keeps every digit: the context at hand (28 of them, unless somebody says otherwise) rounds before it is checked."""


MOST = 18
"""Digits of a decimal that SQLite holds for certain: so many nines are a whole number of 64 bits."""
QUOTIENT = 4
"""Digits that a quotient has more than what was divided: MariaDB's `div_precision_increment`, so SQLite's, too."""

_FACTORS = {operators.mul, operators.truediv}
_SUMS = {operators.add, operators.sub, operators.mod}
_WIDEST = 1000
"""Digits that PostgreSQL takes in the name of a type."""
_LONGEST = 65
"""Digits that MariaDB holds; a factor with more of them, such as 1E-999999999, is held to its column's."""


class _Reckoned(TypeDecorator.Comparator[Any], Numeric.Comparator[Any]):
    """What an expression of decimals is: a number with the digits that the operator gives it."""

    __slots__ = ()

    def _adapt_expression(self, op: Any, other_comparator: Any) -> Any:
        own: Any = self.type
        other = other_comparator.type
        if isinstance(other, Integer):
            other = Exact(MOST, 0)
        if type(own) is not Exact or type(other) is not Exact or op not in _FACTORS | _SUMS:
            return super()._adapt_expression(op, other_comparator)
        highest = max(own.scale, other.scale)
        scale = own.scale + other.scale if op is operators.mul else highest + QUOTIENT * (op is operators.truediv)
        # Wide enough for each operator: what it is compared with is bound as this type.
        digits = own.precision + other.precision + highest + QUOTIENT
        return op, Exact(min(digits, _WIDEST), min(scale, _WIDEST))


class Exact(TypeDecorator[decimal.Decimal]):
    """A decimal number of so many digits, exact on each database: for money.

    SQLite has no such type and would make it a float; there it is kept as a whole number of the smallest unit, so that
    it compares, sorts and sums as it should. A value with more digits than the column has is refused, not rounded; a
    factor may have more.

    Arguments:
        precision: digits in all.
        scale: digits behind the point.
    """

    impl: Any = Numeric
    cache_ok: bool | None = True
    comparator_factory: Any = _Reckoned

    def __init__(self, precision: int = 18, scale: int = 4) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    @property
    def python_type(self) -> type[decimal.Decimal]:
        """What it is in Python."""
        return decimal.Decimal

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        kind: TypeEngine[Any] = BigInteger() if dialect.name == "sqlite" else Numeric(self.precision, self.scale)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: decimal.Decimal | int | None, dialect: Dialect) -> Any:
        """Checked, and scaled for SQLite."""
        if value is None:
            return None
        if isinstance(value, float):
            raise ValueRefused("A float is not exact; give a Decimal, an int or a text.")
        try:
            number = decimal.Decimal(value)
        except (ArithmeticError, ValueError, TypeError):
            raise ValueRefused("This is no number.") from None
        scaled = number.scaleb(self.scale, _WIDE) if number.is_finite() else None
        if scaled is None or scaled != scaled.to_integral_value() or scaled.copy_abs() >= 10**self.precision:
            digits = f"{self.precision - self.scale} digits before the point and {self.scale} behind it"
            raise ValueRefused(f"A number here has at most {digits}.")
        return int(scaled) if dialect.name == "sqlite" else number

    def process_result_value(self, value: Any, dialect: Dialect) -> decimal.Decimal | None:
        """The number, with all digits of its scale."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return decimal.Decimal(value).scaleb(-self.scale, _WIDE)
        return decimal.Decimal(value)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Numbers that it is compared with, or added to, are scaled as well; a factor has the digits that it has."""
        return _factor(value) or self if op in _FACTORS else self


def _factor(value: Any) -> Exact | None:
    """A type for a number as it was given; None where it is none, or far too long: the column's own type refuses it."""
    if isinstance(value, float):
        return None
    try:
        parts = decimal.Decimal(value).as_tuple()
    except (ArithmeticError, ValueError, TypeError):
        return None
    if not isinstance(parts.exponent, int):
        return None
    scale = max(-parts.exponent, 0)
    digits = max(len(parts.digits) + max(parts.exponent, 0), scale)
    return Exact(max(digits, MOST), scale) if digits <= _LONGEST else None


Keys = Callable[[], "list[str] | str"]


class Encrypted(TypeDecorator[str]):
    """Text that lies encrypted in the table (AES in a Fernet token, by the package `cryptography`).

    Arguments:
        keys: a function that gives the keys: the first encrypts, all decrypt. To rotate, put a new one in front, let
            the rows be written again (`wholestack db reencrypt`), then take the old one away.

    It cannot be searched or sorted, and what lies there cannot be read without the key.
    """

    impl: Any = LargeBinary
    cache_ok: bool | None = True

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self.keys = keys

    @property
    def python_type(self) -> type[str]:
        """What it is in Python."""
        return str

    def _box(self) -> Any:
        try:
            from cryptography.fernet import Fernet, MultiFernet
        except ImportError as error:
            raise ImportError("Encrypted columns need the package cryptography: pip install cryptography") from error
        keys = self.keys()
        return MultiFernet([Fernet(key) for key in ([keys] if isinstance(keys, str) else keys)])

    def renewed(self, value: bytes) -> bytes | None:
        """What lies in the table, encrypted anew with the first key; None where the first key decrypts it already.

        Raises:
            ValueError: none of the keys decrypts it.
        """
        box = self._box()
        from cryptography.fernet import Fernet, InvalidToken

        keys = self.keys()
        try:
            Fernet(keys if isinstance(keys, str) else keys[0]).decrypt(value)
        except InvalidToken:
            try:
                return bytes(box.rotate(value))
            except InvalidToken:
                raise ValueError("None of the keys decrypts this value.") from None
        return None

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encrypted."""
        return None if value is None else bytes(self._box().encrypt(value.encode()))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Decrypted."""
        return None if value is None else str(self._box().decrypt(bytes(value)).decode())

    def __repr__(self) -> str:
        return "Encrypted()"


class _Span(Interval):
    """An interval; where it is kept as a date (SQLAlchemy's way on SQLite and MariaDB), to the microsecond."""

    cache_ok: bool = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(DATETIME(fsp=6))
        return super().load_dialect_impl(dialect)


def _values(kind: type[enum.Enum]) -> list[str]:
    return [str(each.value) for each in kind]


_TEXT = String().with_variant(String(255), "mysql", "mariadb")
_JSON = JSON().with_variant(JSONB(), "postgresql")

TYPES: dict[Any, Any] = {
    str: _TEXT,
    int: BigInteger().with_variant(Integer(), "sqlite"),
    bool: Boolean(),
    bytes: LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb"),
    datetime.datetime: Moment(),
    datetime.time: Time().with_variant(TIME(fsp=6), "mysql", "mariadb"),
    datetime.timedelta: _Span(),
    decimal.Decimal: Exact(),
    uuid.UUID: Uuid(),
    # Kept by value, as text: a native type would have to be altered, under a lock, for each new member.
    enum.Enum: Enum(enum.Enum, native_enum=False, create_constraint=False, length=64, values_callable=_values),
    dict[str, Any]: _JSON,
    list[Any]: _JSON,
    list[str]: _JSON,
    list[int]: _JSON,
}
"""What a Python type in `Mapped[…]` becomes, where `mapped_column` does not say otherwise."""
