"""Signals as something to wait for: they end the parent's wait at once and are dealt with in its own time."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
from collections.abc import Iterator

STOPS = frozenset({signal.SIGTERM, signal.SIGINT})
_WANTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@contextlib.contextmanager
def caught(selector: selectors.BaseSelector) -> Iterator[list[int]]:
    """The signals that came, oldest first; each ends a wait of the selector, and so does the death of a child."""
    came: list[int] = []
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    selector.register(ours, selectors.EVENT_READ, lambda: ours.recv(4096))
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _WANTED}
    try:
        yield came
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        selector.unregister(ours)
        ours.close()
        theirs.close()
