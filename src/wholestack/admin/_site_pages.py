"""The pages of the admin that are about no single model: the first one, the search, and what each reader prefers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wholestack import Form, Redirect, Request, Router
from wholestack.auth import Identity, Tenant
from wholestack.db import Session
from wholestack.templates import Page

from ._access import Access
from ._changes import accesses_of, readable
from ._everywhere import SiteSearch
from ._frame import PREFERENCES, Frame, cookie_of
from ._tenants import asked
from ._typed import sign, typed

if TYPE_CHECKING:
    from ._plugin import Admin

_MOST_CHANGES = 10
_LOOKED_AT = 30
"""Changes that are looked through for those whose rows the person may see."""
_A_YEAR = 365 * 24 * 3600


@dataclasses.dataclass(frozen=True)
class Preferred:
    """What is sent by who prefers something else, and the page where they were."""

    density: str = ""
    colours: str = ""
    back: str = ""


def site_pages(admin: Admin, router: Router) -> None:
    """Add the first page, the search and the preferences."""
    pages = SitePages(admin)
    around = {"request": Request, "identity": Identity[Any], "db": Session, **pages.tenants}
    home = typed(pages.home, "admin_home", {}, Page)
    admin.cards.told = lambda: sign(home, admin.cards.takes(around), Page)
    admin.cards.told()
    router.get("/", name="admin", hidden=True)(home)
    router.get("/search", hidden=True)(typed(pages.search, "admin_search", around, Page))
    router.post("/display", hidden=True)(pages.prefer)


class SitePages:
    """The handlers of the admin as a whole."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    @property
    def tenants(self) -> dict[str, Any]:
        """What these pages ask for beside the usual, where rows belong to tenants."""
        return asked(self._admin.resources)

    def home(self, **given: Any) -> Page:
        """The first page: cards, models, and what was done last."""
        identity, db = given["identity"], given["db"]
        frame = Frame(self._admin, given["request"], identity)
        cards = self._admin.cards.shown(identity, given)
        accesses = accesses_of(frame.resources, identity)
        changes = self._changes(accesses, db, given.get("tenant"))
        by_table = {name: each.resource for name, each in accesses.items()}
        return Page("admin/home.html", frame=frame, cards=cards, changes=changes, by_table=by_table)

    def _changes(self, accesses: Mapping[str, Access], db: Session, tenant: Tenant | None) -> list[Any]:
        """The latest changes of rows that the person may see."""
        latest = self._admin.history.latest(db, list(accesses), limit=_LOOKED_AT)
        found = readable(db, self._admin.history, accesses, latest, None if tenant is None else tenant.key)
        return [change for change, _ in found[:_MOST_CHANGES]]

    def search(self, request: Request, identity: Identity[Any], db: Session, tenant: Tenant | None = None) -> Page:
        """What is called so, of all models."""
        frame = Frame(self._admin, request, identity)
        asked = SiteSearch(frame, (request.query.get("q") or [""])[0], tenant)
        return Page("admin/search.html", frame=frame, search=asked, found=list(asked.found(db)), fragment="results")

    def prefer(self, request: Request, preferred: Form[Preferred]) -> Redirect:
        """Keep what a reader prefers, in cookies of their browser."""
        at = f"{request.root_path}{self._admin.at}"
        back = Redirect(preferred.back, otherwise=f"{at}/")
        for name, known in PREFERENCES.items():
            if (value := getattr(preferred, name)) in known:
                back.set_cookie(cookie_of(name), value, path=at or "/", max_age=_A_YEAR)
        return back
