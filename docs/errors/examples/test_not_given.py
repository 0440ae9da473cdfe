import pytest

from wholestack.db import Session
from wholestack.outbox import NotGiven, given, task


@task
def tell(post_id: int, *, db: Session = given) -> None:
    db.flush()


def test_not_given() -> None:
    with pytest.raises(NotGiven, match="wants it from you"):
        tell(7)
