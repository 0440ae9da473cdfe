from pathlib import Path

import pytest

from wholestack.db import Database
from wholestack.migrations import SeveralHeads, make_empty, merge, migrate


def test_several_heads(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    make_empty(database, "the first one")
    (ours,) = make_empty(database, "ours").files
    theirs = ours.with_name("0002_theirs.py")
    theirs.write_text(ours.read_text().replace('revision = "', 'revision = "f', 1))  # as a merge of branches brings it
    with pytest.raises(SeveralHeads, match=r"0002_ours, 0002_theirs|0002_theirs, 0002_ours"):
        migrate(database)
    merge(database, "ours and theirs")
    assert len(migrate(database)) == 4
