from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase

from wholestack.db import Database, Mapped, mapped_column
from wholestack.migrations import DumpRefused, load, make, migrate


class Base(DeclarativeBase):
    """This app's tables."""


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


def test_dump_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", models=Base, migrations=str(tmp_path / "migrations"))
    make(database, "first")
    migrate(database)
    with pytest.raises(DumpRefused, match="The first line is none of `wholestack db dump`"):
        load(database, ['{"rows": {}}'])
