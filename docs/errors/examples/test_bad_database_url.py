import pytest

from wholestack import SetupError
from wholestack.db import Database


def test_bad_database_url() -> None:
    with pytest.raises(SetupError, match="bad-database-url"):
        Database("oracle://somewhere/app")
