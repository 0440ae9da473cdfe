"""A pool that was disposed of while one of its connections was in use, as when an app stops within a test's block."""

from __future__ import annotations

from typing import Any

import pytest

from wholestack.db import Database


def test_what_is_in_use_is_closed_when_it_comes_back(url: str) -> None:
    database = Database(url, migrations=None)
    with database.engine.connect() as connection:
        drivers: Any = connection.connection.dbapi_connection
        database.dispose()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    with pytest.raises(database.engine.dialect.loaded_dbapi.Error):
        drivers.cursor().execute("SELECT 1")
    database.dispose()
