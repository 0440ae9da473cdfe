from pathlib import Path

import pytest

from wholestack.db import Database, Mapped, Model, ReadOnly


class Reading(Model):
    value: Mapped[int]


def test_read_only_session(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/app.db"
    Database(address).create_tables()
    replica = Database(address, read_only=True)
    with pytest.raises(ReadOnly), replica.session() as db:
        db.add(Reading(value=1))
    replica.dispose()
