from typing import NewType

import pytest
from sqlalchemy import MetaData

from wholestack import App, SetupError
from wholestack.db import Database, Model, Session

Archive = NewType("Archive", Session)


class Old(Model):
    __abstract__ = True
    metadata = MetaData()


def test_shared_migrations() -> None:
    app = App()
    app.use(Database("sqlite:///app.db"), Database("sqlite:///archive.db", models=Old, session=Archive))
    with pytest.raises(SetupError, match="shared-migrations"):
        app.seal()
