import pytest

from wholestack.db import Database, QueryBudgetExceeded, assert_queries, text


def test_query_budget() -> None:
    database = Database("sqlite://")
    with pytest.raises(QueryBudgetExceeded), assert_queries(1), database.session() as db:
        db.execute(text("SELECT 1"))
        db.execute(text("SELECT 2"))
    database.dispose()
