"""The tables of the workloads as SQLAlchemy's models, for every peer that uses SQLAlchemy; and where they lie."""

import os

from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

URL = os.environ["BENCH_DATABASE"]
"""Without a driver: ``postgresql://…`` or ``sqlite:///…``."""
POOL = 6
WORLDS = 10_000
WRITE = {"randomnumber": 7}


class Base(DeclarativeBase):
    type_annotation_map = {int: BigInteger}


class World(Base):
    __tablename__ = "world"
    id: Mapped[int] = mapped_column(primary_key=True)
    randomnumber: Mapped[int]


class Fortune(Base):
    __tablename__ = "fortune"
    id: Mapped[int] = mapped_column(primary_key=True)
    message: Mapped[str]


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship()


class Entry(Base):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    randomnumber: Mapped[int]


class FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class WorldOut(FromRow):
    id: int
    randomnumber: int


class FortuneOut(FromRow):
    id: int
    message: str


class AuthorOut(FromRow):
    id: int
    name: str


class BookOut(FromRow):
    id: int
    title: str
    author: AuthorOut


class EntryIn(BaseModel):
    randomnumber: int


EXTRA = "Additional fortune added at request time."


def twenty(first: int) -> list[int]:
    """The keys that `keys` and `updates` ask for: twenty in a row, each by itself."""
    return [(first + step - 1) % WORLDS + 1 for step in range(20)]


def address(driver: str) -> str:
    """The address for one of SQLAlchemy's drivers."""
    return f"{driver}{URL[URL.index(':') :]}"


SYNC = address("postgresql+psycopg" if URL.startswith("postgresql") else "sqlite+pysqlite")
ASYNC = address("postgresql+asyncpg" if URL.startswith("postgresql") else "sqlite+aiosqlite")
