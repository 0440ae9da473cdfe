"""The app for commands that only look at it: found, sealed, and its faults told as a wrong call is."""

from __future__ import annotations

import os

from wholestack import App, SetupError

from ._fail import Broken, report
from ._find import find


def sealed(text: str) -> App:
    """The app that the command line names, sealed.

    Raises:
        Stop: it cannot be found or sealed; the message is the whole report.
    """
    try:
        app = find(text)
        app.seal()
    except SetupError as error:
        raise Broken(report(error)) from None
    except Exception as error:
        if hasattr(error, "exit_code"):
            raise
        raise Broken(report(error)) from error
    return app


def short(where: str) -> str:
    """A place as it is read from the current folder.

    Example:
        >>> short(os.path.join(os.getcwd(), "app.py:3"))
        'app.py:3'
    """
    here = os.getcwd() + os.sep
    return where.removeprefix(here)
