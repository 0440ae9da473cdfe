"""The plugin: a back office at ``/admin``."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import MetaData
from typing_extensions import Unpack

from wholestack import App, Request, Router, Rule, SetupError
from wholestack.auth import Auth, Identity, staff
from wholestack.db import Database, Session
from wholestack.errors import Fault
from wholestack.handlers import rules_of
from wholestack.templates import Asset, Templates

from ._access import check_rules
from ._action_pages import action_pages
from ._actions import check_forms
from ._assets import asset
from ._cards import Card, Cards
from ._cells import count_shown, moment_shown
from ._change_pages import change_pages
from ._delete_pages import delete_pages
from ._desk import Desk
from ._error_pages import ends_here, here_of, is_inside, show_inside
from ._export_pages import export_pages
from ._frame import Frame
from ._guard import faults, not_idle
from ._history import History, HistoryOptions, kept_for
from ._history_pages import history_pages
from ._import_pages import import_pages
from ._job_runs import JobRuns
from ._jobs import Jobs, jobs_in
from ._list_pages import list_pages
from ._own_pages import OwnPage
from ._resource import Resource, resource_for
from ._row_pages import row_pages
from ._saved_views import table_in as saved_views_in
from ._site_pages import site_pages
from ._theme import logo_of, theme_sheet
from ._tracked import Tracker
from ._view import AdminView, view_of

_HERE = os.path.dirname(os.path.abspath(__file__))
F = TypeVar("F", bound=Callable[..., Any])


class Admin:
    """A back office over models: ``app.use(Database(), Auth(User), Admin(Post, User))``.

    Members of staff (`UserMixin.is_staff`) come in; what each may do is said by permissions over the models
    (``post.view``, ``post.add``, ``post.change``, ``post.delete``), which roles hold, and by the policies of a view.
    Superusers may everything. Every change is written to the history.

    Arguments:
        views: models, or subclasses of `AdminView` where more is to be said.
        at: below which its pages are.
        title: what it is called; the app's title where left out.
        logo: a picture beside the title: a file, below the folder of the file that writes it.
        accent: the colour of links and buttons, ``"#7a1f5c"``; where it could not be read it is made darker or lighter.
        needs: rules for who comes in, beside that of being staff: ``needs=mfa()``.
        idle: minutes after which somebody who was away must prove again who they are; None asks nobody.
        options: see `HistoryOptions`: ``keep=365``, ``keep_files=False``.

    Raises:
        SetupError: a view that names what its model has not (``bad-admin``), or nobody who logs people in.

    Example:
        >>> from wholestack.auth import UserMixin
        >>> from sqlalchemy import Integer
        >>> from wholestack.db import Model, UUIDModel, mapped_column
        >>> class Clerk(UserMixin, UUIDModel): ...
        >>> class Invoice(Model):
        ...     cents = mapped_column(Integer())
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Clerk), Admin(Invoice, Clerk))
    """

    #: Its pages stand after the app's own, which may override each of them.
    template_folders: tuple[str, ...] = (os.path.join(_HERE, "pages"),)
    #: Tells what guards pages to come by itself.
    shows_pages: bool = True

    def __init__(
        self,
        *views: type[Any],
        at: str = "/admin",
        title: str = "",
        logo: str = "",
        accent: str = "",
        needs: Rule | tuple[Rule, ...] = (),
        idle: float | None = None,
        **options: Unpack[HistoryOptions],
    ) -> None:
        frame = sys._getframe(1)
        self.where: str = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.at: str = at.rstrip("/")
        self.title: str = title
        limits = () if idle is None else (not_idle(idle),)
        self.needs: tuple[Rule, ...] = (staff, *(needs if isinstance(needs, tuple) else (needs,)), *limits, is_inside)
        self.router: Router = show_inside(Router(self.at, needs=self.needs, tags=("admin",)))
        self.cards: Cards = Cards()
        self.own_pages: list[OwnPage] = []
        name = self.at.strip("/").replace("/", "-") or "admin"
        try:
            beside = os.path.dirname(os.path.abspath(frame.f_code.co_filename))
            self.logo: Asset | None = logo_of(name, os.path.join(beside, logo)) if logo else None
            self.theme: Asset | None = theme_sheet(name, accent) if accent else None
        except ValueError as error:
            raise self._fault(str(error), 'Admin(logo="logo.svg", accent="#0b57a4")') from error
        self._app: App | None = None
        self.resources: list[Resource] = []
        self._keeping = kept_for(**options)
        self._tracked: list[type[Any]] = []
        self.add(*views)

    # -- its tables, among those of its first model -------------------------------------------------------------------

    @functools.cached_property
    def history(self) -> History:
        """What was done by whom."""
        return self._keeping(self._metadata())

    @functools.cached_property
    def saved_views(self) -> Any:
        """The table of lists that people have kept."""
        return saved_views_in(self._metadata())

    @functools.cached_property
    def runs(self) -> JobRuns:
        """What was asked for many rows, and goes on by itself."""
        return JobRuns(self, Jobs(jobs_in(self._metadata())))

    def _metadata(self) -> MetaData:
        if not self.resources:
            raise self._fault("The admin shows no model.", "app.use(Admin(Post, User))")
        found: MetaData = self.resources[0].model.metadata
        return found

    # -- the plugin --------------------------------------------------------------------------------------------------

    def setup(self, app: App) -> None:
        """Add the pages of the admin."""
        self._check(app)
        app.check(lambda: faults(app, self.needs, self.where))
        known = {each.model: each for each in self.resources}
        metadata = self.resources[0].model.metadata
        if self._tracked:
            Tracker(metadata, self.history, {each: resource_for(each, known) for each in self._tracked}).setup(app)
        self._app = app
        self.runs.setup(app)
        self._overrides: dict[str, bool] = {}
        self.title = self.title or app.title
        for each in (asset("admin.css"), asset("admin.js"), asset("admin-form.js"), self.logo, self.theme):
            if each is not None:
                each.serve(app)
        router = show_inside(Router(self.at, needs=self.needs, tags=("admin",)))
        site_pages(self, router)
        change_pages(self, router)
        for resource in self.resources:
            self._add(router, resource)
        app.include(router)
        app.include(self.router)
        ends_here(self, app)

    def _check(self, app: App) -> None:
        self._metadata()
        if not any(isinstance(each, Auth) for each in app.plugins):
            raise self._fault("The admin is for people who log in.", "app.use(Database(), Auth(User), Admin(…))")
        if not any(isinstance(each, Database) for each in app.plugins):
            raise self._fault("The admin shows rows of a Database.", "app.use(Database(), Auth(User), Admin(…))")
        slugs = [each.slug for each in self.resources]
        twice = next((each for each in slugs if slugs.count(each) > 1), None)
        if twice is not None:
            raise self._fault(f"Two views are about the table {twice!r}.", "Keep one of them.")
        cure = "def members(db: Session) -> Number"
        found = [Fault("bad-admin", message, where, cure) for message, where in self.cards.faults()]
        if found:
            raise SetupError(found)

    def _fault(self, message: str, cure: str) -> SetupError:
        return SetupError([Fault("bad-admin", message, self.where, cure)])

    def resource_of(self, model: type[Any]) -> Resource | None:
        """The resource of a model; None where the admin does not show it."""
        return next((each for each in self.resources if each.model is model), None)

    def ask_closing(self, db: Session, identity: Identity[Any], *rows: Any) -> bool:
        """Ask the app whether the accounts may end that are among rows which are to be deleted.

        Returns:
            whether there were any: what hangs on them may be another by then.

        Raises:
            ClosingRefused: one of them may not.
        """
        app = self.runs.app
        auth = app.plugin(Auth)
        users = [each for each in rows if isinstance(each, auth.user)]
        for each in users:
            auth.ask_closing(app, db, each, identity)
        db.flush()
        return bool(users)

    def track(self, *models: type[Any]) -> None:
        """Let the history have what is done to some models outside of the admin, too: by an API, a task, a command; and
        to their subclasses.

        Each flush of a `Session` is looked at, and written in its transaction; who did it is known where the request
        has asked for its `Identity`. ``update(Model)`` and ``delete(Model)`` change rows that no session has, and are
        not seen.

        Example:
            >>> from wholestack.auth import UserMixin
            >>> from sqlalchemy import Integer
            >>> from wholestack.db import Model, UUIDModel, mapped_column
            >>> class Bookkeeper(UserMixin, UUIDModel): ...
            >>> class Ledger(Model):
            ...     cents = mapped_column(Integer())
            >>> admin = Admin(Bookkeeper, Ledger)
            >>> admin.track(Ledger)
        """
        self._tracked += models

    # -- what a program adds -----------------------------------------------------------------------------------------

    def add(self, *views: type[Any]) -> None:
        """Show more models, or views of them: for a plugin that brings some, in its `setup`; it is used before the
        admin.

        Raises:
            SetupError: the admin is set up already (``bad-admin``).

        Example:
            >>> from wholestack.auth import UserMixin
            >>> from sqlalchemy import Integer
            >>> from wholestack.db import Model, UUIDModel, mapped_column
            >>> class Porter(UserMixin, UUIDModel): ...
            >>> class Barrel(Model):
            ...     weight = mapped_column(Integer())
            >>> admin = Admin(Porter)
            >>> admin.add(Barrel)
            >>> admin
            <Admin Porter, Barrel>
        """
        found = [each() if issubclass(each, AdminView) else view_of(each) for each in views]
        new = [each for each in found if self._app is None or self.resource_of(each.model) is None]
        if new and self._app is not None:
            raise self._fault("It is set up before the plugin that adds to it.", "app.use(ThePlugin(), Admin(…))")
        self.resources += [Resource(each) for each in new]
        for each in self.resources:
            each.others = {other.model: other for other in self.resources}
        if self.resources:  # Migrations are written before any app is sealed.
            self._tables = (self.history, self.saved_views, self.runs)

    def card(self, title: str, *, needs: object = (), wide: bool = False) -> Callable[[F], F]:
        """Make a plain function a card of the dashboard: called by its type hints, as handlers are.

        It says by its return type what it shows: `Number`, `Bars`, `Line`, `Donut`, `TableOf`, or a class of your own
        with `__html__`. Where it raises an `HTTPError` below 500 the card is left out; where it fails the log has it,
        and the card says so.

        Arguments:
            title: its heading.
            needs: rules for who sees it, which ask for the identity alone: ``permission("invoice.view")``. Without one
                it is for everybody who comes into the admin.
            wide: give it the room of two.

        Example:
            >>> from wholestack.admin import Number
            >>> from wholestack.auth import UserMixin
            >>> from wholestack.db import Model, Session, UUIDModel, func, select
            >>> class Teller(UserMixin, UUIDModel): ...
            >>> admin = Admin(Teller)
            >>> @admin.card("Tellers")
            ... def tellers(db: Session) -> Number:
            ...     return Number(db.scalar(select(func.count()).select_from(Teller)) or 0)
        """

        def added(function: F) -> F:
            self.cards.add(Card(title, function, rules_of(needs), wide))
            return function

        return added

    def page(self, path: str, *, title: str, icon: str = "", group: str = "", needs: object = ()) -> Callable[[F], F]:
        """Make a handler a page of the admin, with a place in its navigation.

        Its template extends ``"admin/base.html"`` and fills the blocks ``title``, ``crumbs`` and ``content``. What it
        sends forms to stands in `Admin.router`, for staff only as well: ``@admin.router.post("/reports")``.

        Arguments:
            path: below the admin's: ``"/reports"``.
            title: its words in the navigation.
            icon: one character beside them.
            group: the heading under which it stands there.
            needs: rules for who may see it, beside those of the admin.

        Example:
            >>> from wholestack.auth import UserMixin, permission
            >>> from wholestack.db import UUIDModel
            >>> from wholestack.templates import Page
            >>> class Auditor(UserMixin, UUIDModel): ...
            >>> admin = Admin(Auditor)
            >>> @admin.page("/reports", title="Reports", needs=permission("report.view"))
            ... def reports() -> Page:
            ...     return Page("reports.html")
        """
        rules = rules_of(needs)
        add = self.router.get(path, needs=rules, hidden=True)

        def added(function: F) -> F:
            self.router.routes[:] = [each for each in self.router.routes if not _is_same(each.handler, function)]
            add(function)
            self._lead_to(OwnPage(title, path, icon, group, rules))
            return function

        return added

    def link(self, title: str, url: str, *, icon: str = "", group: str = "", needs: object = ()) -> None:
        """Add a link to the navigation, to a page outside of the admin.

        Arguments:
            title: its words.
            url: where it leads: a path of this site, below where the app is mounted, or an ``https:`` address.
            icon: one character beside them.
            group: the heading under which it stands.
            needs: rules for who is shown it.
        """
        self._lead_to(OwnPage(title, url, icon, group, rules_of(needs), outside=True))

    def _lead_to(self, page: OwnPage) -> None:
        """Show a way, in the place of the same one of an app that was sealed before."""
        others = [each for each in self.own_pages if (each.title, each.path) != (page.title, page.path)]
        self.own_pages = [*others, page]

    # -- templates ---------------------------------------------------------------------------------------------------

    def template(self, name: str, slug: str = "") -> str:
        """The template that is shown under a name: ``admin/<slug>/<name>`` where some folder has it, else
        ``admin/<name>``.
        """
        own = f"admin/{slug}/{name}"
        if slug and own not in self._overrides and self._app is not None:
            engine = self._app.plugin(Templates).engine
            if engine.environment.auto_reload:  # In development somebody may write it while the app is at work.
                return own if engine.has(own) else f"admin/{name}"
            self._overrides[own] = engine.has(own)
        return own if self._overrides.get(own) else f"admin/{name}"

    # -- routes ------------------------------------------------------------------------------------------------------

    def _add(self, router: Router, resource: Resource) -> None:
        """The routes of one model; those with fixed words go before those with a key."""
        desk = Desk(self, resource)
        check_rules(resource)
        check_forms(resource)
        _ = resource.asked  # An order that there is not is told now, too.
        for part in (list_pages, action_pages, export_pages, import_pages, history_pages, delete_pages, row_pages):
            part(desk, router)

    @property
    def outbox_tasks(self) -> tuple[Any, ...]:
        """The task that goes on with what was asked for many rows, where the app has an outbox."""
        return self.runs.tasks

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get: `frame`, what is around each page; `admin_moment` and `admin_count`, which write moments
        and how many there are for people; the addresses of the admin's sheets and scripts.
        """
        return {
            "frame": self._frame,
            "admin_styles": self._styles,
            "admin_moment": lambda _: moment_shown,
            "admin_count": lambda _: count_shown,
            "admin_script": asset("admin.js").url,
            "admin_form_script": asset("admin-form.js").url,
        }

    def _frame(self, request: Request) -> Frame:
        app = self._app
        identity = None if app is None else app.plugin(Auth).shown_to(request)
        if identity is None:
            raise RuntimeError("The frame of the admin is for pages of an app with Auth.")
        return Frame(self, request, identity, here_of(request, self, identity))

    def _styles(self, request: Request) -> list[str]:
        return [each.url(request) for each in (asset("admin.css"), self.theme) if each is not None]

    def __repr__(self) -> str:
        return f"<Admin {', '.join(each.model.__name__ for each in self.resources)}>"


def _is_same(one: Any, other: Any) -> bool:
    """Whether two functions are written at the same place."""
    return getattr(one, "__code__", one) is getattr(other, "__code__", other)
