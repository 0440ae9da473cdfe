"""The files that the admin's pages load."""

from __future__ import annotations

import functools
import os

from wholestack.templates import Asset

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@functools.cache
def asset(name: str) -> Asset:
    """A file of the folder `assets`, read once.

    Example:
        >>> asset("admin.css").path.startswith("/-/admin.")
        True
    """
    found = Asset(name, _TYPES[os.path.splitext(name)[1]])
    with open(os.path.join(_FOLDER, name), "rb") as file:
        found.fill(file.read())
    return found
