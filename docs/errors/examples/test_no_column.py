import pytest
from sqlalchemy import MetaData

from wholestack import SetupError
from wholestack.crud import schema
from wholestack.db import Mapped, Model


class Lamp(Model):
    metadata = MetaData()
    watts: Mapped[int]


def test_no_column() -> None:
    with pytest.raises(SetupError) as caught:
        schema(Lamp, only=["id", "wats"])
    (fault,) = caught.value.faults
    assert (fault.code, fault.cure) == ("no-column", "Did you mean 'watts'?")
