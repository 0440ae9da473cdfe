import pytest
from pydantic import BaseModel
from sqlalchemy import MetaData

from wholestack import SetupError
from wholestack.crud import crud
from wholestack.db import Mapped, Model


class Bike(Model):
    metadata = MetaData()
    colour: Mapped[str]


class NewBike(BaseModel):
    colour: str
    bell: bool


def test_bad_crud() -> None:
    with pytest.raises(SetupError) as caught:
        crud(Bike, "/bikes", new=NewBike)
    assert [fault.code for fault in caught.value.faults] == ["bad-crud"]
    with pytest.raises(SetupError) as caught:
        crud(Bike, "/bikes", needs={"remove": lambda: False})
    assert caught.value.faults[0].message == "There is no action 'remove'."
