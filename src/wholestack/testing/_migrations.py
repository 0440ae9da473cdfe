"""Migrations in tests: each is applied, taken back and applied again, and the schema is the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._databases import fresh_database
from ._errors import SchemaDiffers

if TYPE_CHECKING:
    from wholestack.db import Database

Schema = dict[str, dict[str, str]]
"""Tables by name, and the types of the database by themselves; of each what it has, as text."""
_OURS = ("alembic_", "wholestack_")


def migrations_there_and_back(database: Database, *, worker: str = "") -> None:
    """Apply every migration to a new database, take each back, and apply them again, one by one.

    After each step the schema must be as it was at that migration before; without any, nothing may be left. A database
    without migrations passes. Its rows are not looked at: the new database has none.

    Arguments:
        database: the app's; only its server is used.
        worker: the name of a process that tests beside others, each of which has a database of its own.

    Raises:
        SchemaDiffers: a migration does not take back all that it does, or takes back more.
        MigrationError: one cannot be taken back, or would not be applied to a database in use.

    Example:
        >>> from wholestack.db import Database
        >>> migrations_there_and_back(Database("sqlite:///precious.db", migrations=None))
    """
    if database.migrations is None or not database.migrations.is_dir():
        return
    from wholestack.migrations import How, migrate, rollback, status

    quiet = How(tell=lambda _: None)
    with fresh_database(database, worker=worker) as fresh:
        names = {each.id: each.name for each in status(fresh).done}
        was, taken = [_schema(fresh)], list[str]()
        for _ in names:
            taken += rollback(fresh, how=quiet)
            was.append(_schema(fresh))
        _compare({}, was.pop(), "after all of them were taken back")
        for each in reversed(taken):
            migrate(fresh, to=each, how=quiet)
            _compare(was.pop(), _schema(fresh), f"at {names.get(each, each)}, after those behind it were taken back")


def _schema(database: Database) -> Schema:
    """What a database has, without an order among columns, and without what is book-keeping."""
    from sqlalchemy import inspect

    with database.engine.connect() as connection:
        there: Any = inspect(connection)
        names = [each for each in there.get_table_names() if not each.startswith(_OURS)]
        found = {name: _table(there, name) for name in names}
        enums = there.get_enums() if hasattr(there, "get_enums") else []
        return found | {f"type {each['name']}": {"labels": repr(each["labels"])} for each in enums}


def _table(there: Any, name: str) -> dict[str, str]:
    """A table's parts by their names."""
    found = {
        f"column {each['name']}": f"{each['type']!r} {each['nullable']} {str(each['default']).strip('()')}"
        for each in there.get_columns(name)
    }
    found["primary key"] = repr(there.get_pk_constraint(name)["constrained_columns"])
    for each in there.get_foreign_keys(name):
        found[f"foreign key {each['constrained_columns']}"] = f"{each['referred_table']} {each['options']}"
    for each in there.get_unique_constraints(name):
        found[f"unique {each['name']}"] = repr(each["column_names"])
    for each in there.get_indexes(name):
        found[f"index {each['name']}"] = f"{each['column_names']} {each['unique']}"
    for each in there.get_check_constraints(name):
        found[f"check {each['name']}"] = str(each["sqltext"]).replace('"', "")
    return found


def _compare(was: Schema, now: Schema, when: str) -> None:
    lines = []
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name), now.get(name)
        if old is None or new is None:
            lines.append(f"{name} {'is there' if old is None else 'is missing'}")
            continue
        lines += [
            f"{name}: {part} was {old.get(part, 'not there')}, is {new.get(part, 'not there')}"
            for part in sorted(old.keys() | new.keys())
            if old.get(part) != new.get(part)
        ]
    if lines:
        raise SchemaDiffers(f"The schema is another one {when}: {'; '.join(lines)}.")
