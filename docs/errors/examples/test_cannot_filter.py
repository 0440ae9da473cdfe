from typing import Any

import pytest
from sqlalchemy import MetaData

from wholestack import SetupError
from wholestack.crud import listing
from wholestack.db import Mapped, Model


class Setting(Model):
    metadata = MetaData()
    name: Mapped[str]
    data: Mapped[dict[str, Any]]


def test_cannot_filter() -> None:
    with pytest.raises(SetupError) as caught:
        listing(Setting, filters=["name", "data"])
    assert [fault.code for fault in caught.value.faults] == ["cannot-filter"]
    with pytest.raises(SetupError) as caught:
        listing(Setting, filters=["name__gt"])
    assert caught.value.faults[0].cure.startswith("It can be filtered as name, name__ne")
