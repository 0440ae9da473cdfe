import pytest

from wholestack import SetupError
from wholestack.auth import PasswordRules, Passwords, Throttle


def test_bad_login_setting() -> None:
    with pytest.raises(SetupError, match="bad-login-setting"):
        PasswordRules(least=6)
    with pytest.raises(SetupError, match="bad-login-setting"):
        Passwords(memory=4)
    with pytest.raises(SetupError, match="bad-login-setting"):
        Throttle(account={"free": 0})
