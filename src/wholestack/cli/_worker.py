"""A worker: a fresh interpreter that imports the app, seals it, serves it, and tells its parent how it fares.

Started by the parent as `python -m wholestack.cli._worker ORDER CHANNEL SOCKET…`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import click

from wholestack import App, Limits
from wholestack.observe import configure_logging

from ._fail import report
from ._find import find
from ._order import BEAT, FAILED, HOLD, READY, SETTLED, WAITING, Channel, Order

START_FAILED = 3
_GOODBYE = 1.0
"""Seconds that threads may hold a process whose app is closed."""
_SWITCH = 0.0005
"""Seconds that a thread may keep the interpreter: with Python's own 5 ms, forty `def` handlers that compute make the
event loop wait for 200 ms before it can accept, refuse or beat."""


def prepare(order: Order) -> App:
    """The app, sealed as the order asks.

    Raises:
        Stop, SetupError: it cannot be found or sealed.
    """
    app = find(order.target)
    if app.sealed is None:
        app.checked = order.development
        if order.access_log:
            from ._access import log_access

            app.middlewares.insert(0, log_access)
        if order.development:
            from ._development import equip

            equip(app)
    app.seal()
    return app


def run(order: Order, channel: Channel, sockets: Sequence[socket.socket]) -> int:
    """Serve until the parent says stop; the exit code."""
    configure_logging(json_lines=order.json_logs)
    try:
        app = prepare(order)
        if order.development:
            from ._development import settle

            settle(app, channel)
            offer(app, order, channel)
        serve(app, app.limits, order, channel, sockets)
    except (Exception, SystemExit) as error:
        if not order.development:
            channel.tell(FAILED, report(error))
            return START_FAILED
        show(report(error), order, channel, sockets)
    return 0


def offer(app: App, order: Order, channel: Channel) -> None:
    """Offer to apply migrations, and to make them, where the app uses a database."""
    if "wholestack.db" in sys.modules:
        from ._db_dev import offer

        offer(app, order.settled, lambda text: channel.tell(SETTLED, text), lambda: channel.tell(HOLD))


def show(failure: str, order: Order, channel: Channel, sockets: Sequence[socket.socket]) -> None:
    """Say in the terminal and on every path what is wrong, until a file changes."""
    from ._development import ErrorPage, tell_files

    click.echo(failure, err=True)
    tell_files(channel)
    serve(ErrorPage(failure), Limits(), order, channel, sockets, ready=WAITING)


def serve(
    app: Any, limits: Limits, order: Order, channel: Channel, sockets: Sequence[socket.socket], ready: str = READY
) -> None:
    """Run the server on a loop of its own."""
    from ._uvicorn import Server

    sys.setswitchinterval(_SWITCH)
    server = Server(app, order, limits)

    def is_ready() -> None:
        if not order.development:
            leave_alone()
        channel.tell(ready)

    server.on_ready = is_ready
    server.on_beat = lambda: channel.tell(BEAT)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(channel.fileno(), orphaned)
        await server.serve(list(sockets))
        loop.remove_reader(channel.fileno())
        threading.Thread(target=_leave, daemon=True).start()

    def orphaned() -> None:
        gone = channel.gone()
        if channel.last:
            server.not_ready()
        if gone:
            asyncio.get_running_loop().remove_reader(channel.fileno())
            server.should_exit = True

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(main())


def leave_alone() -> None:
    """Spare Python's collector what is there when an app begins, which stays: to walk through it takes tens of
    milliseconds, and would be in the middle of somebody's request, again and again.
    """
    gc.collect()
    gc.freeze()


def _leave() -> None:
    """End the process even where a thread of the app does not."""
    time.sleep(_GOODBYE)
    os._exit(0)


def main() -> None:
    """The process's own entry."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order = Order.read(sys.argv[1])
    with contextlib.ExitStack() as stack:
        end, *sockets = [stack.enter_context(socket.socket(fileno=int(number))) for number in sys.argv[2:]]
        for each in sockets:
            each.setblocking(False)
        if order.failure:
            show(order.failure, order, Channel(end), sockets)
        else:
            sys.exit(run(order, Channel(end), sockets))


if __name__ == "__main__":
    main()
