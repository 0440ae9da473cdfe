"""Columns of texts of which there are a few: a choice, in whichever way the model says them."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
from pydantic import Field, ValidationError
from sqlalchemy import Enum, MetaData

from wholestack import App
from wholestack.crud import crud, schema
from wholestack.db import Database, Mapped, Model, Table, mapped_column
from wholestack.testing import Client


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Valve(Base):
    state: Mapped[str] = mapped_column(Enum("on", "off", name="valve_state"))
    mood: Mapped[Annotated[str, Field(description="How it is.")] | None] = mapped_column(Enum("good", "bad"))


def test_they_are_said_and_no_other_is_taken() -> None:
    new = schema(Valve, new=True)
    properties = new.model_json_schema()["properties"]
    assert properties["state"]["enum"] == ["on", "off"]
    assert ["good", "bad"] in [each.get("enum") for each in properties["mood"]["anyOf"]]
    with pytest.raises(ValidationError):
        new.model_validate({"state": "dim"})
    assert new.model_validate({"state": "on"}).model_dump() == {"state": "on", "mood": None}


def test_an_api_refuses_others_and_filters_by_them() -> None:
    app = App(docs=False)
    database = Database("sqlite://", models=Base, migrations=None)
    app.use(database)
    app.include(crud(Valve, "/valves", filters=("state",)))
    with Client(app) as client:
        database.create_tables()
        assert client.post("/valves", json={"state": "dim"}).status == 422
        for state in ("on", "off"):
            assert client.post("/valves", json={"state": state, "mood": "good"}).status == 201
        assert re.findall(r'"state": ?"(\w+)"', client.get("/valves?state=off").text) == ["off"]
        assert client.get("/valves?state=dim").status == 422
