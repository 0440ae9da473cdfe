import pytest

from wholestack import App, SetupError
from wholestack.db import Database
from wholestack.outbox import Outbox


def test_no_database() -> None:
    app = App()
    app.use(Outbox(), Database("sqlite://"))  # The other way round.
    with pytest.raises(SetupError, match="no-database"):
        app.seal()
