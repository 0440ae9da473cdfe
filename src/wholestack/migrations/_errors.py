"""What a command on the schema may refuse, each with what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from wholestack.errors import WholestackError


class MigrationError(WholestackError):
    """A migration, or a command on migrations, cannot go on; the message says what to do next.

    Example:
        >>> raise MigrationError("0002_author.py cannot be read.")
        Traceback (most recent call last):
        wholestack.migrations._errors.MigrationError: 0002_author.py cannot be read.
    """

    code: str = "migration-failed"


class SeveralHeads(MigrationError):
    """Two migrations follow the same one, so that nobody knows which is the last."""

    code: str = "several-heads"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"The migrations end in several heads: {', '.join(names)}. Two branches were merged. Look whether both "
            'work in either order, and join them: wholestack db make --merge "…"'
        )


class UnknownRevision(MigrationError):
    """No migration has this name, or several have."""

    code: str = "unknown-revision"


class DatabaseBehind(MigrationError):
    """The database has not had all migrations, so that the models cannot be compared with it."""

    code: str = "database-behind"


class TablesWithoutHistory(MigrationError):
    """The database has tables of the models, and no record of a migration that made them."""

    code: str = "tables-without-history"


class ChangeUnclear(MigrationError):
    """What a change of the models means cannot be known without asking: whether data is kept, renamed or lost.

    Attributes:
        questions: what was to be decided, a sentence each, with the options that answer it.
    """

    code: str = "change-unclear"

    def __init__(self, questions: Sequence[str]) -> None:
        self.questions: tuple[str, ...] = tuple(questions)
        lines = "".join(f"\n  - {question}" for question in questions)
        super().__init__(f"The models have changed in a way that is not clear. Nothing was written.{lines}")


class SeveralRenames(MigrationError):
    """A table gets several new names in one migration, and the view that keeps an old one can keep no second.

    Attributes:
        table: the table, by its new name.
        names: what is renamed, each as ``note.text to note.body``.
    """

    code: str = "several-renames"

    def __init__(self, table: str, names: Sequence[str]) -> None:
        self.table = table
        self.names: tuple[str, ...] = tuple(names)
        super().__init__(
            f"The table {table} gets several new names at once: {', '.join(names)}. While code of the release before "
            "runs, a view over the table keeps an old name, and under a view it can keep no second one. Nothing was "
            "written. Rename one first (in the models, leave the others as they were), apply that up to its contract "
            "phase, and then the next. For a database that nobody uses meanwhile, there is --plain."
        )


class MigrationChanged(MigrationError):
    """A migration that was interrupted is not the one that began: its file has changed in between."""

    code: str = "migration-changed"


class UnsafeMigration(MigrationError):
    """A migration does what a database in use, or code that still runs, does not bear, and does not say why it may.

    Attributes:
        findings: what was found, a line each.
    """

    code: str = "unsafe-migration"

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings: tuple[str, ...] = tuple(findings)
        lines = "".join(f"\n  - {each}" for each in findings)
        super().__init__(
            f"Nothing was applied, since something in use would break:{lines}\nDo it as proposed; or write into the "
            'file why it is safe here: acknowledged = {"…": "nobody writes to this table at night"}'
        )


class TableLocked(MigrationError):
    """A table was in use each time a migration tried to change it."""

    code: str = "table-locked"


class MigrationsBusy(MigrationError):
    """Another process migrates this database, and did not end in time."""

    code: str = "migrations-busy"


class DumpRefused(MigrationError):
    """A dump cannot be written, or cannot be loaded into this database; nothing was changed."""

    code: str = "dump-refused"
