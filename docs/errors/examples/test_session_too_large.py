import pytest

from wholestack import App
from wholestack.sessions import BrowserSession, CookieSessions, Sessions, SessionTooLarge
from wholestack.testing import Client

app = App()
app.use(Sessions(CookieSessions()))


@app.post("/note")
def note(session: BrowserSession) -> None:
    session.data["note"] = "x" * 4000


def test_session_too_large() -> None:
    with pytest.raises(SessionTooLarge):
        Client(app).post("/note")
