"""Running jobs: at once in the request, or through the outbox, batch by batch, where it can be watched and stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pydantic
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from wholestack import App, Forbidden, HTTPError, Request
from wholestack.auth import Auth, Identity, Login, Tenant, scope_to
from wholestack.crud import attributes
from wholestack.db import Session, TransactionConflict
from wholestack.languages import gettext

from ._access import Access
from ._action_runs import ActionRun
from ._actions import DELETE, actions_of
from ._history import Author
from ._import_runs import ImportRun
from ._jobs import CANCELLED, DONE, FAILED, LIVE, RUNNING, WAITING, Jobs
from ._resource import Resource
from ._tenants import is_secured, keep_to
from ._tracked import write_by_itself

if TYPE_CHECKING:
    from wholestack.outbox import Progress

    from ._plugin import Admin

Tell = Callable[[int, int], None]
"""Is told how many rows are done, and of how many."""
_AT_ONCE = {"action": 200, "import": 1_000}
MOST_WITHOUT_OUTBOX = 5_000
"""Rows that one request works on where the app has no outbox."""


class JobRuns:
    """Runs the jobs of an admin.

    Arguments:
        admin: the plugin.
        jobs: its jobs.
    """

    def __init__(self, admin: Admin, jobs: Jobs) -> None:
        self._admin = admin
        self.jobs = jobs
        self._app: App | None = None
        self.has_outbox: bool = False
        self.tasks: tuple[Any, ...] = ()

    def setup(self, app: App) -> None:
        """Let the outbox of an app run them, where it has one."""
        from ._job_tasks import run_job, uses_outbox

        self._app = app
        self.has_outbox = uses_outbox(app)
        if self.has_outbox:
            self.tasks = (run_job(),)

            def runs() -> JobRuns:
                return self

            app.provide(runs, scope="app")

    @property
    def app(self) -> App:
        """The app.

        Raises:
            LookupError: it is not set up yet.
        """
        if self._app is None:
            raise LookupError("the admin is used by no app yet")
        return self._app

    def begin(self, db: Session, access: Access, job: Row[Any]) -> None:
        """Run a job that was confirmed: now, in this transaction, where it is small, or where there is no outbox.

        Raises:
            Forbidden: there are more rows than one request may work on.
            HTTPError: what the action itself has raised; nothing is done then.
        """
        total: int = job.total
        if job.kind == "action":
            total = ActionRun(self._admin, db, access, job.settings, author_of(job)).check(total)
            self.jobs.change(db, job.id, total=total)
        if self.has_outbox and total > at_once(job.kind):
            self._later(db, job)
            return
        if total > MOST_WITHOUT_OUTBOX:
            raise Forbidden(too_many())
        self.jobs.change(db, job.id, state=RUNNING)
        with db.begin_nested():
            if job.kind == "action":
                self._all(db, access, job)
            else:
                ImportRun(self._admin, self.jobs, db, access, job, author_of(job)).run()

    def _later(self, db: Session, job: Row[Any]) -> None:
        from wholestack.outbox import Queue

        from ._job_tasks import run_job

        entry = Queue(self.app, db).put(run_job(), job.id)
        self.jobs.change(db, job.id, state=WAITING, entry=entry, cancelling=False)

    def _all(self, db: Session, access: Access, job: Row[Any]) -> None:
        run = ActionRun(self._admin, db, access, job.settings, author_of(job))
        after: tuple[Any, ...] | None = None
        done = 0
        while found := run.batch(after):
            after, done = found[0], done + found[1]
        self.jobs.change(db, job.id, state=DONE, done=done, note=run.told)

    # -- from the outbox ---------------------------------------------------------------------------------------------

    def carry_out(self, number: int, progress: Progress) -> None:
        """Run a job to its end; one that was begun goes on where its last batch has ended.

        Raises:
            RunEnded: the run is over before the job is.
        """
        from wholestack.outbox import RunEnded

        with self.app.session() as db:
            job = self.jobs.of(db, number)
        if job is None or job.state not in LIVE:
            return

        def tell(done: int, total: int) -> None:
            progress(done, total or 1)

        try:
            self._batches(job, tell) if job.kind == "action" else self._whole(job, tell)
        except RunEnded:
            if progress.end == "cancelled":
                self._ended(number, CANCELLED, None)
            raise
        except (HTTPError, IntegrityError) as error:
            if isinstance(error, HTTPError) and error.status >= 500:
                raise
            self._ended(number, FAILED, reason_of(error))

    def _ended(self, number: int, state: str, note: str | None) -> None:
        with self.app.session() as db:
            self.jobs.change(db, number, *LIVE, state=state, **({} if note is None else {"note": note}))

    def _whole(self, job: Row[Any], tell: Tell) -> None:
        with self.app.session() as db:  # Apart: while the import is written, it can be cancelled.
            self.jobs.change(db, job.id, *LIVE, state=RUNNING)
        with self._unit(job) as (db, access):
            ImportRun(self._admin, self.jobs, db, access, job, author_of(job), tell).run()

    def _batches(self, job: Row[Any], tell: Tell) -> None:
        begun = job.after is not None
        while True:
            with self._unit(job) as (db, access):
                now = self.jobs.of(db, job.id)
                if now is None or now.state not in LIVE:
                    return
                if now.cancelling:
                    self.jobs.change(db, job.id, state=CANCELLED)
                    return
                run = ActionRun(self._admin, db, access, job.settings, author_of(job))
                if not begun:
                    run.check(job.total)
                    begun = True
                after = None if now.after is None else access.resource.keys.values(now.after)
                found = run.batch(after)
                if found is None:
                    self.jobs.change(db, job.id, state=DONE)
                    return
                self._moved(db, now, access.resource.keys.text_of(found[0]), found[1], run.told)
            tell(now.done + found[1], job.total)

    def _moved(self, db: Session, now: Row[Any], after: str, more: int, note: str | None) -> None:
        """Say how far a job is, unless another process has gone on with it meanwhile.

        Raises:
            TransactionConflict: one has; what this one has done in its batch is rolled back.
        """
        values = {"state": RUNNING, "done": now.done + more, "after": after} | ({"note": note} if note else {})
        if not self.jobs.move(db, now.id, now.done, values):
            raise TransactionConflict

    @contextlib.contextmanager
    def _unit(self, job: Row[Any]) -> Iterator[tuple[Session, Access]]:
        """A transaction in which somebody's job goes on, with what they may at this moment."""
        with self.app.session() as db:
            resource = self._resource(job)
            identity = self._identity(db, job)  # Before the session is held: they may be another tenant's, or nobody's.
            self._hold(db, resource, job)
            write_by_itself(db)
            yield db, Access(resource, identity, tenant=job.tenant)

    def _hold(self, db: Session, resource: Resource, job: Row[Any]) -> None:
        """Have the session read what that of the request did which the job comes from."""
        tenants = [each.model for each in self._admin.resources if each.session is not Session]
        if resource.session is not Session:
            tenant = Tenant(tenant_of([resource.model], job.tenant))
            scope_to(db, tenant, row_security=is_secured(self.app))
        elif tenants and actions_of(type(resource.view)).get(job.settings.get("action", "")) is not DELETE:
            keep_to(db, Tenant(tenant_of(tenants, job.tenant)), self.app)

    def _resource(self, job: Row[Any]) -> Resource:
        found = next((each for each in self._admin.resources if each.table == job.model), None)
        if found is None:
            raise Forbidden(gettext("You may not do this."))
        return found

    def _identity(self, db: Session, job: Row[Any]) -> Identity[Any]:
        auth = self.app.plugin(Auth)
        key = auth.terms.key_of(job.user)
        user: Any = None if key is None else db.get(auth.user, key)
        if user is None or not user.is_active or not (user.is_staff or user.is_superuser):
            raise Forbidden(gettext("You may not do this."))
        session: Any = SimpleNamespace(data=Login())
        identity: Identity[Any] = Identity(auth.terms, Request("TASK", "/"), session, db)
        identity.became(user)
        return identity

    # -- by hand -----------------------------------------------------------------------------------------------------

    def cancel(self, db: Session, job: Row[Any]) -> bool:
        """Let a job end: before it begins, or after the batch that it is at.

        Returns:
            whether there was something to end.
        """
        if not self.jobs.change(db, job.id, *LIVE, cancelling=True):
            return False
        if job.entry is not None:
            from wholestack.outbox import Queue

            Queue(self.app, db).cancel(job.entry)
        if job.state == WAITING:
            self.jobs.change(db, job.id, WAITING, state=CANCELLED)
        return True

    def resume(self, db: Session, job: Row[Any], *, lost: bool = False) -> bool:
        """Let a job that was cancelled, or has failed, go on where it has ended.

        Arguments:
            db: the session.
            job: the job.
            lost: whether the outbox has given it up.

        Returns:
            whether it does.
        """
        states = (CANCELLED, FAILED, *(LIVE if lost else ()))
        values = {"state": WAITING, "cancelling": False, "note": None, "finished_at": None}
        if job.entry is None or not self.jobs.change(db, job.id, *states, **values):
            return False
        self._later(db, job)
        return True


def at_once(kind: str) -> int:
    """How many rows of a job are worked on while somebody waits, where there is an outbox for more."""
    return _AT_ONCE[kind]


def tenant_of(models: Sequence[type[Any]], key: Any) -> Any:
    """The key of a tenant as one of these models has it, of one as JSON has it; None where it is nobody's."""
    for model in models if key is not None else ():
        reader = attributes(model)[model.__tenant__].reader
        with contextlib.suppress(pydantic.ValidationError):  # Another of them has keys of this kind.
            return reader.validate_strings(key) if isinstance(key, str) else reader.validate_python(key)
    return None


def author_of(job: Row[Any]) -> Author:
    """Who the history says has done what a job does."""
    return Author(job.user, job.email, None, job.address, f"JOB {job.id}")


def reason_of(error: Exception) -> str:
    """Why a job has ended, for the person who has asked for it."""
    if isinstance(error, HTTPError):
        return error.detail
    return gettext("Other rows refer to some of these, or some are there already. Nothing more was changed.")


def too_many() -> str:
    """What is said of more rows than can be worked on."""
    most = f"{MOST_WITHOUT_OUTBOX:,}"
    return gettext("This app has no outbox, so at most %(most)s rows can be worked on at once.") % {"most": most}
