import pytest

from wholestack import SetupError
from wholestack.middleware import CORS


def test_bad_guard() -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        CORS(origins=["https://example.org/"])  # browsers send no slash at the end
