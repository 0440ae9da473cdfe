from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase

from wholestack.db import Database, Mapped, mapped_column
from wholestack.migrations import Answers, SeveralRenames, make, migrate


class Base(DeclarativeBase):
    """This app's tables."""


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Later(DeclarativeBase):
    """The tables of the next release: the table has another name, and its column, too."""


class Member(Later):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    full_name: Mapped[str]


def test_several_renames(tmp_path: Path) -> None:
    url, folder = f"sqlite:///{tmp_path}/app.db", str(tmp_path / "migrations")
    make(Database(url, models=Base, migrations=folder), "first")
    later = Database(url, models=Later, migrations=folder)
    names = Answers(renames={"person": "member", "member.name": "full_name"})
    with pytest.raises(SeveralRenames, match=r"person to member, member\.name to member\.full_name"):
        make(later, "members", names)
    make(later, "members", names, plain=True)
    migrate(later)
