"""What a letter goes through on its way out, whoever sends it: its size, the backend, and who is told of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from wholestack.db import stage
from wholestack.handlers import is_driven, wait

from ._address import Address
from ._backends import MAIL_URL, Backend, Console, Memory, backend_of
from ._errors import MessageRefused
from ._letter import Letter
from ._message import Message


class Sending:
    """The way out of one `Mailing`.

    Arguments:
        sender: whom messages are from that do not say so themselves.
        backend: where they go; None for what the environment says.
        largest: bytes of a letter at most.

    Attributes:
        listeners: called with each letter that was handed over for good.
    """

    def __init__(self, sender: Address, backend: Backend | None, largest: int) -> None:
        self.sender = sender
        self.given = backend
        self.listeners: list[Callable[[Letter], object]] = []
        self._largest = largest
        self._found: Backend | None = None

    @property
    def backend(self) -> Backend:
        """Where letters go."""
        if self.given is not None:
            return self.given
        if self._found is None:
            self._found = _default()
        return self._found

    @backend.setter
    def backend(self, backend: Backend) -> None:
        self.given = backend

    @property
    def is_chosen(self) -> bool:
        """Whether somebody has said where letters go, here or in the environment."""
        return self.given is not None or bool(os.environ.get(MAIL_URL))

    def letter(self, message: Message) -> Letter:
        """A message as a letter.

        Raises:
            MessageRefused: it is too large.
        """
        letter = Letter.of(message, self.sender)
        size = len(letter.to_bytes())
        if size > self._largest:
            cure = "Put the file where a link leads to it."
            raise MessageRefused(f"The message has {size} bytes as it is sent, of {self._largest} at most. {cure}")
        return letter

    def send(self, letter: Letter) -> None:
        """Send a letter now, in the caller's colour, and tell of it.

        Raises:
            MailNotSent: see `Backend.send`.
        """
        self.deliver(letter)
        self.tell(letter)

    def deliver(self, letter: Letter) -> None:
        """Send a letter now, in the caller's colour; nobody is told: that was done when it was handed over.

        Raises:
            MailNotSent: see `Backend.send`.
        """
        _blocking(self.backend.send, letter)

    def tell(self, letter: Letter) -> None:
        """Tell those who listen of a letter that was handed over for good."""
        for listener in tuple(self.listeners):
            listener(letter)


def _default() -> Backend:
    """What the environment says. Tests do not ask it: they must not write to people."""
    if stage() == "test":
        return Memory()
    url = os.environ.get(MAIL_URL)
    return backend_of(url) if url else Console()


def _blocking(function: Callable[[Letter], None], letter: Letter) -> None:
    """Call what blocks: here in a thread, and beside the event loop in a coroutine."""
    if is_driven() or _is_on_loop():
        # On the loop outside of a driven call nothing can wait: this says so, and what to do.
        wait(_beside(function, letter))
    else:
        function(letter)


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _beside(function: Callable[[Letter], None], letter: Letter) -> None:
    await asyncio.to_thread(function, letter)
