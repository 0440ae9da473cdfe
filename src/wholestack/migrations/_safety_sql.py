"""A small reader of statements: what raw SQL does, as operations that the same rules judge.

What it does not understand becomes `Special("unread")`; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from alembic.operations import ops
from sqlalchemy import Column, Computed, Identity, TextClause, text
from sqlalchemy.types import UserDefinedType

from ._safety_operations import Operation, Special
from ._safety_words import Reader, Word, split, statements
from ._safety_words import text as line


class RawType(UserDefinedType[object]):
    """A type by the words of a statement.

    Arguments:
        words: such as ``numeric(10, 2)``.
    """

    cache_ok = True

    def __init__(self, words: str) -> None:
        self.words = words

    def get_col_spec(self, **_: object) -> str:
        """The words."""
        return self.words


def read(sql: str) -> list[Operation]:
    """What a text of SQL does, one operation or more for each of its statements.

    Example:
        >>> [type(each).__name__ for each in read("ALTER TABLE note DROP COLUMN a; DROP TABLE b")]
        ['DropColumnOp', 'DropTableOp']
    """
    return [operation for found in statements(sql) for operation in _statement(found)]


def _statement(found: list[Word]) -> Iterator[Operation]:
    reader = Reader(found)
    first = found[0].key
    known = _STATEMENTS.get(first)
    if known is None:
        yield Special("unread", text=line(found))
        return
    reader.at = 1
    for operation in known(reader):
        if isinstance(operation, Special) and not operation.text:
            operation.text = line(found)
        yield operation


def _create(reader: Reader) -> Iterator[Operation]:
    reader.take("OR", "REPLACE")
    if reader.any("TEMP", "TEMPORARY"):
        yield Special("known")
        return
    reader.any("UNLOGGED", "RECURSIVE", "MATERIALIZED", "CONSTRAINT")
    unique = reader.take("UNIQUE")
    what = reader.word().upper()
    if what == "INDEX":
        yield _create_index(reader, unique=unique)
    elif what == "TABLE":
        reader.take("IF", "NOT", "EXISTS")
        name, schema = reader.name()
        yield ops.CreateTableOp(name, [], schema=schema)
    elif what == "VIEW":
        reader.take("IF", "NOT", "EXISTS")
        yield Special("create-view", reader.name()[0])
    elif what == "TRIGGER":
        name = reader.word()
        while reader.rest and not reader.take("ON"):
            reader.at += 1
        yield Special("create-trigger", reader.name()[0], name)
    else:
        known = {"EXTENSION", "SCHEMA", "SEQUENCE", "TYPE", "DOMAIN", "COLLATION", "STATISTICS", "ROLE", "PUBLICATION"}
        yield Special("known" if what in known else "unread")


def _create_index(reader: Reader, *, unique: bool) -> Operation:
    concurrently = reader.take("CONCURRENTLY")
    again = reader.take("IF", "NOT", "EXISTS")
    name = "" if reader.take("ON") else reader.name()[0]
    if name:
        reader.take("ON")
    reader.take("ONLY")
    table, schema = reader.name()
    if reader.take("USING"):
        reader.word()
    return ops.CreateIndexOp(
        name or None,
        table,
        _index_columns(reader),
        schema=schema,
        unique=unique,
        if_not_exists=again or None,
        postgresql_concurrently=concurrently,
    )


def _index_columns(reader: Reader) -> list[str | TextClause]:
    return [each if each.isidentifier() else text(each.replace(":", "\\:")) for each in reader.names()]


def _drop(reader: Reader) -> Iterator[Operation]:
    reader.take("MATERIALIZED")
    what = reader.word().upper()
    concurrently = reader.take("CONCURRENTLY")
    if_exists = reader.take("IF", "EXISTS")
    if what == "TABLE":
        for part in split(reader.rest, ","):
            name, schema = Reader(part).name()
            yield ops.DropTableOp(name, schema=schema, if_exists=if_exists or None)
    elif what == "INDEX":
        name, schema = reader.name()
        table = reader.name()[0] if reader.take("ON") else None
        yield ops.DropIndexOp(
            name, table, schema=schema, if_exists=if_exists or None, postgresql_concurrently=concurrently
        )
    elif what in {"VIEW", "TRIGGER", "FUNCTION", "TYPE"}:
        yield Special(f"drop-{what.lower()}", reader.name()[0])
    else:
        yield Special("unread")


def _alter(reader: Reader) -> Iterator[Operation]:
    what = reader.word().upper()
    if what == "TABLE":
        reader.take("IF", "EXISTS")
        reader.take("ONLY")
        table, schema = reader.name()
        for part in split(reader.rest, ","):
            yield _action(Reader(part), table, schema)
    elif what == "TYPE":
        name = reader.name()[0]
        if reader.take("ADD", "VALUE"):
            reader.take("IF", "NOT", "EXISTS")
            yield Special("enum-added", name=name, table=str(reader.rest[0]).strip("'") if reader.rest else "")
        else:
            yield Special("enum-changed" if reader.take("RENAME", "VALUE") else "unread", name=name)
    elif what == "INDEX":
        yield Special("known")
    else:
        yield Special("unread")


def _action(reader: Reader, table: str, schema: str | None) -> Operation:
    """One action of ALTER TABLE."""
    whole = line(reader.rest)
    verb = reader.word().upper()
    action = _ACTIONS.get(verb)
    if action is not None:
        return action(reader, table, schema, f"ALTER TABLE {table} {whole}")
    return Special("unread", table, text=f"ALTER TABLE {table} {whole}")


def _add(reader: Reader, table: str, schema: str | None, whole: str) -> Operation:
    name = reader.word() if reader.take("CONSTRAINT") else None
    kind = reader.any("CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "EXCLUDE")
    if not kind and reader.rest[2:3] == ["("]:  # MariaDB's ADD INDEX ix (a); a column may have this name, too.
        kind = reader.any("INDEX", "KEY")
    if kind:
        return _add_constraint(kind, reader, (table, schema, name), whole)
    reader.take("COLUMN")
    again = reader.take("IF", "NOT", "EXISTS")
    column = _column(reader)
    return ops.AddColumnOp(table, column, schema=schema, if_not_exists=again or None)


def _add_constraint(kind: str, reader: Reader, named: tuple[str, str | None, str | None], whole: str) -> Operation:
    table, schema, name = named
    if reader.has("USING", "INDEX"):
        return Special("using-index", table, name or "", whole)
    if kind == "CHECK":
        condition = line(reader.rest)
        return ops.CreateCheckConstraintOp(
            name, table, text(condition.replace(":", "\\:")), schema=schema,
            postgresql_not_valid=reader.has("NOT", "VALID"),
        )  # fmt: skip
    if kind == "UNIQUE":
        reader.any("KEY", "INDEX")
        return ops.CreateUniqueConstraintOp(name, table, reader.names(), schema=schema)
    if kind == "PRIMARY":
        reader.take("KEY")
        return ops.CreatePrimaryKeyOp(name, table, reader.names(), schema=schema)
    if kind == "FOREIGN":
        reader.take("KEY")
        local = reader.names()
        reader.take("REFERENCES")
        other = reader.name()[0]
        return ops.CreateForeignKeyOp(
            name, table, other, local, reader.names(), source_schema=schema,
            postgresql_not_valid=reader.has("NOT", "VALID"),
        )  # fmt: skip
    if kind == "EXCLUDE":
        return Special("exclude", table, name or "", whole)
    index = reader.word()
    return ops.CreateIndexOp(index, table, _index_columns(reader), schema=schema)


_ENDS = {"NOT", "NULL", "DEFAULT", "CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES", "GENERATED", "COLLATE"}
_ENDS |= {"AFTER", "FIRST", "COMMENT", "AUTO_INCREMENT"}


def _column(reader: Reader) -> Column[object]:
    """A column by its definition; the name has not been read yet."""
    name = reader.word()
    start = reader.at
    while reader.rest and reader.rest[0].key not in _ENDS:
        reader.at += 1
    kind = line(reader.found[start : reader.at])
    nullable = not (reader.has("NOT", "NULL") or reader.has("PRIMARY", "KEY") or "SERIAL" in kind.upper())
    parts: list[Computed | Identity] = []
    if reader.has("GENERATED"):
        parts.append(Identity() if reader.has("IDENTITY") else Computed("", persisted=reader.has("STORED")))
    default = None
    if reader.has("DEFAULT"):
        while not reader.take("DEFAULT"):
            reader.at += 1
        default = _expression(reader)
    return Column(name, RawType(kind), *parts, nullable=nullable, server_default=default)


def _expression(reader: Reader) -> TextClause:
    """The expression up to the next word of a column's definition."""
    found, depth = list[Word](), 0
    for word in reader.rest:
        if depth == 0 and found and word.key in _ENDS:
            break
        depth += (word == "(") - (word == ")")
        found.append(word)
    return text(line(found).replace(":", "\\:"))


