"""Faults of what was given to a plugin, told where the plugin was made."""

from __future__ import annotations

import sys
import types

from wholestack import SetupError
from wholestack.errors import Fault


def outside() -> str:
    """File and line of the nearest caller that is not ours."""
    frame: types.FrameType | None = sys._getframe(1)
    ours = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"


def bad_observer(message: str, cure: str) -> SetupError:
    """The error for an argument that a plugin cannot work with.

    Example:
        >>> bad_observer("Health(patience=-1) is no time.", "Give seconds.").faults[0].code
        'bad-observer'
    """
    return SetupError([Fault("bad-observer", message, outside(), cure)])
