import pytest

from wholestack import HTTPError
from wholestack.auth import Passwords


def test_password_too_long() -> None:
    with pytest.raises(HTTPError) as raised:
        Passwords().hash("é" * 2049)
    assert (raised.value.status, raised.value.code) == (422, "password-too-long")
