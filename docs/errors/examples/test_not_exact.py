import decimal

import pytest
from sqlalchemy import Float, MetaData, cast

from wholestack.db import Database, Mapped, Model, NotExact, func, select


class Square(Model):
    metadata = MetaData()
    area: Mapped[decimal.Decimal]


def test_not_exact() -> None:
    database = Database("sqlite://", models=Square, migrations=None)
    database.create_tables()
    with database.session() as db:
        db.add(Square(area=decimal.Decimal("6.25")))
        db.flush()
        with pytest.raises(NotExact):
            db.scalar(select(func.sqrt(Square.area)))
        assert db.scalar(select(func.sqrt(cast(Square.area, Float)))) == 2.5
