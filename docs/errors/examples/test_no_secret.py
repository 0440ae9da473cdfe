import pytest

from wholestack import App, SetupError
from wholestack.sessions import CookieSessions, Sessions


def test_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    app = App()
    app.use(Sessions(CookieSessions()))
    with pytest.raises(SetupError, match="no-secret"):
        app.seal()
