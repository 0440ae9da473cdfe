from sqlalchemy import MetaData

from wholestack import App
from wholestack.crud import crud
from wholestack.db import Database, Mapped, Model


class Stamp(Model):
    metadata = MetaData()
    cents: Mapped[int]


app = App()
app.use(Database("sqlite:///stamps.db", models=Stamp, migrations=None))
app.include(crud(Stamp, "/stamps", orders=("cents",)))


def test_guessable_key() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["guessable-key"]
