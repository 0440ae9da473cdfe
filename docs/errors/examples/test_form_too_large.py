import pytest

from wholestack import Limits
from wholestack.http import FormParser, Refused


def test_eleven_texts_of_a_thousand_bytes() -> None:
    parser = FormParser("application/x-www-form-urlencoded", Limits(text_part="1 KiB"))
    with pytest.raises(Refused, match="form-too-large"):
        for _ in range(11):
            parser.feed(b"text=" + b"a" * 1_000 + b"&")
