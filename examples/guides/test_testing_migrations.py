"""What docs/guides/testing.md shows of migrations: those of the airports."""

from __future__ import annotations

from wholestack.db import Database
from wholestack.testing import migrations_there_and_back

database = Database("sqlite:///airports.db", migrations="../airports/migrations")


# [migrations]
def test_migrations() -> None:
    migrations_there_and_back(database)


# [/migrations]
