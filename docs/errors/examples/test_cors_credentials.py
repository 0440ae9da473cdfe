import pytest

from wholestack import SetupError
from wholestack.middleware import CORS


def test_cors_credentials() -> None:
    with pytest.raises(SetupError, match="cors-credentials"):
        CORS(origins="*", credentials=True)
