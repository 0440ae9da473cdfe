import pytest

from wholestack import Limits
from wholestack.http import FormParser, Refused


def test_a_header_line_of_two_kib() -> None:
    parser = FormParser("multipart/form-data; boundary=edge", Limits(part_header="1 KiB"))
    with pytest.raises(Refused, match="part-headers-too-large"):
        parser.feed(b"--edge\r\nX-Note: " + b"a" * 2_048)
