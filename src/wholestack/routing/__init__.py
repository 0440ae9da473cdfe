"""Routing: from a path to what answers it.

Here belong path templates, the tree that matches them, and the `Router`, which only collects. Never here: type hints,
providers, a body or a socket. A call flows so: `Router.get(…)` appends a `Route` (`_router`); when the app is sealed
each
path is taken apart (`_path`) and hung into the tree (`_tree`); a request asks the tree; `url_for` walks back (`_path`).
"""

from ._path import CONVERTERS, Segment, Template, TemplateFault, pattern_of
from ._router import (
    ErrorHandler,
    Inclusion,
    Middleware,
    Mount,
    Provision,
    Route,
    RouteOptions,
    Router,
    SocketOptions,
    where_of,
)
from ._tree import Tree

__all__ = [
    "CONVERTERS",
    "ErrorHandler",
    "Inclusion",
    "Middleware",
    "Mount",
    "Provision",
    "Route",
    "RouteOptions",
    "Router",
    "Segment",
    "SocketOptions",
    "Template",
    "TemplateFault",
    "Tree",
    "pattern_of",
    "where_of",
]
