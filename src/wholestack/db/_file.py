"""SQLite's file: whether this process can write it, said when the app starts and not with the first request."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from wholestack.errors import Fault, SetupError

if TYPE_CHECKING:
    from ._database import Database


def look_at_file(database: Database) -> None:
    """Look whether the database's file can be written, or made.

    Raises:
        SetupError: it cannot (``database-not-writable``).
    """
    if database.kind != "sqlite" or database.in_memory or database.read_only:
        return
    name = str(database.url.database)
    if name.startswith("file:"):
        return  # A URI of SQLite's, which may say that it is to be read only.
    file = Path(name)
    if not file.parent.is_dir():
        raise _fault(f"The folder {file.parent} is not there, so {file.name} cannot be made in it.", "Make the folder.")
    for each in (file.parent, file):
        # SQLite writes its journal beside the file, so the folder counts as well.
        if each.exists() and not os.access(each, os.W_OK):
            owner = f"Give {file.parent} and what is in it to the user {_user()}"
            raise _fault(f"{each} cannot be written by the user {_user()}.", f"{owner}, or mount it for writing.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A number without a name, as in many containers.
        return str(os.geteuid())


def _fault(message: str, cure: str) -> SetupError:
    return SetupError([Fault("database-not-writable", message, "DATABASE_URL or Database(url=…)", cure)])
