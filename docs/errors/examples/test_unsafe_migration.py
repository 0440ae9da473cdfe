from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import UnsafeMigration, make_empty, migrate


def test_unsafe_migration(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    make_empty(database, "first")
    migrate(database)
    (file,) = make_empty(database, "no more notes").files
    file.write_text(file.read_text().replace("pass", 'op.drop_table("note", if_exists=True)', 1))
    with pytest.raises(UnsafeMigration, match="drop-table"):
        migrate(database)
