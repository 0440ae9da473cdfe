"""What an app under test has sent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Self, overload

from wholestack import App

from ._backends import Memory
from ._letter import Letter
from ._message import Message
from ._plugin import Mailing


class Mailbox(Sequence[Message]):
    """The messages that an app has sent, the oldest first, for the time of a block; none of them goes out.

    A message is in it as soon as the request that sent it has committed: the outbox need not run for that. The pytest
    fixture `mailbox` is one.

    Arguments:
        app: the app under test; it uses a `Mailing`.

    Example:
        >>> app = App()
        >>> mailing = Mailing("shop@example.com")
        >>> app.use(mailing)
        >>> with Mailbox(app) as mailbox:
        ...     _ = mailing.send_now(Message("zoe@example.org", "Hi", "Hello"))
        ...     [message.subject for message in mailbox]
        ['Hi']
    """

    def __init__(self, app: App) -> None:
        self._mailing = app.plugin(Mailing)
        self._stack = contextlib.ExitStack()
        self.letters: list[Letter] = []

    def __enter__(self) -> Self:
        sending, before = self._mailing.sending, self._mailing.sending.given
        sending.given = Memory()
        self._stack.callback(setattr, sending, "given", before)
        sending.listeners.append(self.letters.append)
        self._stack.callback(sending.listeners.remove, self.letters.append)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        found = [letter.message for letter in self.letters]
        return found[index]

    def __len__(self) -> int:
        return len(self.letters)

    def __iter__(self) -> Iterator[Message]:
        return (letter.message for letter in tuple(self.letters))

    def to(self, address: str) -> list[Message]:
        """The messages that one address gets, openly or not.

        Example:
            >>> app = App()
            >>> app.use(Mailing("shop@example.com"))
            >>> Mailbox(app).to("zoe@example.org")
            []
        """
        return [each for each in self if address in each.recipients]

    def clear(self) -> None:
        """Forget what was sent so far."""
        self.letters.clear()

    def __repr__(self) -> str:
        return f"<Mailbox {list(self)!r}>"
