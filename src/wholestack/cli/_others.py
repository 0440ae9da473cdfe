"""`wholestack serve --server granian|gunicorn|hypercorn`: our options in their words; then theirs takes over."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from wholestack import App, SetupError

from ._fail import Broken, Stop, report
from ._order import STAGE, VARIABLE, Order, inherited
from ._sealing import sealed
from ._sockets import listen, shown

_log = logging.getLogger("wholestack.serve")

APP = "wholestack.cli._served:app"
INTERFACES = {"granian": ("rsgi", "asgi", "wsgi"), "gunicorn": ("asgi", "wsgi"), "hypercorn": ("asgi",)}


def hand_over(options: Mapping[str, Any], order: Order) -> NoReturn:
    """Become that server; the app is tried first, so that a fault of it is told here and once.

    Raises:
        Stop: the server is not installed, or cannot do what is asked.
    """
    server = options["server"]
    if importlib.util.find_spec(server) is None:
        raise Stop(f"{server} is not installed: pip install 'wholestack[{server}]'")
    if order.grace:
        raise Stop(f"{server} stops in its own way. --grace is for --server uvicorn.")
    interface = options["interface"] or INTERFACES[server][0]
    if interface not in INTERFACES[server]:
        raise Stop(f"{server} has no {interface}. Take --interface {' or '.join(INTERFACES[server])}.")
    passed_on = options["fd"] is not None or os.environ.get("LISTEN_PID") == str(os.getpid())
    if server == "granian" and passed_on:
        raise Stop("granian opens its sockets itself and takes over none. Take --host and --port, or --uds.")
    app = begun(sealed(options["target"]))
    sockets = listen(options)
    words = {"granian": granian, "gunicorn": gunicorn, "hypercorn": hypercorn}[server](options, interface, app, sockets)
    address = ", ".join(map(shown, sockets))
    _log.info("serving %s", address, extra={"address": address, "workers": options["workers"], "server": server})
    for each in sockets:
        each.close() if server == "granian" else os.set_inheritable(each.detach(), True)
    command = [sys.executable, "-P", "-m", server, *words]
    sys.stderr.flush()
    os.execve(command[0], command, {**inherited(order), VARIABLE: order.text()})  # noqa: S606  (no shell between)


def begun(app: App) -> App:
    """The app, whose databases have said that they can begin: other servers start a worker that cannot again and again.

    Raises:
        Broken: one cannot.
    """
    before = os.environ.get(STAGE)
    os.environ[STAGE] = "production"
    try:
        for plugin in app.plugins:
            begin = getattr(plugin, "begin", None)
            if begin is not None:
                begin()
    except SetupError as error:
        raise Broken(report(error)) from None
    finally:
        del os.environ[STAGE]
        if before is not None:
            os.environ[STAGE] = before
    return app


def granian(options: Mapping[str, Any], interface: str, app: App, sockets: Sequence[socket.socket]) -> list[str]:
    """Granian's words; it opens the address itself, which was tried here, since it would share one that is taken."""
    if options["uds"]:
        Path(options["uds"]).unlink()
        place = ["--uds", options["uds"], "--uds-permissions", oct(options["uds_mode"])]
    else:
        place = ["--host", options["host"], "--port", str(sockets[0].getsockname()[1])]
    most = max(8192, app.limits.bytes_of("headers_total") + app.limits.bytes_of("target"))
    return [
        "--interface", interface, *place,
        "--workers", str(options["workers"]),
        "--respawn-failed-workers", "--respawn-interval", "1",
        "--workers-kill-timeout", str(max(1, round(options["timeout"]))),
        "--backlog", str(max(128, options["backlog"])),
        "--http1-header-read-timeout", str(round(options["head_timeout"] * 1000)),
        "--http1-buffer-size", str(most),
        *(["--blocking-threads", str(app.threads)] if interface == "wsgi" else []),
        APP,
    ]  # fmt: skip


def gunicorn(options: Mapping[str, Any], interface: str, app: App, sockets: Sequence[socket.socket]) -> list[str]:
    """Gunicorn's words: its own ASGI worker, or threads for WSGI."""
    kind = (
        ["--worker-class", "asgi"]
        if interface == "asgi"
        else ["--worker-class", "gthread", "--threads", str(app.threads)]
    )
    return [
        *kind,
        *binds(sockets),
        "--workers", str(options["workers"]),
        "--timeout", str(max(1, round(options["watchdog"]))),
        "--graceful-timeout", str(max(1, round(options["timeout"]))),
        "--keep-alive", str(round(options["keep_alive"])),
        "--backlog", str(options["backlog"]),
        "--limit-request-line", str(min(8190, app.limits.bytes_of("target"))),
        "--limit-request-fields", str(app.limits.headers),
        "--limit-request-field_size", str(app.limits.bytes_of("header")),
        "--no-control-socket",
        APP,
    ]  # fmt: skip


def hypercorn(options: Mapping[str, Any], interface: str, app: App, sockets: Sequence[socket.socket]) -> list[str]:
    """Hypercorn's words; the prefix keeps it from taking the app for WSGI."""
    return [
        *binds(sockets),
        "--workers", str(options["workers"]),
        "--graceful-timeout", str(max(1, round(options["timeout"]))),
        "--keep-alive", str(round(options["keep_alive"])),
        "--backlog", str(options["backlog"]),
        "--error-logfile", "-",
        f"{interface}:{APP}",
    ]  # fmt: skip


def binds(sockets: Sequence[socket.socket]) -> list[str]:
    """The sockets, which are open already, in the words that Gunicorn and Hypercorn share."""
    return [word for each in sockets for word in ("--bind", f"fd://{each.fileno()}")]
