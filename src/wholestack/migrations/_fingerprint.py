"""A database's schema as one short text: equal where nothing of it has changed."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sqlalchemy import Connection

_SYSTEM = "('pg_catalog', 'information_schema', 'pg_toast')"
_POSTGRESQL = f"""
SELECT n.nspname, c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       a.attidentity::text || a.attgenerated::text, coalesce(pg_get_expr(d.adbin, d.adrelid), '')
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND n.nspname NOT IN {_SYSTEM} AND n.nspname NOT LIKE 'pg_temp%%'
UNION ALL
SELECT n.nspname, c.relname, 'index', pg_get_indexdef(i.indexrelid), '', '', '', ''
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indisvalid AND n.nspname NOT IN {_SYSTEM}
UNION ALL
SELECT n.nspname, o.conrelid::regclass::text, 'constraint', o.conname, pg_get_constraintdef(o.oid),
       o.convalidated::text, '', ''
  FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace WHERE n.nspname NOT IN {_SYSTEM}
UNION ALL
SELECT n.nspname, t.typname, 'enum', string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder), '', '', '', ''
  FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
 GROUP BY n.nspname, t.typname
UNION ALL
SELECT n.nspname, c.relname, 'trigger', pg_get_triggerdef(g.oid), g.tgenabled::text, '', '', ''
  FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT g.tgisinternal
UNION ALL
SELECT n.nspname, c.relname, 'view', pg_get_viewdef(c.oid), '', '', '', ''
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN {_SYSTEM}
UNION ALL
SELECT n.nspname, p.proname, 'function', pg_get_function_identity_arguments(p.oid), md5(p.prosrc), '', '', ''
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname NOT IN {_SYSTEM}
UNION ALL
SELECT n.nspname, c.relname, 'sequence', '', '', '', '', ''
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND n.nspname NOT IN {_SYSTEM}
"""  # noqa: S608  (names of ours alone)
_SQLITE = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
_OURS = ("alembic_version", "wholestack_migration")


def schema_lines(connection: Connection) -> list[str]:
    """Everything of a schema, a line each, sorted; what is our own book-keeping is left out."""
    rows = {"postgresql": _postgresql, "sqlite": _sqlite}.get(connection.dialect.name, _mariadb)(connection)
    return sorted("\t".join(map(str, row)) for row in rows if not any(str(each).startswith(_OURS) for each in row[:3]))


def fingerprint(connection: Connection) -> str:
    """A schema as a short text."""
    return hashlib.sha256("\n".join(schema_lines(connection)).encode()).hexdigest()[:32]


def _postgresql(connection: Connection) -> list[Any]:
    rows = connection.exec_driver_sql(_POSTGRESQL).all()
    return [row for row in rows if not (row[2] == "constraint" and str(row[1]).startswith(_OURS))]


def _sqlite(connection: Connection) -> list[Any]:
    return list(connection.exec_driver_sql(_SQLITE).all())


def _mariadb(connection: Connection) -> list[Any]:
    found: list[Any] = []
    for name, kind in connection.exec_driver_sql("SHOW FULL TABLES").all():
        if str(name).startswith(_OURS):
            continue
        word = "VIEW" if kind == "VIEW" else "TABLE"
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        text = str(connection.exec_driver_sql(f"SHOW CREATE {word} {quoted}".replace("%", "%%")).one()[1])
        found.append((kind, name, "", re.sub(r" AUTO_INCREMENT=\d+", "", text)))  # Rows change it, too.
    triggers = "SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers "
    found += connection.exec_driver_sql(f"{triggers} WHERE trigger_schema = DATABASE()").all()
    routines = "SELECT routine_type, routine_name, '', md5(routine_definition) FROM information_schema.routines "
    found += connection.exec_driver_sql(f"{routines} WHERE routine_schema = DATABASE()").all()
    return found
