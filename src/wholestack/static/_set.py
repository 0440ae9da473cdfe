"""A folder of static files as a set of names: each with its content's digest in it, and what refers to it following."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import posixpath
from collections.abc import Iterator, Mapping

from ._references import followed, has_references, references, replaced

DIGITS = 12
_PIECE = 256 * 1024


@dataclasses.dataclass(frozen=True)
class StaticFile:
    """One file of a set.

    Attributes:
        name: below the folder, with slashes: ``"css/app.css"``.
        unique: the same with its digest, ``"css/app.0a1b2c3d4e5f.css"``; changes with the content, or with that of
            anything it refers to.
        path: where it lies.
        changed: when it was changed, in nanoseconds, and its size: what the name tells, as long as they stay.
        content: what is sent in place of the file, where names in it were replaced.
    """

    name: str
    unique: str
    path: str
    changed: tuple[int, int]
    content: bytes | None = None

    def is_unchanged(self) -> bool:
        """Whether what will be sent is what the unique name tells."""
        if self.content is not None:
            return True
        try:
            found = os.stat(self.path)
        except OSError:
            return False
        return (found.st_mtime_ns, found.st_size) == self.changed


@dataclasses.dataclass(frozen=True)
class StaticSet:
    """All files of a folder, by name and by unique name; `lost` are references to no file: name, target, line."""

    by_name: Mapping[str, StaticFile]
    by_unique: Mapping[str, StaticFile]
    lost: tuple[tuple[str, str, int], ...]
    signature: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, folder: str) -> StaticSet:
        """Look at a folder.

        Example:
            >>> StaticSet.of("no such folder").by_name
            {}
        """
        signature = tuple(walk(folder))
        changed = {name: (moment, size) for name, moment, size in signature}
        names = list(changed)
        digests, texts = dict[str, bytes](), dict[str, str]()
        for name in names:
            path = os.path.join(folder, *name.split("/"))
            digests[name] = _digest(path)
            if has_references(name):
                text = _text(path)
                if text is not None:
                    texts[name] = text
        ways = {name: followed(name, text) for name, text in texts.items()}
        lost = tuple(
            (name, *each) for name, text in texts.items() for each in references(name, text) if each[0] not in changed
        )
        unique = {name: _unique(name, digests, ways) for name in names}
        files = {}
        for name in names:
            content = replaced(name, texts[name], unique.get).encode() if name in texts else None
            other = content is not None and content != texts[name].encode()
            path = os.path.join(folder, *name.split("/"))
            files[name] = StaticFile(name, unique[name], path, changed[name], content if other else None)
        return cls(files, {each.unique: each for each in files.values()}, lost, signature)


def walk(folder: str) -> Iterator[tuple[str, int, int]]:
    """Each plain file below a folder that is not hidden, in order: name, time of change, size.

    A link is followed where it leads to a file below the same folder.
    """
    inner = os.path.realpath(folder) + os.sep
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        inside = os.path.relpath(top, folder).replace(os.sep, "/")
        for file in sorted(files):
            path = os.path.join(top, file)
            real = os.path.realpath(path)
            hidden = file.startswith(".") or f"{os.sep}." in real.removeprefix(inner[:-1])
            if not hidden and real.startswith(inner) and os.path.isfile(real):
                found = os.stat(real)
                yield posixpath.normpath(f"{inside}/{file}"), found.st_mtime_ns, found.st_size


def _digest(path: str) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError:
        return None  # Sent as it is.


def _unique(name: str, digests: Mapping[str, bytes], ways: Mapping[str, set[str]]) -> str:
    """Of all that can be reached from a file, so that circles of scripts have names, too."""
    reached, waiting = set[str](), [name]
    while waiting:
        each = waiting.pop()
        if each not in reached and each in digests:
            reached.add(each)
            waiting += ways.get(each, ())
    digest = hashlib.sha256(digests[name])
    for each in sorted(reached - {name}):
        digest.update(each.encode() + digests[each])
    stem, ending = posixpath.splitext(name)
    return f"{stem}.{digest.hexdigest()[:DIGITS]}{ending}"
