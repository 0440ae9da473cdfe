"""The database that a command is about, and its errors as a terminal has them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError

from wholestack import SetupError
from wholestack.db import Database
from wholestack.migrations import MigrationError, UnknownRevision

from ._fail import Broken, Stop, WrongCall, report
from ._find import find


@contextlib.contextmanager
def database_of(options: Mapping[str, Any]) -> Iterator[Database]:
    """The database of the app that the command line names; its errors become messages.

    Raises:
        Stop: the app is not found or uses none; or what is done with it fails.
    """
    found = named(databases(options["target"]), options.get("database"))
    try:
        yield found
    except UnknownRevision as error:
        raise WrongCall(str(error)) from error
    except MigrationError as error:
        raise Stop(str(error)) from error
    except DBAPIError as error:
        raise Stop(f"The database said no: {str(error.orig).strip() or error}") from error
    finally:
        found.dispose()


def databases(target: str) -> list[Database]:
    """Every database that the app uses, with the tables that plugins add when the app is sealed."""
    try:
        app = find(target)
        app.seal()
    except SetupError as error:
        raise Broken(report(error)) from None
    return [each for each in app.plugins if isinstance(each, Database)]


def named(found: list[Database], name: str | None) -> Database:
    """The database of that name; without a name the only one that takes writes.

    Raises:
        WrongCall: there is none, or it is not clear which.
    """
    if not found:
        raise WrongCall("The app uses no database: app.use(Database())")
    if name is not None:
        matching = [each for each in found if name_of(each).lower() == name.lower()]
    else:
        matching = [each for each in found if not each.read_only]
    if len(matching) == 1:
        return matching[0]
    if name is None and (own := [each for each in matching if each.is_default]):
        return own[0]
    raise WrongCall(f"Say which database: {' or '.join(f'--database {name_of(each)}' for each in found)}.")


def name_of(database: Database) -> str:
    """What a database is called: by the type that handlers ask for."""
    return str(database.session_type.__name__)
