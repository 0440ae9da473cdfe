from pathlib import Path

import pytest

from wholestack import App, SetupError
from wholestack.db import Database
from wholestack.testing import Client


def test_no_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    app = App()
    app.use(Database(f"sqlite:///{tmp_path}/app.db", migrations=str(tmp_path / "migrations")))
    with pytest.raises(SetupError, match="no-migrations"), Client(app, interface="wsgi"):
        pass
