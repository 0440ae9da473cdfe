import pytest

from wholestack import SetupError
from wholestack.auth import Auth
from wholestack.db import UUIDModel


class Nobody(UUIDModel):
    pass


def test_bad_user_model() -> None:
    with pytest.raises(SetupError, match="bad-user-model"):
        Auth(Nobody)  # type: ignore[arg-type]
