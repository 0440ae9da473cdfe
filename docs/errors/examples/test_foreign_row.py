import pytest
from sqlalchemy import create_engine

from wholestack.auth import ForeignRow, OfTenant, Tenant, scope_to
from wholestack.db import Mapped, Model, Session


class Cask(OfTenant, Model):
    tenant_id: Mapped[int]


def test_foreign_row() -> None:
    with Session(create_engine("sqlite://")) as db:
        scope_to(db, Tenant(1))
        db.add(Cask(tenant_id=2))
        with pytest.raises(ForeignRow, match="Cask refers to a row"):
            db.flush()
