import pytest

from wholestack import Limits
from wholestack.http import FormParser, Refused


def test_three_fields_where_two_may_be() -> None:
    parser = FormParser("application/x-www-form-urlencoded", Limits(fields=2))
    with pytest.raises(Refused, match="too-many-fields"):
        parser.feed(b"a=1&b=2&c=3&")
        parser.close()