def _drop_action(reader: Reader, table: str, schema: str | None, _: str) -> Operation:
    kind = reader.any("CONSTRAINT", "COLUMN", "PRIMARY", "FOREIGN", "INDEX", "KEY", "CHECK")
    if kind == "PRIMARY":
        return ops.DropConstraintOp(None, table, "primary", schema=schema)
    if kind == "FOREIGN":
        reader.take("KEY")
    again = reader.take("IF", "EXISTS")
    name = reader.word()
    if kind in {"INDEX", "KEY"}:
        return ops.DropIndexOp(name, table, schema=schema)
    if kind in {"CONSTRAINT", "FOREIGN", "CHECK"}:
        return ops.DropConstraintOp(name, table, "foreignkey" if kind == "FOREIGN" else None, schema=schema)
    return ops.DropColumnOp(table, name, schema=schema, if_exists=again or None)


def _alter_action(reader: Reader, table: str, schema: str | None, whole: str) -> Operation:
    reader.take("COLUMN")
    name = reader.word()
    if reader.take("TYPE") or reader.take("SET", "DATA", "TYPE"):
        start = reader.at
        while reader.rest and reader.rest[0].key not in {"USING", "COLLATE"}:
            reader.at += 1
        kind = RawType(line(reader.found[start : reader.at]))
        return ops.AlterColumnOp(table, name, schema=schema, modify_type=kind)
    if reader.take("SET", "NOT", "NULL") or reader.take("DROP", "NOT", "NULL"):
        nullable = reader.found[reader.at - 3].key == "DROP"
        return ops.AlterColumnOp(table, name, schema=schema, modify_nullable=nullable)
    if reader.take("DROP", "DEFAULT"):
        return ops.AlterColumnOp(table, name, schema=schema, modify_server_default=None)
    if reader.take("SET", "DEFAULT"):
        return ops.AlterColumnOp(table, name, schema=schema, modify_server_default=line(reader.rest))
    if reader.any("SET", "RESET"):
        return Special("known", table, text=whole)
    return Special("unread", table, text=whole)


