"""Views of a list that a person has kept: what is filtered, in which order, which columns; each sees their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

import pydantic
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Row, String, delete, func, insert, select, update
from sqlalchemy import Table as Rows

from wholestack.auth import Identity
from wholestack.db import Index, Session
from wholestack.forms import FormError
from wholestack.languages import gettext

TABLE = "admin_saved_view"
MOST = 50
"""Views that one person may keep of one list."""
LONGEST = 2_000
"""Characters of a view's query."""
_SHORT = 255


def table_in(metadata: MetaData) -> Rows:
    """The table of saved views among the app's others, where migrations see it."""
    return Rows(
        TABLE,
        metadata,
        Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
        Column("user", String(_SHORT), nullable=False),
        Column("model", String(_SHORT), nullable=False),
        Column("name", String(100), nullable=False),
        Column("query", String(LONGEST), nullable=False),
        Column("usual", Boolean(), nullable=False),
        Index(None, "user", "model"),
        keep_existing=True,
    )


class SavedView(pydantic.BaseModel):
    """A view that is to be kept.

    Attributes:
        name: what it is called; one that is called so already is replaced.
        query: of the list's address.
        usual: whether the list begins with it.
    """

    name: Annotated[
        str, pydantic.Field(min_length=1, max_length=100), pydantic.StringConstraints(strip_whitespace=True)
    ]
    query: Annotated[str, pydantic.Field(max_length=LONGEST)] = ""
    usual: bool = False


class SavedViews:
    """The views that people have kept of one list.

    Arguments:
        rows: the table.
        model: the name of the model's table.
    """

    def __init__(self, rows: Rows, model: str) -> None:
        self._rows = rows
        self._model = model[:_SHORT]

    def _mine(self, identity: Identity[Any]) -> list[Any]:
        rows = self._rows.c
        return [rows.user == str(identity.required().key)[:_SHORT], rows.model == self._model]

    def of(self, db: Session, identity: Identity[Any]) -> Sequence[Row[Any]]:
        """Those of a person, by their names."""
        asked = select(self._rows).where(*self._mine(identity))
        return db.execute(asked.order_by(self._rows.c.name, self._rows.c.id).limit(MOST)).all()

    def keep(self, db: Session, identity: Identity[Any], view: SavedView) -> int:
        """Keep one; what it is numbered.

        Raises:
            FormError: there are too many.
        """
        mine, rows = self._mine(identity), self._rows.c
        if view.usual:
            db.execute(update(self._rows).where(*mine).values(usual=False))
        # Written anew, so that it is a query and nothing else where it stands in an address.
        query = urlencode(parse_qs(view.query), doseq=True)[:LONGEST]
        values = {"query": query, "usual": view.usual}
        same = db.scalar(select(rows.id).where(*mine, rows.name == view.name).limit(1))
        if same is not None:
            db.execute(update(self._rows).where(rows.id == same).values(values))
            return int(same)
        if (db.scalar(select(func.count()).select_from(self._rows).where(*mine)) or 0) >= MOST:
            raise FormError(
                "name", gettext("You have kept %(number)s views already. Take one away first.") % {"number": MOST}
            )
        user = str(identity.required().key)[:_SHORT]
        made = db.execute(insert(self._rows), {"user": user, "model": self._model, "name": view.name, **values})
        return int(made.inserted_primary_key[0])  # type: ignore[attr-defined]  # of an insert of one row

    def take_away(self, db: Session, identity: Identity[Any], number: int) -> None:
        """Take one away; one of somebody else stays."""
        db.execute(delete(self._rows).where(*self._mine(identity), self._rows.c.id == number))
