import pytest

from wholestack import SetupError
from wholestack.outbox import task


def numbers():  # type: ignore[no-untyped-def]
    yield 1


def test_bad_task() -> None:
    with pytest.raises(SetupError, match="bad-task"):
        task(numbers)
