"""Migrations: Alembic's own files, examined for what they do to a live database and to code that still runs.

Here belongs what knows of changes of the schema: which operation is of which phase, and what it locks or breaks
(`_safety`), its safe form (`_safety_rewrite`) and the files that it takes (`_phases`), what a release before can live
with (`_safety_breaks`), and rows written in batches (`_backfill`). Never here: the models, words of the command line,
and anything that an app asks for while it is served (that reads the files without Alembic: `wholestack.db`).

A call flows so: `make` compares models and database (`_compare`, with what databases write themselves in `_canonical`,
and names as they will be in `_inspect`), asks what is open (`_questions`), and writes files (`_render`, `_folder`).
`migrate` and `rollback` (`_migrate`) choose the files; the runner (`_run`) takes the lock (`_connection`), and runs
each in one transaction, with notes where a transaction cannot hold it (`_record`, `_fingerprint`).
"""

from . import _alembic  # noqa: F401  (before Alembic is)
from ._backfill import backfill
from ._copy import dump, load
from ._errors import (
    ChangeUnclear,
    DatabaseBehind,
    DumpRefused,
    MigrationChanged,
    MigrationError,
    MigrationsBusy,
    SeveralHeads,
    SeveralRenames,
    TableLocked,
    TablesWithoutHistory,
    UnknownRevision,
    UnsafeMigration,
)
from ._make import Made, make, make_empty, merge
from ._migrate import (
    Status,
    adopt,
    breaking,
    changes,
    check,
    differing,
    head_names,
    migrate,
    names_of,
    rollback,
    status,
    tables_of,
    to_take_back,
)
from ._phases import Part, due, examined, phase_of_file, split
from ._questions import Answers, Ask, Question
from ._reencrypt import reencrypt
from ._run import How
from ._safety import examine, phase_of
from ._safety_breaks import breaks
from ._safety_mirror import end_mirror, mirror
from ._safety_previous import Snapshot, snapshot_of
from ._safety_record import reasons, recorded
from ._safety_rewrite import rewritten
from ._safety_rules import RULES, Rule
from ._safety_scene import Finding, Phase
from ._sql import sql
from ._squash import squash

__all__ = [
    "RULES",
    "Answers",
    "Ask",
    "ChangeUnclear",
    "DatabaseBehind",
    "DumpRefused",
    "Finding",
    "How",
    "Made",
    "MigrationChanged",
    "MigrationError",
    "MigrationsBusy",
    "Part",
    "Phase",
    "Question",
    "Rule",
    "SeveralHeads",
    "SeveralRenames",
    "Snapshot",
    "Status",
    "TableLocked",
    "TablesWithoutHistory",
    "UnknownRevision",
    "UnsafeMigration",
    "adopt",
    "backfill",
    "breaking",
    "breaks",
    "changes",
    "check",
    "differing",
    "due",
    "dump",
    "end_mirror",
    "examine",
    "examined",
    "head_names",
    "load",
    "make",
    "make_empty",
    "merge",
    "migrate",
    "mirror",
    "names_of",
    "phase_of",
    "phase_of_file",
    "reasons",
    "recorded",
    "reencrypt",
    "rewritten",
    "rollback",
    "snapshot_of",
    "split",
    "sql",
    "squash",
    "status",
    "tables_of",
    "to_take_back",
]
