"""Listening sockets: opened once by the parent, inherited by every worker."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ._fail import Stop

_FIRST = 3
"""The first descriptor that a service manager hands over (sd_listen_fds(3))."""


def open_port(host: str, port: int, backlog: int) -> socket.socket:
    """A listening TCP socket.

    Raises:
        Stop: the address is taken, or is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise Stop(
            f"--host {host} is no address. Try 127.0.0.1, or 0.0.0.0 for every address of this machine."
        ) from None
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(backlog)
    except OSError as error:
        made.close()
        raise Stop(_why(error, f"{host}:{port}", port)) from None
    return made


def _why(error: OSError, shown: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{shown} is in use. Stop what listens there, or take another port: --port {port + 1}."
    if error.errno == errno.EACCES:
        return f"{shown} needs rights that this user has not. Take a port from 1024 up: --port 8000."
    return f"{shown} cannot be opened: {error.strerror}."


def open_path(path: str, mode: int, backlog: int) -> socket.socket:
    """A listening Unix socket; one that a dead server left behind is replaced.

    Raises:
        Stop: a server listens there, or the path is something else.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        made.bind(path)
        Path(path).chmod(mode)
        made.listen(backlog)
    except OSError as error:
        made.close()
        raise Stop(f"--uds {path} cannot be opened: {error.strerror or error}.") from None
    except Stop:
        made.close()
        raise
    return made


def _clear(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise Stop(f"--uds {path} exists and is no socket. Name another path.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
                return
        raise Stop(f"--uds {path} is in use by a running server. Stop it, or name another path.")


def take_over(number: int) -> socket.socket:
    """The listening socket behind an inherited descriptor.

    Raises:
        Stop: it is none.
    """
    try:
        made = socket.socket(fileno=number)
        listening = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        raise Stop(f"--fd {number} is no socket. Let the parent pass a listening socket under this number.") from None
    if not listening:
        made.detach()
        raise Stop(f"--fd {number} is a socket that does not listen. Call listen() before passing it on.")
    return made


def handed_over(environment: Mapping[str, str]) -> list[socket.socket]:
    """The sockets that a service manager opened for this process (LISTEN_FDS, LISTEN_PID), if it did."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environment.get("LISTEN_FDS", "0")
    if not count.isdecimal():
        raise Stop("LISTEN_FDS in the environment is no number. Let the service manager set it, or take --fd.")
    return [take_over(_FIRST + index) for index in range(int(count))]


def shown(listening: socket.socket) -> str:
    """The address as a client would write it.

    Example:
        >>> made = open_port("127.0.0.1", 0, 1)
        >>> shown(made).startswith("http://127.0.0.1:")
        True
        >>> made.close()
    """
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if listening.family == socket.AF_INET6 else name[0]
    return f"http://{host}:{name[1]}"


def listen(options: Mapping[str, Any]) -> list[socket.socket]:
    """The sockets that the options name, or those that were handed over, or the default port."""
    named = _named("host", "port")
    chosen = [
        name
        for name, given in (("--uds", options["uds"]), ("--fd", options["fd"] is not None), ("--host/--port", named))
        if given
    ]
    if len(chosen) > 1:
        raise Stop(f"{' and '.join(chosen)} exclude each other. Choose one place to listen at.")
    if options["uds"]:
        return [open_path(options["uds"], options["uds_mode"], options["backlog"])]
    if options["fd"] is not None:
        return [take_over(options["fd"])]
    if not named and (sockets := handed_over(os.environ)):
        return sockets
    return [open_port(options["host"], options["port"], options["backlog"])]


def _named(*names: str) -> bool:
    """Whether the user gave one of these options."""
    context = click.get_current_context(silent=True)
    return context is not None and any(
        context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in names
    )
