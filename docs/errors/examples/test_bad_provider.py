import pytest

from wholestack import SetupError
from wholestack.auth import OpenIDConnect


def test_bad_provider() -> None:
    with pytest.raises(SetupError, match="bad-provider"):
        OpenIDConnect("example", "http://accounts.example.org", client_id="notes", client_secret="…")
