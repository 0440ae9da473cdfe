import pytest

from wholestack import App
from wholestack.sessions import CookieSessions, NotRevocable, Sessions

app = App()
app.use(Sessions(CookieSessions()))


def test_not_revocable() -> None:
    app.seal()
    with pytest.raises(NotRevocable):
        app.plugin(Sessions).revoke_all("ann")
