"""The migrations of a folder and those that a database has had, read without Alembic: for whoever serves the app.

Alembic imports a migration to know it, and costs a second to import itself. What serves an app wants to know only
whether one is pending, so its file is parsed for the names that it assigns.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, column, inspect, select, table

VERSIONS = "alembic_version"
"""The table in which Alembic keeps the heads of what a database has had."""


@dataclasses.dataclass(frozen=True)
class Revision:
    """One migration, as its file says.

    Attributes:
        id: its name, as the database keeps it.
        parents: what must come before it.
        file: where it is written.
        phase: ``expand``, ``data`` or ``contract``; empty where the file says nothing.
        squashed: the names of those that it stands for.
    """

    id: str
    parents: tuple[str, ...]
    file: Path
    phase: str = ""
    squashed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name, without its ending."""
        return self.file.stem


class History:
    """All migrations of a folder.

    Arguments:
        revisions: each of them.

    Example:
        >>> first = Revision("a1", (), Path("0001_first.py"))
        >>> second = Revision("b2", ("a1",), Path("0002_second.py"))
        >>> [each.name for each in History([second, first]).pending(["a1"])]
        ['0002_second']
    """

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self.revisions: dict[str, Revision] = {each.id: each for each in revisions}

    @classmethod
    def read(cls, folder: Path) -> History:
        """What the files of a folder say; those that are no migrations are left out."""
        return cls(
            revision for file in sorted(versions_of(folder).glob("*.py")) if (revision := _read(file)) is not None
        )

    @property
    def heads(self) -> list[Revision]:
        """Those that nothing follows: one, or somebody has to merge."""
        parents = {parent for each in self.revisions.values() for parent in each.parents}
        return [each for each in self.revisions.values() if each.id not in parents]

    def pending(self, applied: Iterable[str]) -> list[Revision]:
        """Those that a database with these heads has not had, each after its parents.

        A head that no file knows means a database that a newer release has migrated: nothing is pending then.
        """
        heads = set(applied)
        squashed = {old for each in self.revisions.values() for old in each.squashed}
        if heads - self.revisions.keys() - squashed:
            return []
        done = self._with_ancestors(heads & self.revisions.keys())
        found: dict[str, Revision] = {}
        for each in self.revisions.values():
            self._add(each, done, found)
        return list(found.values())

    def blocking(self, applied: Iterable[str]) -> list[Revision]:
        """Those of the pending ones that this release needs: what only contracts may come when the old one is gone."""
        pending = self.pending(applied)
        last = max((index for index, each in enumerate(pending) if each.phase != "contract"), default=-1)
        return pending[: last + 1]

    def _with_ancestors(self, ids: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.revisions[each].parents if each in self.revisions else ()
        return found

    def _add(self, revision: Revision, done: set[str], found: dict[str, Revision]) -> None:
        """Add a migration after its parents, however many there are."""
        waiting = [revision]
        while waiting:
            each = waiting[-1]
            first = [
                self.revisions[parent]
                for parent in each.parents
                if parent in self.revisions and parent not in done and parent not in found
            ]
            if each.id in done or each.id in found or not first:
                waiting.pop()
                if each.id not in done:
                    found.setdefault(each.id, each)
            else:
                waiting += first


def versions_of(folder: Path) -> Path:
    """Where the files lie: in the folder itself, or in its `versions`, as Alembic's own `init` makes it."""
    return folder / "versions" if (folder / "versions").is_dir() else folder


def applied(connection: Connection) -> tuple[str, ...]:
    """The heads of what a database has had; empty where it has had none."""
    if not inspect(connection).has_table(VERSIONS):
        return ()
    return tuple(connection.scalars(select(column("version_num")).select_from(table(VERSIONS))))


def _read(file: Path) -> Revision | None:
    try:
        names = _assigned(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError):
        return None  # Whoever runs it says what is wrong with it.
    if not isinstance(names.get("revision"), str) or "down_revision" not in names:
        return None
    parents = (*_texts(names["down_revision"]), *_texts(names.get("depends_on")))
    phase = names.get("phase")
    return Revision(
        names["revision"], parents, file, phase if isinstance(phase, str) else "", _texts(names.get("squashed"))
    )


def _assigned(module: ast.Module) -> Mapping[str, Any]:
    """The plain values that a module gives to names."""
    found = {}
    for node in module.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            value: Any = getattr(node, "value", None)
            if isinstance(target, ast.Name) and value is not None:
                try:
                    found[target.id] = ast.literal_eval(value)
                except ValueError:
                    continue
    return found


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(map(str, value))
