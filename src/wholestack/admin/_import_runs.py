"""Importing: every row read, judged and written in one transaction; a dry run does the same, and takes it back."""

from __future__ import annotations

import contextlib
import gc
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pydantic_core
from sqlalchemy import Row, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import selectinload

from wholestack import Forbidden
from wholestack.db import NewRows
from wholestack.encoding import word_of
from wholestack.errors import ValidationFailed
from wholestack.languages import gettext

from ._access import rules_of
from ._action_runs import fields_shown
from ._history import Author, Change, differences
from ._import_files import LINES, Packed, Packer
from ._import_inserts import takes_many
from ._import_plan import Plan, RowPlan
from ._jobs import ASKED, DONE, FAILED, Jobs
from ._making import made
from ._paths import among
from ._record import Called, is_secret, snapshot
from ._view import AdminView

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._access import Access
    from ._plugin import Admin
    from ._references import Reference

BATCH = 500
"""Rows that are looked up, written and noted together."""
NO_COUNTS = {"add": 0, "change": 0, "same": 0, "fault": 0}
_JSON = {"json", "array"}


class ImportRun:
    """An import, or the dry run before it.

    Arguments:
        admin: the plugin.
        jobs: where it is kept.
        db: the session, in a transaction of the caller's.
        access: what the person may.
        job: the job.
        author: who it is.
        tell: is told how far it is.
    """

    def __init__(
        self,
        admin: Admin,
        jobs: Jobs,
        db: Session,
        access: Access,
        job: Row[Any],
        author: Author,
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        self._admin = admin
        self._jobs = jobs
        self._db = db
        self._access = access
        self._job = job
        self._author = author
        self._tell = tell
        self.resource = access.resource
        settings = job.settings
        self._plan = Plan(access, settings["headings"], settings["columns"], settings["keys"])
        self._is_dry: bool = not settings.get("checked")
        self._writes = Writes(db, access, self._plan, None if self._is_dry else author, admin)
        self._writes.counts_lines = settings.get("counted") == LINES
        self._outcome = Packer()
        self.counts: dict[str, int] = dict(NO_COUNTS)

    def run(self) -> None:
        """Read all rows and write them; with a fault in one, or in a dry run, nothing stays written.

        Raises:
            Forbidden: they may not import.
        """
        self._access.require("import")
        if not (self._access.may("add") or self._access.may("change")):
            raise Forbidden(gettext("You may not do this."))
        with self._db.begin_nested() as inside, _what_is_there_let_be():
            self._rows()
            if self._is_dry or self.counts["fault"]:
                inside.rollback()
        state = ASKED if self._is_dry else FAILED if self.counts["fault"] else DONE
        note = gettext("Some rows have faults, so nothing was imported.") if state == FAILED else None
        settings = {**self._job.settings, "counts": self.counts, "checked": not self.counts["fault"]}
        self._jobs.change(
            self._db,
            self._job.id,
            state=state,
            note=note,
            settings=settings,
            done=self._job.total,
            outcome=self._outcome.packed(),
        )

    def _rows(self) -> None:
        rows = iter(Packed(self._jobs.blob(self._db, self._job.id, "source")))
        done = 0
        while batch := [*itertools.islice(rows, BATCH)]:
            beside = {place[0]: place[1] for place, _ in batch if not isinstance(place, int)}
            several = ((place if isinstance(place, int) else place[0], cells) for place, cells in batch)
            for line in self._writes.batch([*several]):
                self.counts["fault" if line[4] else line[1]] += 1
                self._outcome.add((*line, beside.get(line[0])))
            done += len(batch)
            if self._tell is not None:
                self._tell(done, self._job.total)


class Writes:
    """Writes the rows of a file, some at a time.

    Arguments:
        db: the session.
        access: what the person may.
        plan: how a file is read.
        author: who it is; None in a dry run, of which no history is written.
        admin: the plugin, with the history.

    Attributes:
        counts_lines: whether the numbers of rows are those of lines.
    """

    def __init__(self, db: Session, access: Access, plan: Plan, author: Author | None, admin: Admin) -> None:
        self._db = db
        self._access = access
        self._plan = plan
        self._author = author
        self._history = admin.history
        self.counts_lines: bool = False
        self.resource = access.resource
        self._may_add = access.may("add")
        self._may_change = access.may("change")
        shown = fields_shown(access)
        self._watched = [
            name
            for name in shown
            if (name not in self.resource.to_many or name in plan.names) and not is_secret(self.resource, name)
        ]
        attributes = self.resource.attributes
        self._json = [name for name in plan.names if name in attributes and attributes[name].family in _JSON]
        many = takes_many(db, self.resource, plan.names)
        self._new_rows = NewRows(db, self.resource.model, plan.names) if many else None
        self._first: dict[tuple[Any, ...], int] = {}
        self._there_already: dict[str, set[Any]] = {name: set() for name in plan.references}

    def batch(self, batch: Sequence[tuple[int, Sequence[Any]]]) -> Iterator[tuple[Any, ...]]:
        """Write some rows.

        Returns:
            of each the line, ``"add"``, ``"change"`` or ``"same"``, what it is called, its changes, its faults.
        """
        plans = [(self._plan.key_of(line, cells), cells) for line, cells in batch]
        there = self._there([plan.keys for plan, _ in plans if plan.keys])
        work: list[tuple[RowPlan, Any]] = []
        for plan, cells in plans:
            row = self._met(plan, there)
            if not plan.faults:
                self._plan.read(plan, cells, new=row is None)
            work.append((plan, row))
        self._check_references(work)
        self._check_rules(work)
        done = self._put_all(work)
        if self._author is not None:
            self._note(self._author, done)
        for plan, row in work:
            values, label = done.get(plan.line, ({}, ""))[:2]
            kind = "add" if row is None else "change" if values else "same"
            yield plan.line, kind, label, {self._plan.title(name): pair for name, pair in values.items()}, plan.faults

    # -- what is there -----------------------------------------------------------------------------------------------

    def _there(self, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[Any]]:
        """The rows that the person sees, by the values that a file knows them by."""
        found: dict[tuple[Any, ...], list[Any]] = {}
        if keys:
            names = self._plan.keys
            known = self._access.rows().where(of_names(self.resource.model, names, keys))
            many = [getattr(self.resource.model, each.name) for each in self._plan.references.values() if each.many]
            for row in self._db.scalars(known.options(*(selectinload(each) for each in many))).unique():
                found.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
        return found

    def _met(self, plan: RowPlan, there: dict[tuple[Any, ...], list[Any]]) -> Any:
        """The row that a line of the file is about; None for a new one."""
        keys = plan.keys
        rows = there.get(keys, []) if keys else []
        if keys:
            first = self._first.setdefault(keys, plan.line)
            if first != plan.line:
                told = (
                    gettext("Line %(line)s has the same.")
                    if self.counts_lines
                    else gettext("Row %(line)s has the same.")
                )
                plan.faults.append((self._key_title, told % {"line": first}))
        if len(rows) > 1:
            plan.faults.append((self._key_title, gettext("Several rows have this.")))
        row = rows[0] if rows else None
        if row is None:
            made = [name for name in self._plan.keys if self.resource.attributes[name].made]
            if keys and made and not plan.faults:
                plan.faults.append((self._key_title, gettext("There is no such row, or it is not yours to see.")))
            elif not self._may_add:
                plan.faults.append((gettext("Row"), gettext("You may not add rows.")))
        elif not self._may_change or not self._access.may_row("change", row):
            plan.faults.append((gettext("Row"), gettext("You may not change this row.")))
        return row

    @property
    def _key_title(self) -> str:
        return ", ".join(self._plan.title(name) for name in self._plan.keys)

    def _check_references(self, work: Sequence[tuple[RowPlan, Any]]) -> None:
        """Rows of other models must be there, and theirs to choose, or those that a row has already; they are looked up
        for all lines at once.
        """
        for name, reference in self._plan.references.items():
            sent = [(plan, row, _keys_in(plan.values[name])) for plan, row in work if name in plan.values]
            fresh = [set(keys).difference(reference.keys(row) if row is not None else ()) for _, row, keys in sent]
            there = self._found(name, reference, {key for keys in fresh for key in keys})
            for (plan, row, keys), new in zip(sent, fresh, strict=True):
                if not there.keys() >= new or self._narrowed(name, reference, new, plan, row):
                    told = gettext("There is no such row, or it is not yours to see.")
                    plan.faults.append((self._plan.title(name), told))
                elif reference.many:
                    plan.values[name] = self._together(reference, keys, row, there)

    def _together(self, reference: Reference, keys: Sequence[Any], row: Any, there: dict[Any, Any]) -> list[Any]:
        """The rows of a relation: those that the file names, and those that the person does not see, which stay."""
        other = self._access.of(reference.model)
        now = {} if row is None else {getattr(each, reference.key): each for each in getattr(row, reference.name)}
        unseen = [each for key, each in now.items() if key not in keys and other and not other.may_row("view", each)]
        return [*(now[key] if key in now else there[key] for key in dict.fromkeys(keys)), *unseen]

    def _check_rules(self, work: Sequence[tuple[RowPlan, Any]]) -> None:
        """The key of a row that is there stays, and a rule may say no to a field of a row: another value is a fault."""
        keys, has_rules = {*self.resource.keys.names}, bool(rules_of(self.resource))
        for plan, row in work:
            if row is None or plan.faults:
                continue
            mine = {*(self._access.editable(plan.values, row) if has_rules else plan.values)} - keys
            for name in [name for name in plan.values if name not in mine]:
                now, value = getattr(row, name), plan.values.pop(name)
                other = (set(now) != set(value)) if name in self.resource.to_many else now != value
                if other or not self._access.visible([name], row):  # A guess is told by no answer.
                    stays = gettext("This value cannot be changed.")
                    plan.faults.append(
                        (self._plan.title(name), stays if name in keys else gettext("You may not do this."))
                    )

    def _narrowed(self, name: str, reference: Reference, fresh: set[Any], plan: RowPlan, row: Any) -> bool:
        """Whether the view has narrowed what may be chosen, and one of these is none of it."""
        view = self.resource.view
        if type(view).choices_of is AdminView.choices_of or not fresh:
            return False
        narrowed = view.choices_of(name, self._so_far(plan, row))
        if narrowed is None:
            return False
        column = getattr(reference.model, reference.key)
        asked = self._choices(reference).where(narrowed, column.in_(fresh)).with_only_columns(column)
        return bool(fresh.difference(self._db.scalars(asked)))

    def _so_far(self, plan: RowPlan, row: Any) -> dict[str, Any]:
        """A row as its form would have it by now: texts by attribute."""
        names = [] if row is None else [*self.resource.attributes]
        values = {name: getattr(row, name) for name in names} | plan.values
        return {name: _text_in(value) for name, value in values.items()}

    def _found(self, name: str, reference: Reference, wanted: set[Any]) -> dict[Any, Any]:
        """Those of some keys that they may choose, with their rows where these are wanted.

        What was there once in this transaction is not asked for again: a row that somebody else takes away meanwhile
        is the database's to refuse.
        """
        column = getattr(reference.model, reference.key)
        if reference.many:
            rows = self._db.scalars(self._choices(reference).where(column.in_(wanted))).unique() if wanted else ()
            return {getattr(row, reference.key): row for row in rows}
        known = self._there_already[name]
        if not wanted <= known:
            asked = self._choices(reference).where(column.in_(wanted - known)).with_only_columns(column)
            known.update(self._db.scalars(asked))
        return dict.fromkeys(known & wanted)

    def _choices(self, reference: Reference) -> Any:
        if reference.relation:
            return self._access.choices(reference.relation)
        other = self._access.of(reference.model)
        return select(reference.model) if other is None else other.rows()

    # -- writing -----------------------------------------------------------------------------------------------------

    def _put_all(self, work: Sequence[tuple[RowPlan, Any]]) -> dict[int, tuple[Any, ...]]:
        """Write the rows together; where the database refuses one, each half by itself, to find which.

        Not each row: PostgreSQL holds a lock for each savepoint that was kept, until the transaction ends.
        """
        sound = [(plan, row) for plan, row in work if not plan.faults]
        try:
            with self._db.begin_nested():
                return self._put(sound)
        except (DBAPIError, ValidationFailed) as error:
            if len(sound) > 1:
                half = len(sound) // 2
                return self._put_all(sound[:half]) | self._put_all(sound[half:])
            sound[0][0].faults += self._faults_of(error)
            return {}

    def _faults_of(self, error: DBAPIError | ValidationFailed) -> list[tuple[str, str]]:
        if isinstance(error, ValidationFailed):
            return [(self._plan.title(each.pointer[1:]), each.detail) for each in error.faults]
        return [(gettext("Row"), _refused(error))]

    def _put(self, work: Sequence[tuple[RowPlan, Any]]) -> dict[int, tuple[Any, ...]]:
        before = {plan.line: snapshot(self.resource, row, self._watched) for plan, row in work if row is not None}
        rows = self._written(work)
        self._check_theirs(work, rows)
        found = {}
        for plan, _ in work:
            if plan.line in rows and not plan.faults:
                row = rows[plan.line]
                values = differences(before.get(plan.line, {}), snapshot(self.resource, row, self._watched))
                found[plan.line] = (values, self.resource.view.label(row), row, plan.line in before)
        return found

    def _written(self, work: Sequence[tuple[RowPlan, Any]]) -> dict[int, Any]:
        """The rows by their lines, but those that the model itself refuses."""
        rows: dict[int, Any] = {}
        at_once = [plan for plan, row in work if row is None] if self._new_rows is not None else []
        for plan, row in work if not at_once else (pair for pair in work if pair[1] is not None):
            filled = self._filled(plan, row)
            if filled is not None:
                rows[plan.line] = filled
                if row is None:
                    self._db.add(filled)
        self._db.flush()  # First what is changed, as SQLAlchemy has it: a new row may take a value that it lets go.
        if self._new_rows is not None and at_once:
            made = self._new_rows.write(self._db, [self._values(plan) for plan in at_once])
            rows |= {plan.line: row for plan, row in zip(at_once, made, strict=True)}
        return rows

    def _values(self, plan: RowPlan) -> dict[str, Any]:
        """The values as the model takes them."""
        for name in self._json:
            if name in plan.values:
                plan.values[name] = pydantic_core.to_jsonable_python(plan.values[name])
        return plan.values

    def _filled(self, plan: RowPlan, row: Any) -> Any:
        """The row with its values; None where the model itself refuses one."""
        values = self._values(plan)
        new = row is None
        try:
            if new:
                row = made(self.resource.model, values)
            else:
                for name, value in values.items():
                    setattr(row, name, value)
        except ValueError as error:  # A `@validates` of the model's own.
            plan.faults.append((gettext("Row"), str(error)))
            return None
        self.resource.view.before_save(row, self._access.identity, new=new)
        return row

    def _check_theirs(self, work: Sequence[tuple[RowPlan, Any]], rows: dict[int, Any]) -> None:
        """What was written must be a row that the person may change; else they would give it away, or take it."""
        policies = self._access.policies("change")
        if not policies:
            return
        names = self.resource.keys.names
        keys = {line: tuple(getattr(row, name) for name in names) for line, row in rows.items()}
        if not keys:
            return
        theirs = select(*(getattr(self.resource.model, name) for name in names))
        for policy in policies:
            theirs = theirs.where(policy.sql(self._access.identity))
        there = {tuple(row) for row in self._db.execute(theirs.where(among(self.resource, [*keys.values()])))}
        for plan, _ in work:
            if plan.line in keys and keys[plan.line] not in there:
                plan.faults.append((gettext("Row"), gettext("You may not save a row like this.")))

    def _note(self, author: Author, done: dict[int, tuple[Any, ...]]) -> None:
        changes, called = [], Called(self._db, self.resource, (values for values, *_ in done.values()))
        for values, label, row, was_there in done.values():
            if values:
                tenant = getattr(row, "tenant_key", None)
                changes.append(
                    Change(
                        "change" if was_there else "add",
                        self.resource.own(row).table,
                        self.resource.keys.text(row),
                        label,
                        values,
                        called.of(values),
                        tenant=None if tenant is None else str(tenant),
                    )
                )
        self._history.write(self._db, author, changes, many=True)


@contextlib.contextmanager
def _what_is_there_let_be() -> Iterator[None]:
    """Let Python look for garbage among what is made from here on alone: to walk through a whole app again and again,
    as thousands of rows come and go, takes a fifth of an import. Afterwards all is as it was.
    """
    is_ours = not gc.get_freeze_count()  # Else a server has frozen what it began with, or another import does.
    if is_ours:
        gc.freeze()
    try:
        yield
    finally:
        if is_ours:
            gc.unfreeze()


def of_names(model: type[Any], names: Sequence[str], values: Sequence[tuple[Any, ...]]) -> Any:
    """The condition of the rows that have these values in these attributes; None is a value like another."""
    from sqlalchemy import and_, or_

    columns = [getattr(model, name) for name in names]
    if len(columns) == 1:
        return columns[0].in_([value[0] for value in values])
    same = [
        and_(*(each.is_(None) if one is None else each == one for each, one in zip(columns, value, strict=True)))
        for value in values
    ]
    return or_(*same)


def _text_in(value: Any) -> Any:
    """A value as a form sends it."""
    if isinstance(value, list):
        return [_text_in(each) for each in value]
    return "" if value is None else word_of(value)


def _keys_in(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else () if value is None else (value,)


def _refused(error: DBAPIError) -> str:
    """Why the database has not taken a row, without its own words: those may tell of other people's."""
    from sqlalchemy.exc import DataError, IntegrityError

    if isinstance(error, IntegrityError):
        return gettext("There is such a row already, or what it refers to is not there.")
    if isinstance(error, DataError):
        return gettext("The database does not take these values.")
    raise error
