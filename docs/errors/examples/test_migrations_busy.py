import fcntl
import os
from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import How, MigrationsBusy, make_empty, migrate


def test_migrations_busy(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    make_empty(database, "first")
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)  # what another process that migrates does
    with pytest.raises(MigrationsBusy):
        migrate(database, how=How(wait=0))
    os.close(other)
    assert migrate(database) == ["0001_first"]
