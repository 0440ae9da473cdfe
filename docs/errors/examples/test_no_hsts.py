from wholestack import App
from wholestack.middleware import HTTPSOnly

app = App()
app.use(HTTPSOnly(max_age=3600))


def test_no_hsts() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["no-hsts"]
