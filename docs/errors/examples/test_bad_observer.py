import pytest

from wholestack import SetupError
from wholestack.debug import LoopGuard


def test_bad_observer() -> None:
    with pytest.raises(SetupError) as raised:
        LoopGuard(limit=-1)
    assert raised.value.faults[0].code == "bad-observer"
    assert raised.value.faults[0].cure == "Give seconds, from 0.005 to 60."
