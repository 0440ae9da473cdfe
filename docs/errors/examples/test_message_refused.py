import pytest

from wholestack.mail import Message, MessageRefused


def test_message_refused() -> None:
    with pytest.raises(MessageRefused, match="a line break"):
        Message("zoe@example.org", "Your order\r\nBcc: everybody@example.org", "It is on its way.")
