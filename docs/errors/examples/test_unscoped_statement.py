import pytest
from sqlalchemy import create_engine

from wholestack.auth import Tenant, UnscopedStatement, scope_to, unscoped
from wholestack.db import Session, text


def test_unscoped_statement() -> None:
    with Session(create_engine("sqlite://")) as db:
        scope_to(db, Tenant(1))
        with pytest.raises(UnscopedStatement, match="cannot be looked through"):
            db.execute(text("SELECT 1"))
        with unscoped(db) as everything:
            assert everything.scalar(text("SELECT 1")) == 1
