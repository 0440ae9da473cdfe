"""Mail: typed messages that are sent if, and only if, the transaction of the request commits.

Here belong a message and its addresses (`_message`, `_address`), how it is written for the Internet (`_letter`,
`_fields`), made from templates (`_compose`) and sent (`_smtp`, `_backends`, `_sending`), the table where it waits
(`_stored`), and what developers and tests see of it (`_preview`, `_mailbox`). Never here: a queue of our own, a
subscriber, a page for users, reading mail. A call flows so: a handler's `mailer.send` makes a letter, with the identity
that it keeps, and puts it into the outbox in the request's transaction; after the commit the outbox calls the task,
which hands the letter to the backend; what a server refuses is tried again, to those alone who do not have it yet.
"""

from ._address import Address, Recipients
from ._backends import MAIL_URL, Backend, Console, Folder, Memory, backend_of
from ._errors import MailNotSent, MessageRefused, NoBaseURL, RecipientsRefused
from ._letter import Letter
from ._mailbox import Mailbox
from ._mailer import Mailer
from ._message import Attachment, Message, MessageOptions, MessageParts
from ._plugin import Mailing
from ._smtp import SMTP

__all__ = [
    "MAIL_URL",
    "SMTP",
    "Address",
    "Attachment",
    "Backend",
    "Console",
    "Folder",
    "Letter",
    "MailNotSent",
    "Mailbox",
    "Mailer",
    "Mailing",
    "Memory",
    "Message",
    "MessageOptions",
    "MessageParts",
    "MessageRefused",
    "NoBaseURL",
    "Recipients",
    "RecipientsRefused",
    "backend_of",
]
