import contextlib
import sqlite3
from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import How, TableLocked, make_empty, migrate


def test_table_locked(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"), patience=0.1)
    (file,) = make_empty(database, "notes beside").files
    body = f"""with op.get_context().autocommit_block():
        op.execute("ATTACH '{tmp_path}/beside.db' AS beside")
    op.execute("CREATE TABLE beside.note (id INTEGER)")"""
    file.write_text(file.read_text().replace("pass", body, 1))
    with contextlib.closing(sqlite3.connect(tmp_path / "beside.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")  # somebody uses it, and does not end
        with pytest.raises(TableLocked, match="in 2 tries"):
            migrate(database, how=How(tries=2, pause=0.01))
    database.dispose()
