"""What handlers send with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._address import Recipients
from ._compose import Composer
from ._letter import Letter
from ._message import Message
from ._sending import Sending


class Mailer:
    """Sends messages; a handler or a task asks for ``mailer: Mailer``.

    Arguments:
        sending: the way out.
        composer: makes messages from templates.
        put: takes a letter that is to be sent if the request's work holds.

    Example:
        >>> from wholestack import App
        >>> from wholestack.mail import Mailing
        >>> app = App()
        >>> app.use(Mailing("Shop <shop@example.com>"))
        >>> @app.post("/orders")
        ... def order(mailer: Mailer) -> str:
        ...     return mailer.send(Message("zoe@example.org", "Your order", "It is on its way."))
    """

    def __init__(self, sending: Sending, composer: Composer, put: Callable[[Letter], object]) -> None:
        self._sending = sending
        self._composer = composer
        self._put = put

    def send(self, message: Message) -> str:
        """Send a message if, and only if, the request's transaction commits.

        With an `Outbox` it is a row of that transaction: it survives the process, and is tried again until the server
        takes it. Without one it is sent once, after an answer below 400, in the background of this process.

        Returns:
            its Message-ID, without brackets.

        Raises:
            MessageRefused: it is too large.
        """
        letter = self._sending.letter(message)
        self._put(letter)
        return letter.id

    def send_now(self, message: Message) -> str:
        """Send a message before this returns, whatever becomes of the request.

        Returns:
            its Message-ID, without brackets.

        Raises:
            MessageRefused: it is too large.
            MailNotSent: the server cannot be reached, or has refused it.
            RecipientsRefused: the server has refused some recipients.
        """
        letter = self._sending.letter(message)
        self._sending.send(letter)
        return letter.id

    def compose(self, template: str, /, to: Recipients, **values: Any) -> Message:
        """A message from the templates ``mail/welcome.txt`` and, where it is there, ``mail/welcome.html``.

        ``{% block subject %}`` of the first is the subject, and no part of the text. In both, ``url_for(handler)`` and
        ``static(name)`` give addresses with a host, below the `base_url` of the plugin; the second has `subject` too.

        Arguments:
            template: the name without the ending: ``"mail/welcome"``.
            to: who gets it.
            values: what the templates may use, by name.

        Raises:
            TemplateFault: there is no such template.
            NoBaseURL: it makes a link, and the plugin has no `base_url`.
            MessageRefused: it has no subject, or cannot be sent as it is.
        """
        return self._composer.compose(template, to, values)
