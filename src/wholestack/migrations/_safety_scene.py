"""What a migration does as a whole, which the rules for its single operations ask."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any, Literal

from alembic.operations import ops
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.sql import visitors

from ._safety_operations import Backfill, Mirror, Nothing, Opaque, Operation, Special, Step, table_key
from ._safety_rules import RULES, Level
from ._safety_types import fits
from ._safety_words import words

Phase = Literal["expand", "data", "contract"]

HARMLESS_LATER = {"drop-column", "drop-table", "drop-view", "drop-default", "new-restriction", "enum-changed"}
HARMLESS_LATER |= {"rename-constraint", "drop-unique", "narrower-type"}
"""What only concerns code of the release before, which no longer runs in the contract phase."""


_NAMES = {"rename-column", "rename-table"}
_LAST = "Apply it when no process of the release before runs any more: wholestack db migrate --phase contract."


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a migration should not do to a live database, or to code that still runs.

    Attributes:
        code: its name, by which a migration acknowledges it: ``acknowledged = {"drop-column": "why it is safe"}``.
        operation: what does it, such as ``drop column note.title``.
        message: what happens.
        rewrite: what to do instead.
        level: ``block`` keeps the migration from being applied; ``warn`` is only told.
        phase: where the operation belongs: ``expand``, ``data`` or ``contract``.
    """

    code: str
    operation: str
    message: str
    rewrite: str
    level: Level
    phase: Phase

    def __str__(self) -> str:
        return f"{self.code}: {self.operation}. {self.message} {self.rewrite}"


