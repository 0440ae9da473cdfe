"""Notice of changes from the operating system, through watchfiles where it is installed (the extra `dev`)."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Iterable
from pathlib import Path


class Alarm:
    """Rings when something happened below the folders; so nobody has to look through them four times a second.

    Where the system gives no notice (no descriptor left, a file system without it) it rings all the time.
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = tuple(roots)
        self._rang = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="wholestack-alarm", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, roots: Iterable[Path]) -> Alarm | None:
        """An alarm, if watchfiles is there."""
        return cls(roots) if importlib.util.find_spec("watchfiles") is not None else None

    def rang(self) -> bool:
        """Whether it rang since the last question."""
        if not self._thread.is_alive():
            return True
        if rang := self._rang.is_set():
            self._rang.clear()
        return rang

    def close(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._thread.join(2)

    def _listen(self) -> None:
        first = True  # What happened before the system listened is seen by looking once it does.
        with contextlib.suppress(OSError, RuntimeError, ImportError):
            from watchfiles import watch

            for changes in watch(
                *self._roots,
                watch_filter=None,
                debounce=50,
                step=20,
                rust_timeout=200,
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
            ):
                if changes or first:
                    self._rang.set()
                first = False
