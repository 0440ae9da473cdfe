"""The app as other servers import it: `wholestack.cli._served:app`; the environment says which app, and how."""

from __future__ import annotations

import os
from multiprocessing.util import Finalize

from wholestack import App
from wholestack.observe import configure_logging

from ._order import VARIABLE, Order
from ._worker import prepare


def load(text: str) -> App:
    """The app, sealed, with its stop made sure of: Granian's WSGI workers run no `atexit` functions."""
    order = Order.read(text)
    configure_logging(json_lines=order.json_logs)
    app = prepare(order)
    Finalize(None, app.seal().lifetime.stop_in_background, exitpriority=100)
    return app


if VARIABLE in os.environ:  # Servers take a name out of a module; nobody else imports this one.
    app = load(os.environ[VARIABLE])
