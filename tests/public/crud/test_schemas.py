"""Schemas from models: what an answer shows, what a client may send."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal

import pydantic
import pytest
from pydantic import Field, ValidationError
from sqlalchemy import JSON, Computed, Integer, LargeBinary, MetaData, SmallInteger, String, Time
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, deferred

from wholestack import SetupError
from wholestack.crud import Schema, Versioned, schema
from wholestack.db import (
    Encrypted,
    ForeignKey,
    Mapped,
    Model,
    Table,
    Timestamps,
    UUIDModel,
    func,
    mapped_column,
    relationship,
)


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Status(enum.Enum):
    DRAFT = "draft"
    PUBLISHED = "published"


class Writer(Base):
    name: Mapped[str]


class Labelling(Table):
    metadata = Base.metadata
    post_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("label.id"), primary_key=True)


class Label(Base):
    name: Mapped[str]


class Article(Timestamps, Versioned, Base):
    title: Mapped[str] = mapped_column(String(20))
    text: Mapped[str | None]
    status: Mapped[Status] = mapped_column(default=Status.DRAFT)
    kind: Mapped[Literal["note", "essay"]] = mapped_column(default="note")
    price: Mapped[decimal.Decimal | None]
    words: Mapped[list[str]] = mapped_column(default=list)
    stars: Mapped[Annotated[int, Field(ge=1)]] = mapped_column(SmallInteger)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary(4))
    seen_at: Mapped[datetime.datetime | None]
    views: Mapped[int] = mapped_column(server_default="0")
    api_token: Mapped[str | None]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("writer.id"))
    author: Mapped[Writer | None] = relationship()
    tags: Mapped[list[Label]] = relationship(secondary=Labelling.__table__)


def names(kind: type[pydantic.BaseModel]) -> set[str]:
    return set(kind.model_fields)


ALL = {"id", "title", "text", "status", "kind", "price", "words", "stars", "raw", "seen_at", "views", "author_id"}


def test_an_answer_shows_each_column_but_secrets() -> None:
    assert names(schema(Article)) == ALL | {"created_at", "updated_at", "version_id"}
    assert all(field.is_required() for field in schema(Article).model_fields.values())
    assert "api_token" in names(schema(Article, also=["api_token"]))


def test_what_is_sent_has_nothing_that_the_server_makes() -> None:
    sent = schema(Article, new=True)
    assert names(sent) == ALL - {"id"} | {"api_token"}
    assert {name for name, field in sent.model_fields.items() if field.is_required()} == {"title", "stars"}
    least = sent.model_validate({"title": "x", "stars": 1})
    assert (least.status, least.kind, least.text) == (Status.DRAFT, "note", None)
    assert least.model_dump(exclude_unset=True) == {"title": "x", "stars": 1}


def test_in_the_document() -> None:
    shown = schema(Article, new=True).model_json_schema()["properties"]
    assert shown["title"] == {"maxLength": 20, "title": "Title", "type": "string"}
    assert shown["kind"]["default"] == "note"
    assert shown["stars"] == {"maximum": 32767, "minimum": 1, "title": "Stars", "type": "integer"}
    assert "default" not in shown["words"]
    assert "default" not in shown["views"]
    assert schema(Article, new=True).__name__ == "NewArticle"
    assert schema(Article, partial=True).__name__ == "PartialArticle"
    assert schema(Article, name="Teaser", only=["title"]).__name__ == "Teaser"


WRONG: list[tuple[str, Any]] = [
    ("title", "x" * 21),
    ("title", None),
    ("title", "a\0b"),
    ("title", 3),
    ("status", "gone"),
    ("kind", "poem"),
    ("stars", 0),
    ("stars", 2**15),
    ("stars", 2**70),
    ("price", "1.23456"),
    ("price", "NaN"),
    ("price", "1e30"),
    ("words", "one"),
    ("raw", "AAAAAAAAAAA="),
    ("raw", "%%"),
    ("seen_at", "2026-11-22T10:00:00"),
    ("seen_at", "0001-01-01T00:00:00+14:00"),
    ("seen_at", "9999-12-31T23:59:59-14:00"),
    ("seen_at", "0000-01-01T00:00:00Z"),
    ("author_id", 2**63),
    ("author_id", -(2**63) - 1),
    ("author_id", 1.5),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: str(value)[:24])
def test_what_a_column_cannot_hold_is_refused(name: str, value: Any) -> None:
    for kind in (schema(Article, new=True), schema(Article, partial=True)):
        with pytest.raises(ValidationError) as caught:
            kind.model_validate_json(pydantic_core_json({"title": "x", "stars": 1, name: value}))
        assert {each["loc"][0] for each in caught.value.errors()} == {name}


def pydantic_core_json(value: Any) -> bytes:
    return pydantic.TypeAdapter(Any).dump_json(value)


def test_what_a_column_holds_is_taken() -> None:
    value = {
        "title": "x" * 20,
        "stars": 32767,
        "price": "12345678901234.5678",
        "raw": "AP8A_w==",
        "seen_at": "0001-01-01T00:00:00Z",
        "author_id": -(2**63),
    }
    taken = schema(Article, new=True).model_validate_json(pydantic_core_json(value))
    assert (taken.raw, taken.price) == (b"\x00\xff\x00\xff", decimal.Decimal("12345678901234.5678"))
    assert schema(Article).model_fields["raw"].annotation == bytes | None


def test_some_columns_only_or_all_but_some() -> None:
    assert names(schema(Article, only=["id", "title"])) == {"id", "title"}
    assert names(schema(Article, only=["id", "title"], without=["id"])) == {"title"}
    assert "text" not in names(schema(Article, without=["text"]))
    assert names(schema(Article, only=["id", "created_at"], new=True)) == {"id", "created_at"}  # named, so wanted


def test_a_change_requires_nothing_and_knows_what_was_sent() -> None:
    change = schema(Article, partial=True).model_validate({"text": None})
    assert change.model_dump(exclude_unset=True) == {"text": None}
    assert "required" not in schema(Article, partial=True).model_json_schema()
    assert all(
        "default" not in each for each in schema(Article, partial=True).model_json_schema()["properties"].values()
    )


def test_relations_are_the_keys_of_their_rows() -> None:
    post = Article(id=1, title="x", stars=1, tags=[])
    shown = schema(Article, only=["id"]).model_validate(post)
    assert shown.model_dump() == {"id": 1}
    with_tags = schema(Article, also=["tags"])
    assert with_tags.model_json_schema()["properties"]["tags"]["items"] == {"type": "integer"}
    sent = schema(Article, new=True, also=["tags"])
    assert sent.model_validate({"title": "x", "stars": 1, "tags": [1, 2]}).tags == [1, 2]
    assert "tags" not in sent.model_json_schema()["required"]
    with pytest.raises(ValidationError):
        sent.model_validate({"title": "x", "stars": 1, "tags": list(range(1001))})


class NewArticle(Schema, of=Article, new=True, without=["api_token"]):
    title: Annotated[str, Field(min_length=3)]
    shout: bool = False


def test_as_a_class_with_fields_of_its_own() -> None:
    assert names(NewArticle) == ALL - {"id"} | {"shout"}
    assert NewArticle.model_validate({"title": "abc", "stars": 2, "shout": True}).shout is True
    with pytest.raises(ValidationError):
        NewArticle.model_validate({"title": "ab", "stars": 2})

    class Longer(NewArticle):
        more: int

    assert names(Longer) == names(NewArticle) | {"more"}


class Odd(Base):
    json: Mapped[dict[str, Any]]
    copy: Mapped[int] = mapped_column(Integer, default=lambda context: context.get_current_parameters()["json"]["n"])
    twice: Mapped[int] = mapped_column(Computed("copy * 2"))
    big: Mapped[str] = deferred(mapped_column(default=""))
    opens: Mapped[datetime.time | None] = mapped_column(Time)
    lasts: Mapped[datetime.timedelta | None]
    sealed: Mapped[str] = mapped_column(Encrypted(list), default="")
    changed_on: Mapped[datetime.date] = mapped_column(server_default=func.current_date())
    plain = mapped_column(JSON)


class Key(UUIDModel):
    metadata = Base.metadata
    code: Mapped[str] = mapped_column(unique=True)


def test_names_that_pydantic_has_itself() -> None:
    sent = schema(Odd, new=True)
    assert set(sent.model_json_schema()["properties"]) == {"json", "copy", "big", "opens", "lasts", "sealed", "plain"}
    odd = sent.model_validate({"json": {"n": 1}})
    assert odd.model_dump(exclude_unset=True, by_alias=True) == {"json": {"n": 1}}
    shown = schema(Odd, only=["json"]).model_validate(Odd(json={"n": 2}))
    assert shown.model_dump_json(by_alias=True) == '{"json":{"n":2}}'


def test_what_is_computed_deferred_encrypted_or_a_mark_of_time() -> None:
    assert not {"big", "sealed"} & set(schema(Odd).model_json_schema()["properties"])
    assert {"twice", "changed_on"} <= set(schema(Odd).model_json_schema()["properties"])
    assert not {"twice", "changed_on", "id"} & names(schema(Odd, new=True))
    assert names(schema(Key, new=True)) == {"code"}
    assert schema(Key).model_fields["id"].annotation is uuid.UUID


@pytest.mark.parametrize(
    ("field", "value"), [("opens", "10:00:00+02:00"), ("lasts", "P999999999D"), ("lasts", "-P400000D")]
)
def test_times_and_intervals_in_their_bounds(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        schema(Odd, new=True).model_validate({"json": {}, field: value})


def test_wrong_names_are_told_where_they_stand() -> None:
    with pytest.raises(SetupError) as caught:
        schema(Article, only=["titel"])
    (fault,) = caught.value.faults
    assert (fault.code, fault.cure) == ("no-column", "Did you mean 'title'?")
    assert fault.where.startswith(__file__)
    with pytest.raises(SetupError) as caught:

        class Wrong(Schema, of=Article, also=["colour"]): ...

    (fault,) = caught.value.faults
    assert fault.where.startswith(__file__)
    assert "'tags'" in fault.cure
    with pytest.raises(SetupError, match="bad-crud"):
        schema(int)


def test_other_models_need_not_be_there_yet() -> None:
    """A schema is made while modules are imported: it must not ask SQLAlchemy to look for every other model."""

    class Apart(DeclarativeBase): ...

    class Lonely(Apart):
        __tablename__ = "lonely"
        id: Mapped[int] = mapped_column(primary_key=True)
        other_id: Mapped[int] = mapped_column(ForeignKey("other.id"))
        other: Mapped[Other] = relationship()  # type: ignore[name-defined]  # noqa: F821

    assert names(schema(Lonely)) == {"id", "other_id"}
    assert names(schema(Lonely, new=True)) == {"other_id"}
    with pytest.raises(InvalidRequestError):
        schema(Lonely, also=["other"])
