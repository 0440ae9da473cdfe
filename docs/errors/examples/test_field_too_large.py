import pytest

from wholestack import Limits
from wholestack.http import FormParser, Refused


def test_a_text_of_two_kib() -> None:
    parser = FormParser("application/x-www-form-urlencoded", Limits(text_part="1 KiB"))
    with pytest.raises(Refused, match="field-too-large"):
        parser.feed(b"text=" + b"a" * 2_048)
        parser.close()
