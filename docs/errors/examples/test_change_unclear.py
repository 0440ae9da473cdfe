from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase

from wholestack.db import Database, Mapped, mapped_column
from wholestack.migrations import Answers, ChangeUnclear, make, migrate


class Base(DeclarativeBase):
    """This app's tables."""


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Later(DeclarativeBase):
    """The tables of the next release."""


class LaterNote(Later):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]


def test_change_unclear(tmp_path: Path) -> None:
    url, folder = f"sqlite:///{tmp_path}/app.db", str(tmp_path / "migrations")
    make(Database(url, models=Base, migrations=folder), "first")
    later = Database(url, models=Later, migrations=folder)
    with pytest.raises(ChangeUnclear, match=r"--rename note\.text:body, or --drop note\.text"):
        make(later, "another name")
    make(later, "another name", Answers(renames={"note.text": "body"}))
    migrate(later)
