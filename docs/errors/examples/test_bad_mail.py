import pytest

from wholestack import SetupError
from wholestack.mail import Mailing


def test_bad_mail() -> None:
    with pytest.raises(SetupError, match="bad-mail") as report:
        Mailing("shop@example.com", "smtp+plain://shop:secret@mail.example.com")
    assert "secret" not in str(report.value)
