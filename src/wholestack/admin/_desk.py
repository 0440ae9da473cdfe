"""What the handlers of one model have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wholestack import Forbidden, Request
from wholestack.auth import Identity, Tenant
from wholestack.db import Session
from wholestack.languages import gettext
from wholestack.templates import Page

from ._access import DELETED, Access
from ._frame import Frame
from ._history import Author
from ._record import record
from ._resource import Resource
from ._tenants import asked, keep_to
from ._tracked import write_by_itself
from ._typed import typed

if TYPE_CHECKING:
    from ._plugin import Admin


class Desk:
    """Where the rows of one model are worked on: its handlers are made here, and begin here.

    Arguments:
        admin: the plugin.
        resource: the model.
    """

    def __init__(self, admin: Admin, resource: Resource) -> None:
        self.admin = admin
        self.resource = resource

    @property
    def path(self) -> str:
        """The path of its list, below the admin's."""
        return f"/{self.resource.slug}"

    def handler(
        self, body: Callable[..., Any], returns: Any, *, deletes: bool = False, **takes: Any
    ) -> Callable[..., Any]:
        """A handler that also asks for the request, the person and the model's session: ``request``, ``identity``,
        ``db``.

        Where the model's own rows belong to no tenant, and others of the admin do, the session reads those of the
        request's tenant alone.

        Arguments:
            body: what it does.
            returns: the type of its answer.
            deletes: it looks at what goes with a row, and must know of other tenants' rows, too, that stand in the way.
            takes: what it asks for beside these, by name.
        """
        kept = not deletes and self.resource.session is Session and bool(self.tenants)
        added = kept and "tenant" not in takes

        def inside(**given: Any) -> Any:
            write_by_itself(given["db"])
            if kept:
                keep_to(given["db"], given.pop("tenant") if added else given["tenant"], self.admin.runs.app)
            return body(**given)

        inside.__doc__ = body.__doc__
        around = {"request": Request, "identity": Identity[Any], "db": self.resource.session}
        around |= {"tenant": Tenant} if added else {}
        return typed(inside, f"admin_{self.resource.table}_{body.__name__.strip('_')}", {**around, **takes}, returns)

    @property
    def tenants(self) -> dict[str, Any]:
        """What a handler asks for beside the usual that deletes, or begins a job, where rows of the admin belong to
        tenants.
        """
        return asked(self.admin.resources)

    def begin(self, request: Request, identity: Identity[Any], tenant: Tenant | None = None) -> tuple[Access, Frame]:
        """What the person may here, and the frame of the page."""
        deleted = request.query.get(DELETED) == ["1"]
        access = Access(self.resource, identity, deleted=deleted, tenant=None if tenant is None else tenant.key)
        return access, Frame(self.admin, request, identity, self.resource)

    def page(self, template: str, frame: Frame, **values: Any) -> Page:
        """A page about this model, from a template that anybody may override.

        Every page of a model is made here: ``desk.page("list.html", frame, page=shown, fragment="rows")``. The first
        that there is of ``admin/<slug>/list.html``, which overrides it for this model, and ``admin/list.html`` is
        shown.

        Arguments:
            template: its name below ``admin/``.
            frame: the frame of the page, as `begin` gives it.
            values: what the template may use, by name; ``fragment``, ``block``, ``status`` and the others as for
                `Page`.
        """
        return Page(self.admin.template(template, self.resource.slug), frame=frame, **values)

    def note(
        self,
        db: Session,
        request: Request,
        identity: Identity[Any],
        action: str,
        row: Any,
        values: Mapping[str, list[Any]],
    ) -> None:
        """Write a change of a row into the history, in this transaction.

        Arguments:
            db: the session.
            request: the request that did it.
            identity: who did it.
            action: ``"add"``, ``"change"``, ``"delete"`` or the name of an action.
            row: the row, as it is in the database.
            values: by attribute, the value before and the one after, as `snapshot` has them.

        Raises:
            Forbidden: the row that was made or changed is none that they may see; nothing of it is kept.
        """
        if action in {"add", "change"} and not Access(self.resource, identity).may_own(row):
            raise Forbidden(gettext("The row would not be yours to see."))
        change = record(db, self.resource, action, row, values)
        self.admin.history.write(db, Author.of(request, identity), [change])
