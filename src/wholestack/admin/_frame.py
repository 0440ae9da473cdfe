"""The frame of the admin's pages: where one is, and where one may go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from wholestack import Request
from wholestack.auth import Identity
from wholestack.templates import error_page_of

from ._access import Access
from ._list_query import rules_of
from ._soft import mark_of

if TYPE_CHECKING:
    from ._own_pages import OwnPage
    from ._plugin import Admin
    from ._resource import Resource

KEPT = "form_list"
"""In the query of a row's pages: that of the list from which they were opened, to which they lead back."""
_LONGEST = 2_000
PREFERENCES: Mapping[str, Sequence[str]] = {"density": ("roomy", "compact"), "colours": ("system", "light", "dark")}
"""What each reader may prefer, the usual first; a cookie of the name keeps what is not."""


def cookie_of(preference: str) -> str:
    """The name of the cookie that keeps a preference."""
    return f"admin_{preference}"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A way through the admin.

    Attributes:
        title: its words.
        url: where it leads.
        icon: one character beside it; the first of its title where it has none.
        here: whether the page is about it.
    """

    title: str
    url: str
    icon: str
    here: bool


class Frame:
    """What every page of the admin shows around what it is about.

    Arguments:
        admin: the plugin.
        request: the request.
        identity: the person.
        here: the model that the page is about.

    Attributes:
        title: what the admin is called.
        logo: the address of its sign; empty where it has none.
    """

    def __init__(self, admin: Admin, request: Request, identity: Identity[Any], here: Resource | None = None) -> None:
        self.title: str = admin.title
        self.here = here
        self.identity = identity
        self._admin = admin
        self._request = request
        self._root = quote(request.root_path) + admin.at
        self.logo: str = admin.logo.url(request) if admin.logo is not None else ""

    def url(self, *parts: str, **query: str) -> str:
        """The address of a page of the admin; a part that is a key is escaped.

        Example:
            ``frame.url("post", "7", "delete")`` is ``/admin/post/7/delete``.
        """
        path = "/".join([self._root, *(quote(part, safe="") for part in parts)]) + ("" if parts else "/")
        return f"{path}?{urlencode(query)}" if query else path

    @property
    def kept(self) -> dict[str, str]:
        """What of the query an address of this model takes along, so that its list is found again as it was left. It is
        read anew each time: what no list reads is left out, and no path is in it.
        """
        text = (self._request.query.get(KEPT) or [""])[0]
        if self.here is None or not text or len(text) > _LONGEST:
            return {}
        known = rules_of(self.here).names
        pairs = [(name, value) for name, value in parse_qsl(text) if name in known]
        return {KEPT: urlencode(pairs)} if pairs else {}

    def row(self, *parts: str) -> str:
        """The address of a page below the model's list, which leads back to the list as it was left."""
        return self.url(*self._below(*parts), **self.kept)

    def _below(self, *parts: str) -> tuple[str, ...]:
        return parts if self.here is None else (self.here.slug, *parts)

    @property
    def back(self) -> str:
        """The address of the model's list as it was left."""
        kept = self.kept.get(KEPT)
        return self.url(*self._below()) + (f"?{kept}" if kept else "")

    def preferred(self, preference: str) -> str:
        """What the reader prefers: ``"density"`` or ``"colours"``."""
        known = PREFERENCES[preference]
        found = self._request.cookies.get(cookie_of(preference), "")
        return found if found in known else known[0]

    @property
    def path(self) -> str:
        """The page's own address, with its query: where a form leads back to; of an error the list."""
        if error_page_of(self._request) is not None:
            return self.back
        query = self._request.query_string
        return quote(self._request.root_path + self._request.path) + (f"?{query}" if query else "")

    @property
    def groups(self) -> list[tuple[str, list[Entry]]]:
        """The ways that the person may go, under their headings; those without one are first."""
        found: dict[str, list[Entry]] = {"": []}
        for resource in self.resources:
            found.setdefault(resource.view.group, []).append(self._entry(resource))
        for page in self._admin.own_pages:
            if page.may(self.identity):
                found.setdefault(page.group, []).append(self._entry_of(page))
        return [(title, entries) for title, entries in found.items() if entries]

    def _entry(self, resource: Resource) -> Entry:
        here = self.here is not None and self.here.slug == resource.slug
        icon = resource.view.icon or resource.title[:1]
        return Entry(resource.title, self.url(resource.slug), icon, here)

    def _entry_of(self, page: OwnPage) -> Entry:
        icon = page.icon or page.title[:1]
        if page.outside:
            below = quote(self._request.root_path) if page.path.startswith("/") else ""
            return Entry(page.title, below + page.path, icon, here=False)
        here = self._request.path == self._admin.at + page.path
        return Entry(page.title, self._root + page.path, icon, here)

    @property
    def at_home(self) -> bool:
        """Whether the page is the admin's first."""
        return self._request.path == f"{self._admin.at}/"

    @property
    def resources(self) -> Sequence[Resource]:
        """The models that the person may see."""
        return [each for each in self._admin.resources if Access(each, self.identity).may("view")]

    @property
    def undo(self) -> str:
        """Where a form is sent that has the row back which was just deleted; empty where none was."""
        key = (self._request.query.get("undo") or [""])[0]
        return self.url(self.here.slug, key, "restore") if self.here is not None and key else ""

    @property
    def deleted(self) -> tuple[str, bool] | None:
        """On the list of a model whose rows are marked as deleted: the address of the others, and whether these are the
        deleted ones.
        """
        if (
            self.here is None
            or mark_of(self.here) is None
            or self._request.path != f"{self._admin.at}/{self.here.slug}"
        ):
            return None
        marked = self._request.query.get("deleted") == ["1"]
        return (self.url(self.here.slug) + ("" if marked else "?deleted=1"), marked)

    def access(self, resource: Resource) -> Access:
        """What the person may with a model."""
        return Access(resource, self.identity)
