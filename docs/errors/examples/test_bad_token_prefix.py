import pytest

from wholestack import SetupError
from wholestack.auth import Tokens


def test_bad_token_prefix() -> None:
    with pytest.raises(SetupError, match="bad-token-prefix"):
        Tokens("My tokens")
