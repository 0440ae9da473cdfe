"""What a worker does in development alone: the page with the error, the files to watch, breakpoints."""

from __future__ import annotations

import html
import json
import os
import sys
import sysconfig
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from wholestack import App

from ._order import FILES, Channel

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>The app cannot start</title>
<body><h1>The app cannot start</h1><p>It is tried again when a file is saved.</p><pre>{}</pre></body></html>
"""
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""The page shows what stands in files and the environment: it loads nothing, runs nothing, and stands in no frame."""
Message = MutableMapping[str, Any]


class ErrorPage:
    """An ASGI app that answers 500 with a report, on every path: a page for a browser, plain text for anything else."""

    def __init__(self, failure: str) -> None:
        self._text = failure

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            wants_page = b"text/html" in dict(scope["headers"]).get(b"accept", b"")
            kind, body = ("html", _PAGE.format(html.escape(self._text))) if wants_page else ("plain", self._text + "\n")
            headers = [(b"content-type", f"text/{kind}; charset=utf-8".encode()), *_HEADERS]
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": body.encode("utf-8", "replace")})


def equip(app: App) -> None:
    """Give an app what its developer sees of it, before it is sealed."""
    from wholestack.debug import LoopGuard, show_errors

    show_errors(app)
    if not any(isinstance(each, LoopGuard) for each in app.plugins):
        app.use(LoopGuard())


def settle(app: App, channel: Channel) -> None:
    """Get ready for development: tell what to watch, and let a breakpoint stop the clock of time limits."""
    tell_files(channel)
    inner = sys.breakpointhook

    def hook(*args: Any, header: str | None = None, **kwargs: Any) -> Any:
        if app.sealed is not None:
            app.sealed.watch.deadlines.clear()
        if os.environ.get("PYTHONBREAKPOINT", "pdb.set_trace") not in {"", "pdb.set_trace"}:
            return inner(*args, **kwargs)
        import pdb  # noqa: T100  (a development server without a debugger would be none)

        debugger = pdb.Pdb()
        if header is not None:
            debugger.message(header)
        debugger.set_trace(sys._getframe(1))  # The place of `breakpoint()`, and not this one.
        return None

    sys.breakpointhook = hook


def tell_files(channel: Channel) -> None:
    """Tell the parent which files were imported that are neither Python's nor installed."""
    paths = sysconfig.get_paths()
    installed = tuple(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    mine = {str(Path(each).resolve()) for each in files if each and not each.startswith(installed)}
    channel.tell(FILES, json.dumps(sorted(mine)))
