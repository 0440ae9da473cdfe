"""The routes of actions: chosen in a list, asked about, done, watched and cancelled."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pydantic
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from wholestack import Forbidden, Form, HTTPError, NotFound, Redirect, Request, Router
from wholestack.auth import Identity, Tenant, permission, permission_name
from wholestack.db import Session
from wholestack.forms import FormError, FormView, Widget
from wholestack.languages import gettext, ngettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._access import Access
from ._action_runs import action_called, chosen
from ._actions import DELETE, Action, Selection, actions_of, counted
from ._cascade import held
from ._count import Count
from ._deletion import Deletion
from ._desk import Desk
from ._frame import KEPT
from ._job_runs import MOST_WITHOUT_OUTBOX, JobRuns, at_once, reason_of, too_many
from ._jobs import ASKED, DONE, LIVE, Jobs

_MOST_NAMED = 20
_MOST_KEYS = 1_000
_MOST_LOOKED_INTO = 500
"""Rows of a deletion of which is counted what goes with them; of more it is said of some: so many, and more."""
_SOME_LOOKED_INTO = 100


class Asked(pydantic.BaseModel):
    """What the form of a list sends.

    Attributes:
        action: the name of the action.
        scope: ``"chosen"`` rows, all of the ``"page"``, or ``"all"`` that match.
        keys: the rows that were ticked.
        page: all rows of the page, with spaces between.
    """

    action: str = pydantic.Field("", max_length=100)
    scope: str = pydantic.Field("chosen", max_length=10)
    keys: list[str] = pydantic.Field([], max_length=_MOST_KEYS)
    page: str = pydantic.Field("", max_length=500_000)


def action_pages(desk: Desk, router: Router) -> None:
    """Add the actions of a model, and the pages of its jobs."""
    pages = ActionPages(desk)
    form: Any = Form
    view: Any = FormView
    asked = desk.handler(pages.choose, Redirect, form=form[Asked], messages=Messages, **desk.tenants)
    router.post(f"{desk.path}/-/actions", hidden=True)(asked)
    for action in actions_of(type(desk.resource.view)).values():
        permission(permission_name(desk.resource.model, action.permission))
        model = _form_of(action)
        path = f"{desk.path}/-/actions/{action.name}/{{job}}"
        ask = functools.partial(pages.ask, action)
        run = functools.partial(pages.run, action)
        deletes = action is DELETE
        page = desk.handler(_named(ask, f"ask_{action.name}"), Page, deletes=deletes, job=int, form=view[model])
        takes = {"job": int, "form": form[model], "messages": Messages}
        sent = desk.handler(_named(run, f"run_{action.name}"), Redirect, deletes=deletes, **takes)
        router.get(path, hidden=True)(page)
        router.post(path, hidden=True, again=page)(sent)
    job = f"{desk.path}/-/jobs/{{job}}"
    router.get(job, hidden=True)(desk.handler(pages.job, Page, job=int))
    router.post(f"{job}/cancel", hidden=True)(desk.handler(pages.cancel, Redirect, job=int, messages=Messages))
    router.post(f"{job}/resume", hidden=True)(desk.handler(pages.resume, Redirect, job=int, messages=Messages))


def _named(function: Any, name: str) -> Any:
    function.__name__ = name
    function.__doc__ = None
    return function


def _form_of(action: Action) -> type[pydantic.BaseModel]:
    """The form of an action, with how many rows its page has counted."""
    base = action.form or pydantic.BaseModel
    hint = Annotated[int, Widget("hidden")]
    return pydantic.create_model(f"{action.name.title()}ActionForm", __base__=base, counted=(hint, 0))


class ActionPages:
    """The handlers of actions and jobs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource
        self._runs: JobRuns = desk.admin.runs
        self._jobs: Jobs = desk.admin.runs.jobs

    # -- choosing ----------------------------------------------------------------------------------------------------

    def choose(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        form: Asked,
        messages: Messages,
        tenant: Tenant | None = None,
    ) -> Redirect:
        access, frame = self._desk.begin(request, identity)
        back = f"{frame.url(self.resource.slug)}?{request.query_string}"
        action = None if access.deleted else actions_of(type(self.resource.view)).get(form.action)
        access.require("view")
        if action is None:
            messages.warning(gettext("Choose what is to be done."))
            return Redirect(back)
        self._require(access, action)
        settings: dict[str, Any] = {"action": action.name, "query": request.query_string}
        if form.scope != "all":
            keys = form.page.split() if form.scope == "page" else form.keys
            if not keys:
                messages.warning(gettext("Choose some rows first."))
                return Redirect(back)
            settings["keys"] = list(dict.fromkeys(keys[:_MOST_KEYS]))
        values = {
            "model": self.resource.table,
            "kind": "action",
            "name": str(action.title),
            "settings": settings,
            "tenant": None if tenant is None else tenant.key,
        }
        number = self._jobs.put(db, identity, request.client or "", values)
        kept = {KEPT: request.query_string} if request.query_string else {}
        return Redirect(frame.url(self.resource.slug, "-", "actions", action.name, str(number), **kept))

    def _require(self, access: Access, action: Action) -> None:
        """Refuse who may not, and what the view offers to nobody or not to them.

        Raises:
            Forbidden: they may not.
        """
        access.require(action.permission)
        if all(each.name != action.name for each in self.resource.view.offered(access)):
            raise Forbidden(gettext("You may not do this."))

    # -- asking ------------------------------------------------------------------------------------------------------

    def ask(
        self, action: Action, *, request: Request, identity: Identity[Any], db: Session, job: int, form: FormView[Any]
    ) -> Page:
        access, frame = self._desk.begin(request, identity)
        self._require(access, action)
        found = self._asked(db, identity, action, job)
        access.tenant = found.tenant
        question = Question(access, db, action, found, has_outbox=self._runs.has_outbox)
        return self._desk.page("action.html", frame, question=question, form=form, job=found, resource=self.resource)

    def _asked(self, db: Session, identity: Identity[Any], action: Action, job: int) -> Row[Any]:
        found = self._jobs.get(db, identity, job, self.resource.table, "action")
        if found.settings["action"] != action.name:
            raise NotFound(gettext("There is no such row, or it is not yours to see."))
        return found

    def run(
        self,
        action: Action,
        *,
        request: Request,
        identity: Identity[Any],
        db: Session,
        job: int,
        form: Any,
        messages: Messages,
    ) -> Redirect:
        access, frame = self._desk.begin(request, identity)
        self._require(access, action)
        found = self._asked(db, identity, action, job)
        access.tenant = found.tenant
        if found.state != ASKED:  # Sent twice: the first time counts.
            return Redirect(frame.row("-", "jobs", str(job)))
        settings = {**found.settings, "form": form.model_dump(mode="json", exclude={"counted"})}
        if not self._jobs.change(db, job, ASKED, settings=settings, total=form.counted):
            return Redirect(frame.row("-", "jobs", str(job)))
        ready = self._jobs.get(db, identity, job, self.resource.table)
        try:
            self._runs.begin(db, access, ready)
        except FormError:
            raise
        except (HTTPError, IntegrityError) as error:
            if isinstance(error, HTTPError) and error.status >= 500:
                raise
            raise FormError("", reason_of(error)) from error
        done = self._jobs.get(db, identity, job, self.resource.table)
        if done.state == DONE:
            messages.success(
                done.note
                or ngettext("%(title)s: %(num)s row.", "%(title)s: %(num)s rows.", done.done, title=action.title)
            )
            return Redirect(f"{frame.url(self.resource.slug)}?{_without_page(found.settings.get('query', ''))}")
        return Redirect(frame.row("-", "jobs", str(job)))

    # -- jobs --------------------------------------------------------------------------------------------------------

    def job(self, request: Request, identity: Identity[Any], db: Session, job: int) -> Page:
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        found = self._jobs.get(db, identity, job, self.resource.table)
        shown = Shown(found, self._runs, db)
        live = shown.is_live and not shown.is_lost
        values = {"job": found, "shown": shown, "live": live, "resource": self.resource}
        page = self._desk.page("job.html", frame, **values, fragment="progress")
        page.headers.set("cache-control", "no-store")
        return page

    def cancel(self, request: Request, identity: Identity[Any], db: Session, job: int, messages: Messages) -> Redirect:
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        found = self._jobs.get(db, identity, job, self.resource.table)
        if not self._runs.cancel(db, found):
            messages.info(gettext("It has ended already."))
        return Redirect(frame.row("-", "jobs", str(job)))

    def resume(self, request: Request, identity: Identity[Any], db: Session, job: int, messages: Messages) -> Redirect:
        access, frame = self._desk.begin(request, identity)
        found = self._jobs.get(db, identity, job, self.resource.table)
        if found.kind == "import":
            access.require("import")
        else:
            self._require(access, action_called(access, found.settings["action"]))
        if not self._runs.resume(db, found, lost=Shown(found, self._runs, db).is_lost):
            messages.info(gettext("It cannot go on."))
        return Redirect(frame.row("-", "jobs", str(job)))


