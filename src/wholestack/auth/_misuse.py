"""The error for an argument that a part of login cannot work with."""

from __future__ import annotations

import sys
import types

from wholestack import SetupError
from wholestack.errors import Fault


def misuse(message: str, cure: str) -> SetupError:
    """The error, which names the line outside of Wholestack that gave the argument."""
    frame: types.FrameType | None = sys._getframe(1)
    ours = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame = frame.f_back
    where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
    return SetupError([Fault("bad-login-setting", message, where, cure)])
