"""The folder of an app's migrations: Alembic's, without an `alembic.ini`."""

from __future__ import annotations

import contextlib
import datetime
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, rev_id

from wholestack.db import Database

from ._errors import MigrationError, SeveralHeads, UnknownRevision

_PAGE = '''"""{message}

Revision: {revision}{after}
Made: {made}
"""

import sqlalchemy as sa
from alembic import op{imports}

revision = "{revision}"
down_revision = {parents}
branch_labels = None
depends_on = None
{names}

def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''


class Folder:
    """The migrations of a folder, each a file of Alembic's.

    Arguments:
        path: the folder; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._script: ScriptDirectory | None = None

    @classmethod
    def of(cls, database: Database) -> Folder:
        """The folder of a database.

        Raises:
            MigrationError: its tables are made by somebody else.
        """
        if database.migrations is None:
            raise MigrationError("Database(migrations=None) says that somebody else makes the tables. Name a folder.")
        return cls(database.migrations)

    @property
    def versions(self) -> Path:
        """Where the files lie: in the folder, or in its `versions`, as Alembic's own `init` makes it."""
        inner = self.path / "versions"
        return inner if inner.is_dir() else self.path

    @property
    def script(self) -> ScriptDirectory:
        """Alembic's view of the folder.

        Raises:
            MigrationError: there is no folder.
        """
        if not self.path.is_dir():
            raise MigrationError(
                f'There is no folder {self.path}. Make the first migration: wholestack db make "first"'
            )
        if self._script is None:
            self._script = ScriptDirectory(self.path, version_locations=[self.versions])
        return self._script

    @property
    def is_empty(self) -> bool:
        """Whether there is no migration yet."""
        return not self.path.is_dir() or not self.heads()

    def heads(self) -> tuple[str, ...]:
        """The names of those that nothing follows."""
        with told():
            return tuple(self.script.get_heads())

    def head(self) -> str | None:
        """The name of the last one.

        Raises:
            SeveralHeads: there are several.
        """
        heads = self.heads()
        if len(heads) > 1:
            raise SeveralHeads([self.name(each) for each in heads])
        return heads[0] if heads else None

    def revision(self, name: str) -> Script:
        """The migration of a name: its own, the beginning of it, its file's, or the file's number.

        Raises:
            UnknownRevision: there is none, or several.
        """
        matching = [each for each in self.all() if name in _names(each) or each.revision.startswith(name)]
        if len(matching) == 1:
            return matching[0]
        there = ", ".join(Path(each.path).stem for each in self.all()) or "none"
        how = "Several migrations have" if matching else "No migration has"
        raise UnknownRevision(f"{how} the name {name!r}. There are: {there}.")

    def all(self) -> list[Script]:
        """Every migration, each after its parents."""
        with told():
            return list(self.script.walk_revisions())[::-1]

    def knows(self, revision: str) -> bool:
        """Whether there is a migration of exactly this name."""
        with contextlib.suppress(CommandError):
            return self.script.get_revision(revision) is not None
        return False

    def name(self, revision: str) -> str:
        """What a person calls a migration: its file's name."""
        with contextlib.suppress(CommandError):
            return Path(self.script.get_revision(revision).path).stem
        return revision

    def write(self, message: str, parents: tuple[str, ...], code: dict[str, Any]) -> Path:
        """Write a migration; its file.

        Arguments:
            message: what it does, in a sentence.
            parents: what it follows.
            code: `upgrade` and `downgrade`, indented; more `imports`; module-level `names`; its own `revision`.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        revision = code.get("revision") or rev_id()
        before = parents if len(parents) > 1 else next(iter(parents), None)
        after = f", after {', '.join(f'{self.name(each)} ({each})' for each in parents)}" if parents else ""
        imports = "".join(f"\n{line}" for line in sorted(code.get("imports", ())))
        names = "".join(f"{name} = {value}\n" for name, value in code.get("names", {}).items())
        text = _PAGE.format(
            message=message.strip().rstrip(".").replace("\\", "/").replace('"""', "'''") + ".",
            revision=revision,
            after=after,
            made=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
            imports=imports,
            parents=_literal(before),
            names=names,
            upgrade=code["upgrade"],
            downgrade=code["downgrade"],
        )
        file = self.versions / f"{self._next():04}_{slug(message)}.py"
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
        self._script = None
        return file

    def _next(self) -> int:
        """The number of the next file: two branches make the same one, so that the clash is seen."""
        numbers = [int(found[0]) for path in self.versions.glob("*.py") if (found := re.match(r"\d+", path.stem))]
        return max(numbers, default=0) + 1


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Alembic's own errors as ours."""
    try:
        yield
    except CommandError as error:
        raise MigrationError(str(error)) from error


def slug(message: str) -> str:
    """A message as a part of a file's name.

    Example:
        >>> slug("Who wrote a note, and when?")
        'who_wrote_a_note_and_when'
    """
    plain = unicodedata.normalize("NFKD", message).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40].rstrip("_") or "change"


def _names(script: Script) -> set[str]:
    stem = Path(script.path).stem
    return {script.revision, stem, stem.partition("_")[0]}


def _literal(value: str | tuple[str, ...] | None) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value).replace("'", '"')
