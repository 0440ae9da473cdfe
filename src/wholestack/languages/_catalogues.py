"""Where the catalogues lie, and how they are read: `locale/<language>/LC_MESSAGES/messages.po`, or `.mo`."""

from __future__ import annotations

import functools
import gettext
import io
import os
import struct
from collections.abc import Iterator

from ._po import broken, read_po, write_mo
from ._tags import find

DOMAIN = "messages"
OWN = "wholestack"
"""The catalogue of our own texts: the words of forms, lists and errors."""

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")
_Mark = tuple[tuple[str, int, int], ...]


class Catalogues:
    """The catalogues of a folder, each read once, or again where its file has changed.

    Arguments:
        folder: where they lie; it need not be there.
        reload: whether to look for changes.
    """

    def __init__(self, folder: str, *, reload: bool = False) -> None:
        self.folder = folder
        self.reload = reload
        self._read: dict[str, tuple[_Mark, gettext.NullTranslations]] = {}

    def of(self, tag: str) -> gettext.NullTranslations:
        """The texts of a language: its own, behind them those of a wider one, then ours.

        Raises:
            SetupError: a catalogue is broken.
        """
        found = self._read.get(tag)
        if found is not None and not self.reload:
            return found[1]
        paths = [*self.paths(tag)]
        mark = tuple((path, status.st_mtime_ns, status.st_size) for path in paths for status in (os.stat(path),))
        if found is None or found[0] != mark:
            first, *behind = (*map(_loaded, paths), own(tag))
            for each in behind:
                first.add_fallback(each)
            found = self._read[tag] = (mark, first)
        return found[1]

    def paths(self, tag: str) -> Iterator[str]:
        """The files of a language and of wider ones, where they are there; a .po file goes before a .mo file."""
        parts = tag.split("-")
        for count in range(len(parts), 0, -1):
            places = (self.path(mark.join(parts[:count]), ending) for ending in ("po", "mo") for mark in "_-")
            yield from [path for path in places if os.path.isfile(path)][:1]

    def path(self, name: str, ending: str = "po") -> str:
        """The file of a language that the folder calls so."""
        return os.path.join(self.folder, name, "LC_MESSAGES", f"{DOMAIN}.{ending}")


@functools.lru_cache(maxsize=256)
def own(tag: str) -> gettext.NullTranslations:
    """Our own texts in a language; as they are in the source where we have none."""
    language = find(tag, sorted(os.listdir(_HERE)))
    if language is None:
        return gettext.NullTranslations()
    return _loaded(os.path.join(_HERE, language, "LC_MESSAGES", f"{OWN}.mo"))


def _loaded(path: str) -> gettext.NullTranslations:
    with open(path, "rb") as file:
        content = file.read()
    if path.endswith(".po"):
        content = write_mo(read_po(content, path))
    try:
        return gettext.GNUTranslations(io.BytesIO(content))
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise broken(f"This is no compiled catalogue: {error}.", f"{path}:1") from None
