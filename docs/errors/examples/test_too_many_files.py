import pytest

from wholestack import Limits
from wholestack.http import FormParser, Refused


def test_two_files_where_one_may_be() -> None:
    part = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhi\r\n'
    parser = FormParser("multipart/form-data; boundary=edge", Limits(files=1))
    with pytest.raises(Refused, match="too-many-files"):
        parser.feed(part * 2)
