"""What a change of a column's type costs, and whether the code before it can live with it."""

from __future__ import annotations

import copy
import functools
import re
from typing import Any, Literal

from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import CompileError, UnsupportedCompilationError

from wholestack.db import Exact

Change = Literal["none", "free", "checked", "rewritten"]
"""none: the same; free: the catalogue alone changes; checked: each row is read; rewritten: each row is written."""

_SAME = {
    "INT": "INTEGER", "INT4": "INTEGER", "INT8": "BIGINT", "INT2": "SMALLINT", "DECIMAL": "NUMERIC", "BOOL": "BOOLEAN",
    "CHARACTER VARYING": "VARCHAR", "CHARACTER": "CHAR", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "FLOAT8": "DOUBLE PRECISION", "FLOAT4": "REAL",
}  # fmt: skip
_WHOLE = ["SMALLINT", "INTEGER", "BIGINT"]
_BINARY = ["BYTEA", "BLOB", "LONGBLOB"]


@functools.cache
def dialect_of(name: str) -> Dialect:
    """SQLAlchemy's dialect by its name, without loading a driver; what it writes is for people and files."""
    driver = {"mariadb": "mariadb+pymysql", "mysql": "mysql+pymysql"}.get(name, name)
    return as_read(make_url(f"{driver}://").get_dialect()())


def as_read(dialect: Dialect) -> Dialect:
    """A dialect that writes SQL as the database reads it.

    Drivers that mark parameters by a percent sign want each other one twice; a file that held it twice would have it
    doubled once more when it runs.

    Example:
        >>> from sqlalchemy import text
        >>> from sqlalchemy.dialects.postgresql import psycopg
        >>> str(text("n % 2 = 0").compile(dialect=as_read(psycopg.dialect())))
        'n % 2 = 0'
    """
    found: Any = copy.copy(dialect)
    found.identifier_preparer = copy.copy(dialect.identifier_preparer)
    found.identifier_preparer.dialect = found
    found.identifier_preparer._double_percents = False
    vars(found).pop("_type_memos", None)  # How types write their values is kept there.
    found.type_compiler_instance = found.type_compiler_cls(found)
    return found  # type: ignore[no-any-return]


def spelled(kind: Any, dialect: str) -> tuple[str, tuple[int, ...]]:
    """A type's name in a database and the numbers in its brackets.

    Example:
        >>> from sqlalchemy import String
        >>> spelled(String(50), "postgresql")
        ('VARCHAR', (50,))
    """
    if kind is None:
        return "", ()
    kind = kind() if isinstance(kind, type) else kind
    if isinstance(kind, Exact):  # SQLite's own word for it says nothing of its digits.
        return "NUMERIC", (kind.precision, kind.scale)
    try:
        words = kind.compile(dialect=dialect_of(dialect)).upper()
    except (CompileError, UnsupportedCompilationError):
        words = repr(kind).upper()
    numbers = re.search(r"\(([\d\s,]+)\)", words)
    name = " ".join(re.sub(r"\([^)]*\)", " ", words).split())
    if name == "FLOAT" and dialect == "postgresql":
        name = "REAL" if numbers and int(numbers[1]) < 25 else "DOUBLE PRECISION"
    return _SAME.get(name, name), tuple(int(each) for each in numbers[1].split(",")) if numbers else ()


def change(old: Any, new: Any, dialect: str) -> Change:
    """What PostgreSQL does for a change of type; others are judged as it is, or worse.

    Its documentation of ALTER TABLE: a change that needs no new values is free where the old type can be coerced to
    the new one; all others rewrite the table and its indexes under ACCESS EXCLUSIVE.
    """
    (before, had), (after, has) = spelled(old, dialect), spelled(new, dialect)
    if not before:
        return "rewritten"
    if (before, had) == (after, has):
        return "none"
    if before in {"VARCHAR", "TEXT"} and after in {"VARCHAR", "TEXT"}:
        return "free" if fits(old, new, dialect) else "checked"
    if before == after == "NUMERIC" and fits(old, new, dialect) and _scale(had) == _scale(has or had):
        return "free"
    if before == after and before.startswith(("TIMESTAMP", "TIME", "BIT VARYING")) and fits(old, new, dialect):
        return "free"
    return "free" if (before, after) == ("CIDR", "INET") else "rewritten"


def fits(old: Any, new: Any, dialect: str) -> bool:
    """Whether each value of the old type can be kept in the new one as it is, so that old code may go on writing it."""
    (before, had), (after, has) = spelled(old, dialect), spelled(new, dialect)
    if (before, had) == (after, has):
        return True
    if before in _WHOLE and after in _WHOLE:
        return _WHOLE.index(before) <= _WHOLE.index(after)
    if before in _WHOLE and after == "NUMERIC":
        digits = {"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}[before]
        return not has or has[0] - _scale(has) >= digits
    if before in {"VARCHAR", "CHAR", "TEXT"} and after in {"VARCHAR", "TEXT"}:
        return not has or (bool(had) and had[0] <= has[0])
    if before == after == "NUMERIC":
        return not has or (bool(had) and had[0] - _scale(had) <= has[0] - _scale(has) and _scale(had) <= _scale(has))
    if before == after:
        return not has or (bool(had) and had[0] <= has[0])
    if before in _BINARY and after in _BINARY:
        return True
    return (before, after) in {("REAL", "DOUBLE PRECISION"), ("CIDR", "INET"), ("JSON", "JSONB")}


def _scale(numbers: tuple[int, ...]) -> int:
    return numbers[1] if len(numbers) > 1 else 0


_STABLE = re.compile(
    r"""(?ix) ^\s* (?:
        [-+]?[\d.]+ | [BXEN]?'(?:[^']|'')*' (?:::[\w\s"\[\]().]+)? | true | false | null
      | (?:now|current_timestamp|current_date|current_time|localtimestamp|transaction_timestamp|current_user|
           statement_timestamp|session_user) \s* (?:\(\s*\d*\s*\))?
      | '[^']*'::\w+
    ) \s*$"""
)


def is_stable(default: str) -> bool:
    """Whether a default is the same for all rows that are there, so that PostgreSQL (11 and up) need not write them.

    A constant is, and so is the time of the transaction; what calls anything else may differ row by row.
    """
    bare = default.strip()
    while bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1].strip()
    return _STABLE.match(bare) is not None
