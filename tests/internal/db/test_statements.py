"""What may write, told from the text of a statement."""

from __future__ import annotations

import pytest

from wholestack.db._statements import may_write

QUESTIONS = (
    "SELECT 1",
    "  select id from note",
    "(SELECT 1) UNION (SELECT 2)",
    "-- a comment\nSELECT 1",
    "/* with\nlines */ SELECT 1",
    "WITH n AS (SELECT 1) SELECT * FROM n",
    "VALUES (1)",
    "SHOW server_version",
    "EXPLAIN SELECT 1",
    "SELECT 'please UPDATE this'",
    'SELECT "delete" FROM note',
    "SELECT `insert` FROM note",
    "SELECT last_update, created_at, nextval FROM note",
    "PRAGMA table_info('note')",
)
ORDERS = (
    "INSERT INTO note VALUES (1)",
    "UPDATE note SET text = ''",
    "DELETE FROM note",
    "CREATE TABLE note (id INTEGER)",
    "SAVEPOINT one",
    "LOCK TABLE note",
    "CALL work()",
    "VACUUM",
    "SELECT * FROM note FOR UPDATE",
    "SELECT * FROM note FOR NO KEY UPDATE",
    "SELECT * FROM note FOR SHARE",
    "SELECT * FROM note LOCK IN SHARE MODE",
    "SELECT 1 INTO other",
    "WITH gone AS (DELETE FROM note RETURNING id) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM note",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 1)",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT set_config('a.b', 'c', true)",
    "SELECT pg_try_advisory_xact_lock_shared(1)",
    "PRAGMA foreign_keys=ON",
    "",
)


@pytest.mark.parametrize("sql", QUESTIONS)
def test_questions(sql: str) -> None:
    assert not may_write(sql)


@pytest.mark.parametrize("sql", ORDERS)
def test_what_may_write_or_lock(sql: str) -> None:
    assert may_write(sql)
