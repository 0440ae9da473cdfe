"""Files that are watched: a folder with everything in it that is code, and single files elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ._alarm import Alarm

_SUFFIXES = (".py", ".env", ".toml")
_NOT_INTO = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})

Stamp = tuple[int, int]


class Watcher:
    """Looks at modification times; what `changed` gave once it does not give again.

    Arguments:
        roots: folders that are looked through.
        alarm: says whether it is worth while; without one they are looked through each time.
    """

    def __init__(self, roots: Iterable[Path], alarm: Alarm | None = None) -> None:
        self._roots = tuple(roots)
        self._alarm = alarm
        self._extra: set[str] = set()
        self._below: dict[str, Stamp] = self._walk()
        self._seen = self._look(walk=False)

    def add(self, files: Iterable[str]) -> None:
        """Watch these as well."""
        for each in set(files) - self._extra:
            self._extra.add(each)
            if (stamp := _stamp(each)) is not None:
                self._seen.setdefault(each, stamp)

    def changed(self) -> list[str]:
        """The files that were written, made or removed since the last call."""
        now = self._look(walk=self._alarm is None or self._alarm.rang())
        found = sorted(path for path in now.keys() | self._seen.keys() if now.get(path) != self._seen.get(path))
        self._seen = now
        return found

    def _look(self, *, walk: bool) -> dict[str, Stamp]:
        if walk:
            self._below = self._walk()
        found = dict(self._below)
        for each in self._extra:
            if (stamp := _stamp(each)) is not None:
                found[each] = stamp
            else:
                found.pop(each, None)
        return found

    def _walk(self) -> dict[str, Stamp]:
        return {path: stamp for root in self._roots for path, stamp in _below(str(root))}


def _below(folder: str) -> Iterator[tuple[str, Stamp]]:
    """Code in a folder and below; neither hidden folders nor virtual environments are entered."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.name.endswith(_SUFFIXES):
            if (stamp := _stamp(entry.path)) is not None:
                yield entry.path, stamp
        elif not entry.name.startswith(".") and entry.name not in _NOT_INTO and entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
