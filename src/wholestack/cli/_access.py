"""The access log: one structured line for each answer, on every server."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator

from wholestack import Request, Response

_log = logging.getLogger("wholestack.access")


def log_access(request: Request) -> Generator[None, Response, Response]:
    """Middleware: method, path (never the query, which may hold secrets), status, and how long the answer took."""
    begun = time.perf_counter()
    response = yield
    taken = round((time.perf_counter() - begun) * 1000, 2)
    _log.info(
        "%s %s %d",
        request.method,
        request.path,
        response.status,
        extra={
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "ms": taken,
            "client": request.client,
        },
    )
    return response
