"""What a test client raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wholestack.errors import WholestackError

if TYPE_CHECKING:
    from ._answer import Answer


class ClientFault(WholestackError):
    """A test client was asked for what it cannot do; the message says what to type instead."""

    code = "client-fault"


class UnexpectedAnswer(WholestackError, AssertionError):
    """`answer.expect(…)` met another status, or a contract another answer than the document says; the message shows the
    request, the status and the problem.
    """

    code = "unexpected-answer"


class BrokenAnswer(WholestackError):
    """The application's answer is not whole, as a server or a browser would notice: it ended early, its length lies."""

    code = "broken-answer"


class SocketRefused(ClientFault):
    """The application answered a WebSocket's handshake as HTTP.

    Attributes:
        answer: its answer.
    """

    code: str = "socket-refused"

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"The handshake was answered with {answer.status}: {answer.text[:500]}")
        self.answer = answer


class SocketEnded(ClientFault):
    """The application has closed the socket.

    Attributes:
        closed: the close code (RFC 6455 §7.4.1); 1005 where there is none, as under RSGI.
        reason: the same in words.
    """

    code: str = "socket-ended"

    def __init__(self, closed: int, reason: str) -> None:
        super().__init__(f"The application has closed the socket ({closed}{' ' if reason else ''}{reason}).")
        self.closed = closed
        self.reason = reason


class CannotMake(WholestackError):
    """`make` or a factory found no valid value; the message says for which field, and what to give."""

    code = "cannot-make"


class OverBudget(WholestackError, AssertionError):
    """A `budget(…)` block took more than it may; the message says how much of what, and where it went."""

    code = "over-budget"


class SchemaDiffers(WholestackError, AssertionError):
    """A migration that was taken back and applied again has not left the schema as it was; the message says where."""

    code = "schema-differs"
