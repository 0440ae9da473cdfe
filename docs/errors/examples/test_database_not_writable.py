from pathlib import Path

import pytest

from wholestack import App, SetupError
from wholestack.db import Database
from wholestack.testing import Client


def test_database_not_writable(tmp_path: Path) -> None:
    app = App()
    app.use(Database(f"sqlite:///{tmp_path}/missing/app.db"))
    with pytest.raises(SetupError, match="database-not-writable"), Client(app, interface="wsgi"):
        pass
