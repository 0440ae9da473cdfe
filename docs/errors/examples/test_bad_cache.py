import pytest

from wholestack import SetupError
from wholestack.cache import cached


def test_bad_cache() -> None:
    with pytest.raises(SetupError, match="bad-cache"):

        @cached(tags=["post:{number}"])
        def show(id: int) -> str:
            return f"post {id}"
