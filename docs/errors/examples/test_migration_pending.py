from pathlib import Path

import pytest

from wholestack import App, SetupError
from wholestack.db import Database
from wholestack.migrations import make_empty
from wholestack.testing import Client


def test_migration_pending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    database = Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations"))
    make_empty(database, "the first one")
    app = App()
    app.use(database)
    with pytest.raises(SetupError, match="migration-pending"), Client(app, interface="wsgi"):
        pass
