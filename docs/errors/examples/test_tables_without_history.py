from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase

from wholestack.db import Database, Mapped, mapped_column
from wholestack.migrations import TablesWithoutHistory, adopt, check, make, migrate


class Base(DeclarativeBase):
    """This app's tables."""


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


def test_tables_without_history(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", models=Base, migrations=str(tmp_path / "migrations"))
    database.create_tables()
    make(database, "first")
    with pytest.raises(TablesWithoutHistory, match="the tables note"):
        migrate(database)
    adopt(database)
    assert check(database) == []
