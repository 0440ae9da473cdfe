"""What the code of a release knows of its tables, as a text that is kept: the next one is checked against it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, Column, Enum, MetaData, Table, UniqueConstraint
from sqlalchemy.exc import CompileError, UnsupportedCompilationError

from ._errors import MigrationError
from ._safety_tables import default_of
from ._safety_types import dialect_of

_DIALECTS = ("postgresql", "mariadb", "sqlite")
_VERSION = 1


@dataclasses.dataclass(frozen=True)
class ColumnShape:
    """What code knows of a column.

    Attributes:
        types: its type's name in each kind of database.
        nullable: whether the code may write NULL, and reckons with it.
        default: the server's default; None where there is none.
        written: the code gives it a value of its own where nobody else does.
        values: the values of an enum.
    """

    types: dict[str, str]
    nullable: bool
    default: str | None
    written: bool
    values: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class TableShape:
    """What code knows of a table: its columns, and the rules that it keeps to."""

    columns: dict[str, ColumnShape]
    unique: list[list[str]]
    checks: list[str]
    foreign_keys: list[list[str]]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What the code of a release knows of its database.

    Attributes:
        tables: its tables by name, with their schema where they have one.
        heads: the names of its last migrations.
    """

    tables: dict[str, TableShape]
    heads: list[str]

    @classmethod
    def of(cls, metadata: MetaData, heads: Iterable[str] = ()) -> Snapshot:
        """What models say.

        Example:
            >>> from sqlalchemy import Integer
            >>> metadata = MetaData()
            >>> _ = Table("note", metadata, Column("id", Integer, primary_key=True))
            >>> Snapshot.of(metadata).tables["note"].columns["id"].types["postgresql"]
            'INTEGER'
        """
        tables = {table.key: _table(table) for table in metadata.sorted_tables}
        return cls(dict(sorted(tables.items())), sorted(heads))

    def text(self) -> str:
        """As JSON, the same for the same models."""
        return json.dumps({"version": _VERSION, **dataclasses.asdict(self)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, text: str) -> Snapshot:
        """From JSON.

        Raises:
            MigrationError: it is none.
        """
        try:
            found = json.loads(text)
            if found["version"] != _VERSION:
                raise ValueError(f"version {found['version']}")
            tables = {
                name: TableShape(**{**shape, "columns": {key: ColumnShape(**each) for key, each in columns.items()}})
                for name, shape in found["tables"].items()
                for columns in [shape["columns"]]
            }
            return cls(tables, list(found["heads"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MigrationError(
                f"This is no snapshot of a release ({error}). Write one with: wholestack db snapshot -o release.json"
            ) from None


def _table(table: Table) -> TableShape:
    unique = [_names(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    unique += [_names(each.columns) for each in table.indexes if each.unique]
    unique.append(_names(table.primary_key.columns))
    return TableShape(
        {column.name: _column(column) for column in table.columns},
        sorted(each for each in unique if each),
        sorted(str(each.name) for each in table.constraints if isinstance(each, CheckConstraint) and each.name),
        sorted([*_names(each.columns), each.referred_table.key] for each in table.foreign_key_constraints),
    )


def _names(columns: Iterable[Any]) -> list[str]:
    return sorted(str(column.name) for column in columns)


def _column(column: Column[Any]) -> ColumnShape:
    kind = column.type
    return ColumnShape(
        {name: _spelled(kind, name) for name in _DIALECTS},
        bool(column.nullable),
        default_of(column, "postgresql"),
        column.default is not None or (not column.nullable and column.server_default is None),
        [str(each) for each in kind.enums] if isinstance(kind, Enum) else [],
    )


def _spelled(kind: Any, dialect: str) -> str:
    try:
        return str(kind.compile(dialect=dialect_of(dialect)))
    except (CompileError, UnsupportedCompilationError):
        return repr(kind)


def snapshot_of(release: str, target: Sequence[str], folder: Path) -> Snapshot:
    """What a release before this one knows of its database.

    Arguments:
        release: a file that `wholestack db snapshot` wrote, or a name that git knows: a tag, a branch, a commit.
        target: how the app is named on the command line there.
        folder: the folder that the app is called from.

    Raises:
        MigrationError: there is no such file or release, or its app cannot be loaded.
    """
    file = folder / release
    if file.is_file():
        return Snapshot.read(file.read_text(encoding="utf-8"))
    with checked_out(release, folder) as there:
        command = [sys.executable, "-P", "-m", "wholestack", "db", "snapshot", *target]
        asked = subprocess.run(command, cwd=there, capture_output=True, text=True, check=False, env=dict(os.environ))
        if asked.returncode != 0:
            raise MigrationError(
                f"The app of {release} cannot be loaded here: {asked.stderr.strip()[-1000:]}\n"
                "Where it needs other packages than this release, write a snapshot when you release (wholestack db "
                "snapshot -o release.json), and name that file."
            )
        return Snapshot.read(asked.stdout)


@contextlib.contextmanager
def checked_out(release: str, folder: Path) -> Iterator[Path]:
    """The files of a release in a folder for a while; the one that stands for `folder` is given.

    Raises:
        MigrationError: git does not know the release.
    """
    if release.startswith("-"):
        raise MigrationError(f"{release!r} is no release. Name a file, or a tag, a branch or a commit of git.")
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    packed = _git(top, "archive", "--format=tar", release)
    with tempfile.TemporaryDirectory(prefix="wholestack_release_") as temporary:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(temporary, filter="data")
        there = Path(temporary) / folder.resolve().relative_to(top.resolve())
        if not there.is_dir():
            raise MigrationError(f"In {release} there is no folder {folder.resolve().relative_to(top.resolve())}.")
        yield there


def _git(folder: Path, *words: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise MigrationError("git is not on this machine. Name a file that `wholestack db snapshot` wrote.")
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise MigrationError(
            f"git does not know this release: {reason[-1] if reason else 'no reason given'}. Name a tag, a branch or a "
            "commit, or a file that `wholestack db snapshot` wrote."
        )
    return done.stdout