def _modify_action(reader: Reader, table: str, schema: str | None, _: str) -> Operation:
    """MariaDB's MODIFY and CHANGE, which say the whole column anew."""
    renames = reader.found[reader.at - 1].key == "CHANGE"
    reader.take("COLUMN")
    old = reader.word() if renames else reader.rest[0].identifier if reader.rest else ""
    column = _column(reader)
    return ops.AlterColumnOp(
        table, old, schema=schema, modify_type=column.type, modify_name=column.name if column.name != old else None,
        modify_nullable=None if column.nullable else False,
    )  # fmt: skip


def _rename_action(reader: Reader, table: str, schema: str | None, whole: str) -> Operation:
    if reader.take("CONSTRAINT") or reader.any("INDEX", "KEY"):
        return Special("rename-constraint", table, reader.word(), whole)
    if reader.any("TO", "AS"):
        return ops.RenameTableOp(table, reader.name()[0], schema=schema)
    reader.take("COLUMN")
    old = reader.word()
    reader.take("TO")
    return ops.AlterColumnOp(table, old, schema=schema, modify_name=reader.word())


def _validate_action(reader: Reader, table: str, _: str | None, whole: str) -> Operation:
    reader.take("CONSTRAINT")
    return Special("validate", table, reader.word(), whole)


def _detach_action(reader: Reader, table: str, _: str | None, whole: str) -> Operation:
    reader.take("PARTITION")
    quiet = reader.has("CONCURRENTLY") or reader.has("FINALIZE")
    return Special("known" if quiet else "detach-partition", table, reader.name()[0], whole)


def _trigger_action(reader: Reader, table: str, _: str | None, whole: str) -> Operation:
    return Special("disable-trigger" if reader.take("TRIGGER") else "unread", table, text=whole)


def _set_action(reader: Reader, table: str, _: str | None, whole: str) -> Operation:
    rewrites = reader.any("LOGGED", "UNLOGGED", "TABLESPACE", "ACCESS")
    return Special("rewrite-table" if rewrites else "known", table, text=whole)


