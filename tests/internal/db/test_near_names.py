"""Two models of one name in one process: a relationship means the one of its own module, or of its own metadata."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest
from sqlalchemy import MetaData, inspect
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from wholestack.db import Mapped, Table, mapped_column

MODULE = """
from __future__ import annotations
from sqlalchemy import MetaData
from wholestack.db import ForeignKey, Mapped, Model, mapped_column, relationship

{base}

class Writer(Base):
    __tablename__ = "{name}_writer"
    pages: Mapped[list[Leaf]] = relationship(back_populates="writer"{order})

class Leaf(Base):
    __tablename__ = "{name}_leaf"
    writer_id: Mapped[int] = mapped_column(ForeignKey("{name}_writer.id"))
    writer: Mapped[Writer] = relationship(back_populates="pages")
"""
OWN = """
class Base(Model):
    __abstract__ = True
    metadata = MetaData()
"""
COMMON = """
class Base(COMMON_BASE):
    __abstract__ = True
"""


class CommonBase(Table):
    """What both modules of one case build on."""

    __abstract__ = True
    metadata = MetaData()
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture(params=["own metadata", "one metadata"])
def modules(request: pytest.FixtureRequest) -> Iterator[list[types.ModuleType]]:
    own = request.param == "own metadata"
    made = [types.ModuleType(f"near_names_{name}") for name in ("blog", "shop")]
    for module in made:
        sys.modules[module.__name__] = module
        vars(module)["COMMON_BASE"] = CommonBase
        # What is an expression has SQLAlchemy's own look-up, which knows the names of one metadata.
        words = {"base": OWN if own else COMMON, "order": ', order_by="Leaf.id"' if own else ""}
        exec(MODULE.format(name=module.__name__, **words), vars(module))
    yield made
    for module in made:
        del sys.modules[module.__name__]


def test_a_relationship_means_the_class_of_its_own_module(modules: list[types.ModuleType]) -> None:
    for module in modules:
        assert module.Writer.pages.property.mapper.class_ is module.Leaf
        assert module.Leaf.writer.property.mapper.class_ is module.Writer


def test_a_metadata_has_one_registry() -> None:
    metadata = MetaData()
    first, second = (type(f"Base{number}", (Table,), {"__abstract__": True, "metadata": metadata}) for number in "12")
    assert first.registry is second.registry is not Table.registry
    assert first.registry.type_annotation_map is Table.registry.type_annotation_map
    columns = {"__module__": __name__, "__annotations__": {"id": Mapped[int]}, "id": mapped_column(primary_key=True)}
    mapped = type("Lonely", (Table,), {"metadata": metadata, **columns})
    assert inspect(mapped).registry is first.registry


def test_an_attribute_called_metadata_that_is_none_is_sqlalchemys_to_tell_of() -> None:
    columns = {"__module__": __name__, "__annotations__": {}, "metadata": mapped_column()}
    with pytest.warns(SAWarning, match="'metadata' should be left reserved"), pytest.raises(SQLAlchemyError):
        type("Odd", (Table,), columns)
