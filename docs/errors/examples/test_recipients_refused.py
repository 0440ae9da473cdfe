import pytest

from wholestack.mail import Letter, Mailing, Message, RecipientsRefused


class Service:
    """A backend of one's own."""

    def send(self, letter: Letter) -> None:
        raise RecipientsRefused({"zoe@example.org": (550, "no such mailbox")}, sent=1)


def test_recipients_refused() -> None:
    mailing = Mailing("shop@example.com", Service())
    with pytest.raises(RecipientsRefused, match="refused 1 of 2 recipients: 550 no such mailbox"):
        mailing.send_now(Message(["zoe@example.org", "kim@example.org"], "Hi", "Hello"))
