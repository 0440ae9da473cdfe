"""What can be wrong with how a cache is used; that a store is away is none of these."""

from __future__ import annotations

import sys
import types

from wholestack import SetupError
from wholestack.errors import Fault, WholestackError


class CacheFault(WholestackError):
    """A key, a value or a time that no cache can take; the message says which, and what to write."""

    code: str = "cache-value"


def outside() -> str:
    """File and line of the nearest caller that is not ours."""
    frame: types.FrameType | None = sys._getframe(1)
    ours = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


def misuse(message: str, cure: str, where: str | None = None) -> SetupError:
    """The error for an argument of `Caching(…)`, of a store or of `@cached(…)` that cannot be."""
    return SetupError([Fault("bad-cache", message, where or outside(), cure)])
