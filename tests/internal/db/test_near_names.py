"""Two models of one name in one process: a relationship means the one of its own module."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest

MODULE = """
from __future__ import annotations
from sqlalchemy import MetaData
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship

class Base(Model):
    __abstract__ = True
    metadata = MetaData()

class Writer(Base):
    pages: Mapped[list[Leaf]] = relationship(back_populates="writer")

class Leaf(Base):
    writer_id: Mapped[int] = mapped_column(ForeignKey("writer.id"))
    writer: Mapped[Writer] = relationship(back_populates="pages")
"""


@pytest.fixture
def modules() -> Iterator[list[types.ModuleType]]:
    made = [types.ModuleType(f"near_names_{name}") for name in ("blog", "shop")]
    for module in made:
        sys.modules[module.__name__] = module
        exec(MODULE, vars(module))
    yield made
    for module in made:
        del sys.modules[module.__name__]


def test_a_relationship_means_the_class_of_its_own_module(modules: list[types.ModuleType]) -> None:
    for module in modules:
        assert module.Writer.pages.property.mapper.class_ is module.Leaf
        assert module.Leaf.writer.property.mapper.class_ is module.Writer
