"""A terminal (a pseudo-terminal of the system's) in which a command runs, is read and is typed to."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import threading
from pathlib import Path

from servers import serving
from servers.serving import until


class Terminal:
    """A terminal in which one command of ours runs.

    Arguments:
        words: the command without `wholestack`.
        cwd: where it is typed.
        environment: more variables of it.

    Attributes:
        screen: all that was shown so far.
    """

    def __init__(self, *words: str, cwd: Path, **environment: str) -> None:
        self.screen = ""
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*serving.COMMAND, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env=serving.environment(TERM="dumb", **environment),
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._end, 4096):
                self.screen += piece.decode("utf-8", "replace")
        except OSError:
            return  # The other side is closed.

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def shows(self, text: str, seconds: float = 15) -> str:
        try:
            until(lambda: text in self.screen, seconds)
        except TimeoutError:
            raise TimeoutError(f"{text!r} is not on the screen:\n{self.screen}") from None
        return self.screen

    def close(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._reader.join(5)
        os.close(self._end)
