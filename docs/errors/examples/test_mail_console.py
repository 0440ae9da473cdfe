import pytest

from wholestack import App, SetupError
from wholestack.mail import Mailing
from wholestack.testing import Client


def test_mail_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    monkeypatch.delenv("MAIL_URL", raising=False)
    app = App()
    app.use(Mailing("shop@example.com"))
    with pytest.raises(SetupError, match="mail-console"), Client(app):
        pass
