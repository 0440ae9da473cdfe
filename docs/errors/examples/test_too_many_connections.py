from wholestack import App
from wholestack.db import Database

app = App()
app.use(Database("postgresql://localhost/app", pool=50, connections=20))


def test_too_many_connections() -> None:
    app.seal()
    assert "too-many-connections" in [fault.code for check in app.checks for fault in check()]
