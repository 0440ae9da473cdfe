"""`wholestack dev`: a small parent that holds the port, watches files, and starts the worker anew on a change."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import socket
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ._alarm import Alarm
from ._find import read_target
from ._order import FILES, HOLD, READY, SETTLED, WAITING, Order, Process
from ._signals import STOPS, caught
from ._sockets import open_port, shown
from ._watcher import Watcher

_EVERY = 0.25
_SETTLED = 0.05
"""Seconds that files must rest before the restart: an editor may write several, or one in two steps."""
_STOP = 1.5


def dev(options: Mapping[str, Any]) -> int:
    """Serve in development until Ctrl-C; the exit code."""
    target = read_target(options["target"])
    listening = open_port("127.0.0.1", options["port"], 128)
    order = Order(
        options["target"],
        development=True,
        json_logs=False,
        access_log=True,
        timeout=1.0,
        linger=0.1,
        address=shown(listening),
    )
    roots = [target.root, *(Path(each).resolve() for each in options["watch"])]
    click.echo(f"Serving {order.address} for development: restarts when a file is saved, Ctrl-C stops it.", err=True)
    alarm = Alarm.of(roots)
    try:
        with listening, terminal():
            Development(order, [listening], Watcher(roots, alarm)).run()
    finally:
        if alarm is not None:
            alarm.close()
    return 0


class Development:
    """One worker at a time, replaced when a file changes."""

    def __init__(self, order: Order, sockets: Sequence[socket.socket], watcher: Watcher) -> None:
        self.order, self.sockets, self.watcher = order, sockets, watcher
        self.signals: list[int] = []
        self.selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Until a signal says stop."""
        with self.selector, caught(self.selector) as self.signals:
            failure = ""
            while not self._told_to_stop():
                failure = self._one(dataclasses.replace(self.order, failure=failure))

    def _one(self, order: Order) -> str:
        """Run one worker until it is to be replaced; what to show next in place of the app, if the process broke."""
        process = Process(order, self.sockets)
        self._held = False
        self.selector.register(process.channel, selectors.EVENT_READ, process)
        try:
            while not self._told_to_stop():
                if changed := self._wait():
                    click.echo(f"Changed: {', '.join(map(_short, changed))}. Restarting.", err=True)
                    return ""
                if (code := process.ended()) is not None:
                    return f"The app's process ended by itself, with exit code {code}."
        finally:
            self.selector.unregister(process.channel)
            _end(process)
        return ""

    def _wait(self) -> list[str]:
        """Wait a little; the files that changed, when they rest."""
        begun = time.monotonic()
        for key, _ in self.selector.select(self._pause):
            self._hear(key.data) if isinstance(key.data, Process) else key.data()
        if self._held:
            return []
        begun = time.monotonic()
        changed = self.watcher.changed()
        self._pause = max(_EVERY, 10 * (time.monotonic() - begun))
        while changed:
            time.sleep(_SETTLED)
            more = self.watcher.changed()
            if not more:
                return changed
            changed = sorted({*changed, *more})
        return []

    _pause = _EVERY
    _held = False
    """Whether the worker writes or applies migrations, so that it must not be replaced."""

    def _hear(self, process: Process) -> None:
        lines = process.lines()
        for kind, text in lines:
            if kind == FILES:
                self.watcher.add(json.loads(text))
            elif kind == HOLD:
                self._held = True
            elif kind == SETTLED:
                self._held = False
                self.order = dataclasses.replace(self.order, settled=text)
            elif kind == READY:
                click.echo("Ready.", err=True)
            elif kind == WAITING:
                click.echo("The error is shown on every path until a file is saved.", err=True)

    def _told_to_stop(self) -> bool:
        return any(number in STOPS for number in self.signals)


def _end(process: Process) -> None:
    """Stop a worker; one that hangs (in a breakpoint, in a loop) is killed."""
    process.popen.terminate()
    try:
        process.popen.wait(_STOP)
    except Exception:
        process.popen.kill()
        process.popen.wait()
    process.close()


def _short(path: str) -> str:
    return os.path.relpath(path) if path.startswith(os.getcwd()) else path


@contextlib.contextmanager
def terminal() -> Iterator[None]:
    """Give the terminal back as it was: a debugger that was killed leaves it without an echo."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
