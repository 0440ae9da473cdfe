import pytest

from wholestack import SetupError
from wholestack.auth import UserMixin, policy
from wholestack.db import Model, UUIDModel


class Bard(UserMixin, UUIDModel):
    pass


class Ballad(Model):
    pass


@policy
def can_sing(bard: Bard, ballad: Ballad) -> bool:
    return True


def test_bad_policy() -> None:
    with pytest.raises(SetupError, match="bad-policy"):
        can_sing.sql(Bard(email="ann@example.org"))
