import pytest

from wholestack.mail import SMTP, Mailing, MailNotSent, Message


def test_mail_not_sent() -> None:
    mailing = Mailing("shop@example.com", SMTP("smtp://127.0.0.1:1"))
    with pytest.raises(MailNotSent, match="was not reached"):
        mailing.send_now(Message("zoe@example.org", "Your order", "It is on its way."))