class Question:
    """What the page asks before an action: how many rows, some of them by name, what goes with them.

    Arguments:
        access: what the person may.
        db: the session.
        action: what they are about to do.
        job: the job with their choice.
        has_outbox: whether many rows can be worked on behind the scenes.
    """

    def __init__(self, access: Access, db: Session, action: Action, job: Row[Any], *, has_outbox: bool) -> None:
        self.action = action
        self._access = access
        self._db = db
        seen = chosen(access, db, job.settings)
        selection: Selection[Any] = Selection(access, action.permission, db, seen)
        self._selection = selection
        self.refused: list[str] = [access.resource.view.label(row) for row in selection.refused()]
        self.count: int = selection.count
        keys = job.settings.get("keys")
        self.missing: int = 0 if keys is None else len(keys) - counted(db, seen)
        some = db.scalars(selection.select().limit(_MOST_NAMED)).unique().all()
        self.some: list[str] = [access.resource.view.label(row) for row in some]
        #: What goes with the rows of a deletion: how many by what they are called; and which rows cannot go.
        self.too: dict[str, Count] = {}
        self.held: list[str] = []
        if action is DELETE:
            self._look_further()
        self.later: bool = has_outbox and self.count > at_once("action")
        self.too_many: str = too_many() if not has_outbox and self.count > MOST_WITHOUT_OUTBOX else ""

    @property
    def may_go_on(self) -> bool:
        """Whether there is anything to confirm."""
        return bool(self.count) and not (self.refused or self.missing or self.too_many or self.held)

    def _look_further(self) -> None:
        """What goes with the rows of a deletion, and what stands in its way."""
        is_all, found = self.count <= _MOST_LOOKED_INTO, dict[str, int]()
        rows = self._selection.select() if is_all else self._selection.select().limit(_SOME_LOOKED_INTO)
        for row in held(self._db, self._access.resource, self._db.scalars(rows).unique().all()):
            cascade = Deletion(self._db, self._access, row).cascade
            for kind in () if cascade is None else cascade.goes:
                found[kind.title] = found.get(kind.title, 0) + kind.number
            if cascade is not None and not cascade.may_go:
                self.held.append(self._access.resource.view.label(row))
        self.too = {title: Count(number, "exact" if is_all else "more") for title, number in found.items()}


class Shown:
    """How far a job is.

    Arguments:
        job: the job.
        runs: who runs it.
        db: the session.
    """

    def __init__(self, job: Row[Any], runs: JobRuns, db: Session) -> None:
        self.total: int = job.total
        self.done: int = job.done
        self.is_live: bool = job.state in LIVE
        self.is_lost: bool = False
        self.can_resume: bool = job.entry is not None and job.state in {"cancelled", "failed"}
        if runs.has_outbox and job.entry is not None and self.is_live:
            self._look(job, db)

    def _look(self, job: Row[Any], db: Session) -> None:
        from wholestack.outbox import Entry, State

        entry = db.get(Entry, job.entry)
        if entry is None or entry.state in {State.DEAD, State.PARKED}:
            self.is_lost = self.can_resume = True
        elif entry.progress is not None and job.kind != "action":
            self.done = int(entry.progress * job.total)


def _without_page(query: str) -> str:
    return "&".join(part for part in query.split("&") if not part.startswith("cursor="))
