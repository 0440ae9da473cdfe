import pytest
from sqlalchemy import MetaData

from wholestack import App
from wholestack.db import Database, Mapped, Model, NoCopy, copy_in


class Grain(Model):
    metadata = MetaData()
    size: Mapped[int]


app = App()
app.use(Database("sqlite://", models=Grain))


def test_no_copy() -> None:
    with app.session() as db, pytest.raises(NoCopy) as caught:
        copy_in(db, Grain, [{"size": 1}])
    assert caught.value.code == "no-copy"
