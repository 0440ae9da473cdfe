from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import DatabaseBehind, make_empty, migrate, squash


def test_database_behind(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    make_empty(database, "first")
    with pytest.raises(DatabaseBehind, match="0001_first"):
        squash(database, "all in one")
    migrate(database)
