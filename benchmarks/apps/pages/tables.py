"""The tables as SQLAlchemy's models, where they lie, and the model of the form for all peers that have Pydantic."""

import os
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from sqlalchemy import BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from apps.pages.data import EMAIL

URL = os.environ["BENCH_DATABASE"]
"""Without a driver: ``postgresql://…`` or ``sqlite:///…``."""
POOL = 6


class Base(DeclarativeBase):
    type_annotation_map = {int: BigInteger}


class Fortune(Base):
    __tablename__ = "fortune"
    id: Mapped[int] = mapped_column(primary_key=True)
    message: Mapped[str]


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Feedback(BaseModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    email: Annotated[str, StringConstraints(pattern=EMAIL)]
    age: Annotated[int, Field(ge=18, le=120)]
    topic: Literal["bug", "idea", "praise", "other"]
    message: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


def by_field(error: ValidationError) -> dict[str, str]:
    """The message of each field, for the peers whose template is written by hand."""
    return {str(each["loc"][0]): each["msg"] for each in error.errors(include_url=False, include_context=False)}


def address(driver: str) -> str:
    """The address for one of SQLAlchemy's drivers."""
    return f"{driver}{URL[URL.index(':') :]}"


SYNC = address("postgresql+psycopg" if URL.startswith("postgresql") else "sqlite+pysqlite")
ASYNC = address("postgresql+asyncpg" if URL.startswith("postgresql") else "sqlite+aiosqlite")
