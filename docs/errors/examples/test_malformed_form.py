import pytest

from wholestack import Limits
from wholestack.http import FormParser, Refused


def test_a_broken_escape() -> None:
    parser = FormParser("application/x-www-form-urlencoded", Limits())
    with pytest.raises(Refused, match="malformed-form"):
        parser.feed(b"discount=100%")
        parser.close()
