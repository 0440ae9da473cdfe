"""What SQLite reckons decimals with: functions over whole numbers, which are exact or an error, and never a float."""

from __future__ import annotations

import decimal
import sqlite3
from collections.abc import Callable
from typing import Any

_MOST = 2**63 - 1


def add_functions(connection: sqlite3.Connection) -> None:
    """Let a connection call them."""
    for function, count in _FUNCTIONS.items():
        connection.create_function(function.__name__, count, _checked(function), deterministic=True)


def exact_plus(one: int, other: int) -> int:
    """The sum."""
    return one + other


def exact_minus(one: int, other: int) -> int:
    """The difference."""
    return one - other


def exact_times(one: int, other: int) -> int:
    """The product.

    Example:
        >>> exact_times(125_000, 11)
        1375000
    """
    return one * other


def exact_over(one: int, other: int, places: int) -> int | None:
    """The quotient with so many more digits, rounded half away from zero; none by zero, as SQLite has it.

    Example:
        >>> exact_over(10, 3, 4)
        33333
    """
    return _rounded(one * 10**places, other) if other else None


def exact_moved(number: int, places: int) -> int:
    """The same number with so many more digits behind the point, or fewer.

    Example:
        >>> exact_moved(125, 2), exact_moved(125, -1), exact_moved(-125, -1)
        (12500, 13, -13)
    """
    return number * _power(places) if places >= 0 else _rounded(number, _power(-places))


def exact_round(number: int, scale: int, places: int) -> int:
    """Rounded to so many digits behind the point, half away from zero.

    Example:
        >>> exact_round(12_550, 3, 1), exact_round(12_550, 3, -1)
        (12600, 10000)
    """
    step = _power(max(scale - places, 0))
    return _rounded(number, step) * step


def exact_floor(number: int, scale: int) -> int:
    """The next whole number below.

    Example:
        >>> exact_floor(-125, 1)
        -130
    """
    return number // _power(scale) * _power(scale)


def exact_ceiling(number: int, scale: int) -> int:
    """The next whole number above.

    Example:
        >>> exact_ceiling(-125, 1)
        -120
    """
    return -exact_floor(-number, scale)


def exact_text(number: int, scale: int) -> str:
    """As a text, with all digits of the scale, as other databases have it.

    Example:
        >>> exact_text(-90, 2)
        '-0.90'
    """
    return f"{decimal.Decimal(number).scaleb(-scale):f}"


def exact_read(text: str | float, scale: int) -> int:
    """A text or a float as a number of this scale.

    Example:
        >>> exact_read("7.255", 2)
        726
    """
    with decimal.localcontext(prec=60):
        return int((decimal.Decimal(str(text)) * 10**scale).to_integral_value(decimal.ROUND_HALF_UP))


_FUNCTIONS: dict[Callable[..., Any], int] = {
    exact_plus: 2,
    exact_minus: 2,
    exact_times: 2,
    exact_over: 3,
    exact_moved: 2,
    exact_round: 3,
    exact_floor: 2,
    exact_ceiling: 2,
    exact_text: 2,
    exact_read: 2,
}


def _power(places: int) -> int:
    return int(10**places)


def _rounded(number: int, by: int) -> int:
    """A quotient as a whole number, half away from zero."""
    whole = (2 * abs(number) + abs(by)) // (2 * abs(by))
    return whole if (number < 0) == (by < 0) else -whole


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """NULL stays NULL; what SQLite has made a float, since it was too large, is as wrong as what is too large here.

    Of an `OverflowError` SQLite makes an error of data ("too big"), of any other one that says nothing.
    """
    takes_all = function is exact_read

    def checked(*values: Any) -> Any:
        if None in values:
            return None
        if not takes_all and not all(type(each) is int for each in values):
            raise OverflowError("no whole number")
        try:
            found = function(*values)
        except ArithmeticError as error:
            raise OverflowError("no number") from error
        if type(found) is int and abs(found) > _MOST:
            raise OverflowError("too large")
        return found

    return checked
