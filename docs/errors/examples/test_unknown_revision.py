from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import UnknownRevision, make_empty, migrate


def test_unknown_revision(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    make_empty(database, "the first one")
    with pytest.raises(UnknownRevision, match="There are: 0001_the_first_one"):
        migrate(database, to="0002")