@dataclasses.dataclass
class Scene:
    """A migration's operations, and what is known from all of them.

    Attributes:
        steps: each operation where it stands.
        dialect: the kind of database, by SQLAlchemy's name.
        phase: the phase that the migration says it belongs to; None where it says none.
    """

    steps: list[Step]
    dialect: str
    phase: Phase | None = None
    created: set[str] = dataclasses.field(default_factory=set)
    added: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    validated: set[str] = dataclasses.field(default_factory=set)
    views: dict[str, str] = dataclasses.field(default_factory=dict)
    views_gone: set[str] = dataclasses.field(default_factory=set)
    indexes_made: set[str] = dataclasses.field(default_factory=set)
    indexes: list[tuple[str, tuple[str, ...]]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        for step in self.steps:
            self._learn(step.operation, table_key(step.operation))

    def _learn(self, operation: Operation, table: str) -> None:
        if isinstance(operation, ops.CreateTableOp):
            self.created.add(table)
            self._learn_keys(operation.columns, table)
        elif isinstance(operation, ops.AddColumnOp):
            self.added.setdefault(table, set()).add(operation.column.name)
        elif isinstance(operation, ops.CreateIndexOp):
            self.indexes.append((table, tuple(map(_column_name, operation.columns))))
            self.indexes_made.add(str(operation.index_name))
        elif isinstance(operation, (ops.CreateUniqueConstraintOp, ops.CreatePrimaryKeyOp)):
            self.indexes.append((table, tuple(operation.columns)))
        elif isinstance(operation, Special) and operation.kind == "validate":
            self.validated.add(table)
        elif isinstance(operation, Special) and operation.kind == "create-view":
            self.views[table] = operation.text
        elif isinstance(operation, Special) and operation.kind == "drop-view":
            self.views_gone.add(table)

    def _learn_keys(self, parts: Iterable[Any], table: str) -> None:
        for part in parts:
            if isinstance(part, (PrimaryKeyConstraint, UniqueConstraint)):
                names = [getattr(each, "name", each) for each in (part.columns or part._pending_colargs)]
                self.indexes.append((table, tuple(map(str, names))))
            elif getattr(part, "primary_key", False) or getattr(part, "index", None) or getattr(part, "unique", None):
                self.indexes.append((table, (str(part.name),)))

    @property
    def online(self) -> bool:
        """Whether it is PostgreSQL, whose locks these are."""
        return self.dialect == "postgresql"

    @property
    def mariadb(self) -> bool:
        """Whether it is MariaDB or MySQL."""
        return self.dialect in {"mariadb", "mysql"}

    def is_new(self, table: str, columns: Iterable[str] = ()) -> bool:
        """Whether a table, or all of these columns of it, came with this migration: nobody uses them yet."""
        wanted = set(columns)
        return table in self.created or (bool(wanted) and wanted <= self.added.get(table, set()))

    def keeps_name(self, operation: Any) -> bool:
        """Whether a view made here keeps the old name of a table or a column that is renamed."""
        if isinstance(operation, ops.RenameTableOp):
            return operation.table_name in self.views
        for definition in self.views.values():
            found = [word.identifier for word in words(definition)]
            named = ("as", operation.column_name) in itertools.pairwise(found)
            if named and operation.table_name in found:
                return True
        return False

    def has_index(self, table: str, columns: Iterable[str]) -> bool:
        """Whether an index made here begins with these columns."""
        wanted = list(columns)
        return any(name == table and list(found[: len(wanted)]) == wanted for name, found in self.indexes)

    def finding(self, code: str, step: Step, phase: Phase | None = None, operation: str = "") -> Finding:
        """The finding of this code for a step."""
        rule = RULES[code]
        # A database in a file has one host, and mostly one process: nothing there keeps two names.
        mild = (self.phase == "contract" and code in HARMLESS_LATER) or (self.dialect == "sqlite" and code in _NAMES)
        level: Level = "warn" if mild else rule.level
        rewrite = _LAST if mild and self.phase == "contract" else rule.rewrite
        phase = phase or phase_in(self, step.operation)
        return Finding(code, operation or described(step), rule.message, rewrite, level, phase)


def _column_name(column: Any) -> str:
    return str(getattr(column, "name", column))


_SPECIAL: dict[str, Phase] = {
    "update": "data",
    "update-all": "data",
    "insert": "data",
    "insert-select": "data",
    "truncate": "data",
    "truncate-cascade": "data",
    "drop-view": "contract",
    "drop-trigger": "contract",
    "drop-function": "contract",
    "drop-type": "contract",
    "enum-changed": "contract",
    "rename-constraint": "contract",
    "detach-partition": "contract",
    "exclude": "contract",
}


def phase_in(scene: Scene, operation: Operation) -> Phase:
    """The phase of an operation among others, which say what is new and therefore used by nobody."""
    table = table_key(operation)
    if isinstance(operation, ops.OpContainer):
        found = {phase_in(scene, each) for each in [*operation.ops, *getattr(operation, "otherwise", [])]}
        return "contract" if "contract" in found else "data" if "data" in found else "expand"
    if isinstance(operation, (Backfill, ops.BulkInsertOp)):
        return "data"
    if isinstance(operation, Special):
        return _SPECIAL.get(operation.kind, "expand")
    if scene.is_new(table) or isinstance(operation, (Mirror, Nothing, Opaque)):
        return "contract" if isinstance(operation, Mirror) and operation.ends else "expand"
    if isinstance(operation, ops.DropIndexOp):
        # What a build that was stopped has left goes before the index is built.
        return "expand" if str(operation.index_name) in scene.indexes_made else "contract"
    if isinstance(operation, (ops.DropTableOp, ops.DropColumnOp)):
        return "contract"
    if isinstance(operation, ops.RenameTableOp):
        return "expand" if scene.keeps_name(operation) else "contract"
    if isinstance(operation, ops.AlterColumnOp):
        return _phase_of_alteration(scene, operation, table)
    if isinstance(operation, ops.DropConstraintOp):
        return "contract" if operation.constraint_type in {"unique", "primary"} else "expand"
    if isinstance(operation, ops.CreateIndexOp):
        restricts = operation.unique and not scene.is_new(table, map(_column_name, operation.columns))
        return "contract" if restricts else "expand"
    if isinstance(operation, ops.AddConstraintOp):
        return "expand" if scene.is_new(table, columns_of(operation)) else "contract"
    return "expand"


def _phase_of_alteration(scene: Scene, operation: ops.AlterColumnOp, table: str) -> Phase:
    if scene.is_new(table, [operation.column_name]):
        return "expand"
    narrower = operation.modify_type is not None and not fits(
        operation.existing_type, operation.modify_type, scene.dialect
    )
    if operation.modify_name and scene.keeps_name(operation):
        return "expand"
    without_default = operation.modify_server_default is None
    restricts = operation.modify_nullable is False
    return "contract" if operation.modify_name or narrower or without_default or restricts else "expand"


def columns_of(operation: Any) -> list[str]:
    """The columns that a constraint is about; empty where they cannot be told."""
    if isinstance(operation, ops.CreateForeignKeyOp):
        return list(operation.local_cols)
    if isinstance(operation, ops.CreateCheckConstraintOp):
        condition: Any = operation.condition
        if not isinstance(condition, str):
            found = {str(vars(each)["name"]) for each in visitors.iterate(condition) if each.__visit_name__ == "column"}
            if found:
                return sorted(found)
        return names_in(str(condition))
    return [str(each) for each in getattr(operation, "columns", [])]


def names_in(condition: str) -> list[str]:
    """The names in a condition that may be columns: a function's name is followed by a bracket, a keyword is known."""
    keywords = {"AND", "OR", "NOT", "IS", "NULL", "IN", "LIKE", "BETWEEN", "TRUE", "FALSE", "ANY", "ARRAY", "CASE"}
    keywords |= {"WHEN", "THEN", "ELSE", "END", "VALID"}
    found = words(condition)
    names = []
    for index, word in enumerate(found):
        before, after = found[index - 1] if index else "", found[index + 1] if index + 1 < len(found) else ""
        if word.kind in {"name", "quoted"} and word.key not in keywords and after not in {"(", "."} and before != "::":
            names.append(word.identifier)
    return names


def described(step: Step) -> str:
    """An operation in a few words."""
    operation: Any = step.operation
    table = table_key(operation) or step.batch
    if isinstance(operation, ops.AddColumnOp):
        return f"add column {table}.{operation.column.name}"
    if isinstance(operation, (ops.DropColumnOp, ops.AlterColumnOp)):
        verb = "drop" if isinstance(operation, ops.DropColumnOp) else "alter"
        return f"{verb} column {table}.{operation.column_name}"
    if isinstance(operation, ops.RenameTableOp):
        return f"rename table {table} to {operation.new_table_name}"
    if isinstance(operation, (ops.CreateTableOp, ops.DropTableOp)):
        return f"{'create' if isinstance(operation, ops.CreateTableOp) else 'drop'} table {table}"
    if isinstance(operation, (ops.CreateIndexOp, ops.DropIndexOp)):
        verb = "create" if isinstance(operation, ops.CreateIndexOp) else "drop"
        return f"{verb} index {operation.index_name}" + (f" on {table}" if table else "")
    if isinstance(operation, (ops.AddConstraintOp, ops.DropConstraintOp)):
        verb = "add" if isinstance(operation, ops.AddConstraintOp) else "drop"
        kind = str(operation.constraint_type or "constraint")
        kind = {"foreignkey": "foreign key", "primary": "primary key"}.get(kind, kind)
        named: Any = getattr(operation, "constraint_name", None)
        return f"{verb} {kind} {named} on {table}" if named else f"{verb} {kind} on {table}"
    if isinstance(operation, Special):
        return _short(operation.text or operation.kind)
    if isinstance(operation, Opaque):
        return operation.what
    return _short(step.raw) or f"{type(operation).__name__.removesuffix('Op')} {table}".strip()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else line[:87] + "..."
