"""The models of the tests of lists and APIs on each database, and what people try to send."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

from sqlalchemy import MetaData, SmallInteger, String

from wholestack import App
from wholestack.crud import Versioned, crud
from wholestack.db import Database, Mapped, Model, Table, Timestamps, mapped_column


class Base(Model):
    """Of these tests only: other modules' tables are none of theirs."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Rank(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Specimen(Timestamps, Versioned, Base):
    """A column of each type that a filter knows."""

    text: Mapped[str | None] = mapped_column(String(200))
    code: Mapped[str | None] = mapped_column(String(40), unique=True)
    number: Mapped[int | None]
    small: Mapped[int | None] = mapped_column(SmallInteger)
    share: Mapped[float | None]
    money: Mapped[decimal.Decimal | None]
    moment: Mapped[datetime.datetime | None]
    day: Mapped[datetime.date | None]
    hour: Mapped[datetime.time | None]
    lasts: Mapped[datetime.timedelta | None]
    yes: Mapped[bool | None]
    rank: Mapped[Rank | None]
    mark: Mapped[uuid.UUID | None]
    data: Mapped[dict[str, Any] | None]
    words: Mapped[list[str] | None]
    raw: Mapped[bytes | None]


FILTERED = (
    "text", "code", "number", "small", "share", "money", "moment", "day", "hour", "lasts", "yes", "rank", "mark",
)  # fmt: skip
ORDERED = ("id", *FILTERED)


def app_on(url: str) -> App:
    """An app with the API of specimens at /specimens, whose table is there and empty."""
    app = App()
    database = Database(url, models=Base, migrations=None)
    app.use(database)
    app.include(crud(Specimen, "/specimens", filters=FILTERED, orders=ORDERED, most=1000))
    app.include(crud(Specimen, "/numbered", filters=FILTERED, orders=ORDERED, paging="offset", actions=["list"]))
    database.create_tables()
    with database.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    return app


NAMES = (
    "id", "password", "__class__", "metadata", "registry", "id; DROP TABLE specimen", "id--", "id/*", "text'", 'text"',
    "text`", "text)", "(select 1)", "text desc", "text ASC, id", "text,id", "text.id", "specimen.text", "*", "1", "?",
    "%s", "%(x)s", ":x", "text::int", "text->>'a'", "data.a", "text__like", "text__ilike", "text__regex", "text__eq",
    "text__in__in", "text____", "__text", "text\n", "text\u200b", "ｔｅｘｔ", "_connector", "text__contains'--", "id__gt",
    "null", "limit", "text[]", "text[$ne]", "sleep(5)",
)  # fmt: skip
"""What a client may write where a name belongs."""

TEXTS = (
    "", " ", "a", "A", "milk", "Milk", "milk ", " milk", "%", "_", "%%", "100%", "a_b", "axb", "a%b", "\\", "\\%", "/", "//",
    "/%", "'", "''", '"', "`", ";", "--", "/*", "*/", "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE specimen; --", '" OR ""="',
    "1; SELECT pg_sleep(5)", "' UNION SELECT NULL --", "admin'/*", "') OR ('1'='1", "\\'; DROP TABLE specimen; --", "' AND SLEEP(5)#",
    "||", "$$", "$1", ":1", ":text", "?", "%s", "%(text)s", "{0}", "{text}", "${7*7}", "{{7*7}}", "<script>", "&lt;", "é", "e\u0301",
    "ß", "SS", "ss", "İ", "ı", "I", "i", "Ω", "Ω", "日本語", "🎉", "🎈", "👨‍👩‍👧", "\u200b", "\ufeff", "\u202e", "\u0001", "\x7f", "\t",
    "\n", "\r\n", "a\nb", "\ue000", "\uffff", "\U0010ffff", "null", "NULL", "None", "true", "0", "-0", "1e3", "NaN", "0x1F", "01",
    "١", "½", "x" * 200, "é" * 200, "🎉" * 200, "%" * 50, "[a-z]", "^a$", ".*", "a&b=c", "a+b", "a b", "#", "../../etc/passwd", "a;b",
)  # fmt: skip
"""Texts that a column holds, and that mean something somewhere else."""

VALUES: tuple[Any, ...] = (
    *TEXTS,
    "a\0b", "\0", "x" * 201, "x" * 100_000, 0, 1, -1, 7, 2**15 - 1, 2**15, 2**31, -(2**31) - 1, 2**53, 2**63 - 1, 2**63, -(2**63),
    -(2**63) - 1, 2**64, 10**30, 10**300, 10**4000, 0.1, -0.0, 1e-320, 1.7976931348623157e308, 1e308, 1.5, "1.23456", "99999999999999",
    "100000000000000", "-99999999999999.9999", "1e400", "Infinity", "-Infinity", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01",
    "2026-02-30", "2026-11-22", "0000-00-00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00", "2026-11-22T10:00:00", "2026-11-22T10:00:60Z", "2026-11-22T24:00:00Z",
    "2026-11-22T10:00:00.1234567Z", "1900-01-01T00:00:00Z", 0.0, 1e11, 253402300800, "24:00", "23:59:59.999999", "10:00:00+01:00", "P1D", "P3500Y",
    "PT0.000001S", "-P1D", "P999999999D", True, False, "yes", "off", "low", "LOW", "Rank.LOW", "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff", "urn:uuid:12345678-1234-5678-1234-567812345678", "zzzzzzzz-0000-0000-0000-000000000000", None,
    [], {}, [1], {"a": 1}, {"a\0b": 1}, {"a": "\0"}, {"": ""}, {"$ne": None}, {"a": {"b": [1, 2.5, None, True, "🎉"]}}, [["x"]],
    [{"a": "b"}], {"a": 2**70}, {"a": 10**4000}, [""], ["\0"], ["%"] * 100, {"__class__": "x"}, "AAEC/w==", "AAEC_w==", "%%%", "====",
)  # fmt: skip
"""What a client may send where a value belongs."""
