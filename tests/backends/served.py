"""`served_app.py` under `wholestack serve`, on a database of a test's own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import wholestack
from backends.models import empty
from servers import serving, wire
from servers.serving import Serving

HERE = Path(__file__).parent
APP = str(HERE / "served_app.py")
PATHS = os.pathsep.join(map(str, (Path(wholestack.__file__).parents[1], HERE.parent)))


def environment(url: str, **options: Any) -> dict[str, str]:
    """What the app reads."""
    return {"DATABASE_URL": url, "OPTIONS": json.dumps(options), "PYTHONPATH": PATHS, "PYTHONUNBUFFERED": "1"}


def served(url: str, *words: str, **options: Any) -> Serving:
    """The app in processes of its own; its tables are there, and empty."""
    empty(url)
    return serving.serve(*words, app=APP, environment=environment(url, **options))


def ask(running: Serving, path: str, method: str = "GET", timeout: float = wire.PATIENCE) -> wire.Answer:
    """One request on a connection of its own; POST with an empty body."""
    with wire.Connection(running.port, timeout) as connection:
        headers = [("content-length", "0")] if method == "POST" else []
        return connection.ask(path, method=method, headers=headers)


def pool(running: Serving) -> dict[str, Any]:
    """What the pool of a worker says."""
    return dict(ask(running, "/pool").json())
