import pytest

from wholestack import SetupError
from wholestack.forms import Widget


def test_bad_widget() -> None:
    with pytest.raises(SetupError, match="A widget has no attribute 'onclick'"):
        Widget("textarea", onclick="check(this)")
