"""Observe: what a running app tells about itself.

Here belong logs in two forms, for people and for machines, each line with its request's id, secrets masked and nothing
that breaks a line; metrics, traces and health. Never here: a handler, a decision, a page. A call flows so: a server
calls `configure_logging` once, and from then on every record of the process goes through one of the formatters
(`_log`), which take out what must not be read (`_redact`). `Metrics` and `Telemetry` are middleware outside of the
app's own, and name a request by its route (`_routes`); `Health` asks its checks by plans of their own.
"""

from ._faults import bad_observer
from ._health import Health
from ._log import ConsoleFormatter, JSONFormatter, configure_logging
from ._metrics import Metrics
from ._noted import unhandled_errors
from ._redact import MASK, cut, is_secret, redacted_text
from ._routes import Routes
from ._telemetry import Telemetry, outgoing_headers

__all__ = [
    "MASK",
    "ConsoleFormatter",
    "Health",
    "JSONFormatter",
    "Metrics",
    "Routes",
    "Telemetry",
    "bad_observer",
    "configure_logging",
    "cut",
    "is_secret",
    "outgoing_headers",
    "redacted_text",
    "unhandled_errors",
]
