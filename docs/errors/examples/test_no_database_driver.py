import importlib.util

import pytest

from wholestack import SetupError
from wholestack.db import Database


def test_no_database_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"wholestack\[pg\]"):
        Database("postgresql://localhost/app")
