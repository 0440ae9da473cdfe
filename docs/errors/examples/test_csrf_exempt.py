from wholestack import App
from wholestack.sessions import BrowserSession

app = App()


@app.post("/pay", csrf=False)
def pay(session: BrowserSession) -> str:
    return f"{session.user} has paid"


def test_csrf_exempt() -> None:
    app.seal()
    assert "csrf-exempt" in [fault.code for check in app.checks for fault in check()]
