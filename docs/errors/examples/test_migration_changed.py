from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import MigrationChanged, MigrationError, make_empty, migrate

BODY = """with op.get_context().autocommit_block():
        op.execute("CREATE TABLE note (id INTEGER)")
    op.execute("CREATE TABLE note (id INTEGER)")"""


def test_migration_changed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    (file,) = make_empty(database, "notes").files
    file.write_text(file.read_text().replace("pass", BODY, 1))
    with pytest.raises(MigrationError, match="already exists"):
        migrate(database)
    file.write_text(file.read_text().replace("id INTEGER", "number INTEGER", 1))
    with pytest.raises(MigrationChanged, match="--from-start"):
        migrate(Database(database.url, migrations=str(tmp_path / "migrations")))
