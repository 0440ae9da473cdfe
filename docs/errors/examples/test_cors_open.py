from wholestack import App
from wholestack.middleware import CORS

app = App()
app.use(CORS("*"))


def test_cors_open() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["cors-open"]