_ACTIONS: dict[str, Callable[[Reader, str, str | None, str], Operation]] = {
    "ADD": _add,
    "ALTER": _alter_action,
    "CHANGE": _modify_action,
    "DETACH": _detach_action,
    "DISABLE": _trigger_action,
    "DROP": _drop_action,
    "MODIFY": _modify_action,
    "RENAME": _rename_action,
    "SET": _set_action,
    "VALIDATE": _validate_action,
}


def _update(reader: Reader) -> Iterator[Operation]:
    reader.take("ONLY")
    table = reader.name()[0]
    yield Special("update" if _bounded(reader) else "update-all", table)


def _delete(reader: Reader) -> Iterator[Operation]:
    reader.take("FROM")
    reader.take("ONLY")
    table = reader.name()[0]
    yield Special("update" if _bounded(reader) else "update-all", table)


def _bounded(reader: Reader) -> bool:
    """Whether a WHERE holds a statement to a few rows by their key; what else it says cannot be told from here."""
    condition = f" {line(reader.rest)}".partition(" WHERE ")[2]
    key = r"\b(?:id|\w+\.id)"
    one = re.search(rf"{key} (?:= [\d':]|IN \([\d':]|BETWEEN [\d':])", condition, re.IGNORECASE)
    return one is not None and re.search(r"\bOR\b", condition, re.IGNORECASE) is None


def _with(reader: Reader) -> Iterator[Operation]:
    writes = [word.key for word in reader.rest if word.key in {"UPDATE", "DELETE", "INSERT", "MERGE"}]
    yield Special("update-all" if set(writes) & {"UPDATE", "DELETE", "MERGE"} else "insert" if writes else "unread")


def _insert(reader: Reader) -> Iterator[Operation]:
    reader.take("INTO")
    table = reader.name()[0]
    yield Special("insert-select" if reader.has("SELECT") else "insert", table)


def _truncate(reader: Reader) -> Iterator[Operation]:
    reader.take("TABLE")
    table = reader.name()[0]
    yield Special("truncate-cascade" if reader.has("CASCADE") else "truncate", table)


def _vacuum(reader: Reader) -> Iterator[Operation]:
    yield Special("vacuum-full" if reader.has("FULL") else "known")


def _cluster(reader: Reader) -> Iterator[Operation]:
    yield Special("cluster", reader.word())


def _reindex(reader: Reader) -> Iterator[Operation]:
    yield Special("known-outside" if reader.has("CONCURRENTLY") else "reindex")


def _set(reader: Reader) -> Iterator[Operation]:
    reader.any("LOCAL", "SESSION")
    name = reader.word()
    reader.any("=", "TO")
    value = str(reader.rest[0]).strip("'").lower() if reader.rest else ""
    endless = re.fullmatch(r"0\w*|default", value) is not None
    kinds = {"lock_timeout": "no-lock-timeout", "statement_timeout": "no-statement-timeout"}
    yield Special(kinds[name] if endless and name in kinds else "known")


def _lock(reader: Reader) -> Iterator[Operation]:
    reader.take("TABLE")
    yield Special("lock-table", reader.name()[0])


def _rename(reader: Reader) -> Iterator[Operation]:
    """MariaDB's RENAME TABLE."""
    reader.any("TABLE", "TABLES")
    for part in split(reader.rest, ","):
        each = Reader(part)
        old = each.name()[0]
        each.take("TO")
        yield ops.RenameTableOp(old, each.name()[0])


def _refresh(reader: Reader) -> Iterator[Operation]:
    yield Special("known" if reader.has("CONCURRENTLY") else "refresh-view")


def _known(_: Reader) -> Iterator[Operation]:
    yield Special("known")


_STATEMENTS: dict[str, Callable[[Reader], Iterator[Operation]]] = {
    "ALTER": _alter,
    "ANALYZE": _known,
    "CLUSTER": _cluster,
    "COMMENT": _known,
    "CREATE": _create,
    "DELETE": _delete,
    "DROP": _drop,
    "GRANT": _known,
    "INSERT": _insert,
    "LOCK": _lock,
    "REFRESH": _refresh,
    "REINDEX": _reindex,
    "RENAME": _rename,
    "RESET": _known,
    "SET": _set,
    "TRUNCATE": _truncate,
    "UPDATE": _update,
    "VACUUM": _vacuum,
    "WITH": _with,
}
