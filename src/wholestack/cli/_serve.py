"""`wholestack serve`: open the socket, then supervise workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from wholestack.observe import configure_logging

from ._fail import Stop
from ._find import read_target
from ._order import Order
from ._sockets import listen, shown
from ._supervisor import Supervisor


def serve(options: Mapping[str, Any]) -> int:
    """Serve until stopped; the exit code.

    Raises:
        Stop: a wrong call, or an address that cannot be had.
    """
    read_target(options["target"])
    configure_logging(json_lines=options["log"] == "json")
    order = Order(
        target=options["target"],
        json_logs=options["log"] == "json",
        access_log=options["access_log"],
        timeout=options["timeout"],
        head=options["head_timeout"],
        silence=options["body_timeout"],
        idle=options["keep_alive"],
        backlog=options["backlog"],
        workers=options["workers"],
        grace=options["grace"],
    )
    if options["server"] != "uvicorn":
        from ._others import hand_over

        hand_over(options, order)
    if options["interface"] not in {None, "asgi"}:
        raise Stop("uvicorn serves ASGI. For --interface rsgi or wsgi take --server granian.")
    sockets = listen(options)
    address = ", ".join(map(shown, sockets))
    try:
        return Supervisor(
            order,
            sockets,
            options["workers"],
            watchdog=options["watchdog"],
            patience=options["start_timeout"],
            memory=None if options["max_memory"] is None else options["max_memory"] * 1024**2,
            address=address,
        ).run()
    finally:
        for each in sockets:
            each.close()
        if options["uds"]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(options["uds"])
