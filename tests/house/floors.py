"""The house: which folder stands on which floor (docs/design.md)."""

from __future__ import annotations

FLOORS: dict[str, int] = {
    "http": 0,
    "errors": 0,
    "routing": 1,
    "handlers": 1,
    "servers": 2,
    "_app": 3,
    "middleware": 4,
    "openapi": 4,
    "templates": 4,
    "static": 4,
    "languages": 4,
    "realtime": 4,
    "mounting": 4,
    "encoding": 4,
    "description": 4,
    "observe": 4,
    "debug": 4,
    "settings": 4,
    "db": 5,
    "migrations": 6,
    "crud": 6,
    "outbox": 6,
    "sessions": 6,
    "files": 6,
    "cache": 6,
    "mail": 6,
    "forms": 7,
    "tasks": 7,
    "auth": 8,
    "admin": 9,
    "testing": 10,
    "cli": 10,
    "deploy": 10,
    "__main__": 11,
}
ARROWS = {
    ("errors", "http"),
    ("handlers", "routing"),
    ("openapi", "description"),
    ("encoding", "languages"),
    ("observe", "description"),
    ("realtime", "description"),
    ("debug", "description"),
    ("debug", "observe"),
    ("cli", "testing"),
    ("mail", "outbox"),
}
"""(from, to): the only imports within one floor."""

CORE = 3
"""The highest floor of the core; the front door, `wholestack/__init__.py`, belongs to it."""
