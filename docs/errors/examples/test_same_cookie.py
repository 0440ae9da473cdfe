from wholestack import App
from wholestack.sessions import MemorySessions, Sessions

admin = App()
admin.use(Sessions(MemorySessions()))
app = App()
app.use(Sessions(MemorySessions()))
app.mount("/admin", admin)


def test_same_cookie() -> None:
    app.seal()
    assert "same-cookie" in [fault.code for check in app.checks for fault in check()]
