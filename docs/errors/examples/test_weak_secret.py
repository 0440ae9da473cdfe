from wholestack import App
from wholestack.sessions import Sessions

app = App()
app.use(Sessions(secret="sesame"))


def test_weak_secret() -> None:
    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == ["weak-secret"]
