from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import MigrationError, make_empty, migrate


def test_migration_failed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    (file,) = make_empty(database, "count the notes").files
    file.write_text(file.read_text().replace("pass", 'op.execute("UPDATE note SET count = 0")', 1))
    with pytest.raises(MigrationError, match="no such table: note"):
        migrate(database)
