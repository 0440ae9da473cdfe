import pytest

from wholestack import SetupError
from wholestack.auth import JWTIssuer


def test_bad_issuer() -> None:
    with pytest.raises(SetupError, match="bad-issuer"):
        JWTIssuer("http://login.example.org", "https://notes.example.org")  # Anybody on the way could sign.
