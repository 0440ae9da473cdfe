import os

import pytest
from sqlalchemy.exc import SQLAlchemyError

from wholestack import App
from wholestack.auth import Tenants
from wholestack.db import Database

SERVER = os.environ.get("WHOLESTACK_POSTGRESQL", "postgresql://postgres@127.0.0.1/postgres")


def test_row_security_off() -> None:
    app = App()
    database = Database(SERVER, migrations=None)
    app.use(database, Tenants(row_security=True))
    app.seal()
    try:
        database.engine.connect().close()
    except SQLAlchemyError:
        pytest.skip("no PostgreSQL answers")
    checks = [each for each in app.checks if each.__module__ == "wholestack.auth._tenants"]
    found = [fault.code for check in checks for fault in check(app)]
    database.dispose()
    assert "row-security-off" in found  # The user of this server may do anything.
