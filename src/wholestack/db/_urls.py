"""Addresses of databases: which driver an address means, and what to type where it is missing."""

from __future__ import annotations

import importlib.util
from typing import Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from wholestack.errors import Fault, SetupError

Kind = Literal["sqlite", "postgresql", "mariadb"]

_DRIVERS: dict[str, tuple[Kind, str, str, str]] = {
    "sqlite": ("sqlite", "sqlite+pysqlite", "sqlite3", ""),
    "postgresql": ("postgresql", "postgresql+psycopg", "psycopg", "pg"),
    "postgres": ("postgresql", "postgresql+psycopg", "psycopg", "pg"),
    "mariadb": ("mariadb", "mariadb+pymysql", "pymysql", "mariadb"),
    "mysql": ("mariadb", "mysql+pymysql", "pymysql", "mariadb"),
}


def read_url(address: str | URL) -> tuple[Kind, URL]:
    """The kind of database of an address, and the address with the driver that we speak to it with.

    Raises:
        SetupError: no address of a database that we know, or its driver is not installed.

    Example:
        >>> kind, url = read_url("sqlite:///app.db")
        >>> kind, url.drivername
        ('sqlite', 'sqlite+pysqlite')
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise _fault("bad-database-url", "The address of the database is none.", _EXAMPLES) from None
    name = url.drivername.partition("+")[0]
    if name not in _DRIVERS:
        raise _fault("bad-database-url", f"Wholestack knows no database of the kind {name!r}.", _EXAMPLES)
    kind, driver, module, extra = _DRIVERS[name]
    if importlib.util.find_spec(module) is None:
        cure = f"pip install 'wholestack[{extra}]'"
        raise _fault("no-database-driver", f"The driver for {name} ({module}) is not installed.", cure)
    return kind, url.set(drivername=driver)


_EXAMPLES = (
    "Write one like sqlite:///app.db, postgresql://user:password@host/name or mariadb://user:password@host/name."
)


def _fault(code: str, message: str, cure: str) -> SetupError:
    return SetupError([Fault(code, message, "DATABASE_URL or Database(url=…)", cure)])
