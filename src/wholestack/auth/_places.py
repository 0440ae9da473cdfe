"""Where the pages of login are, and the way back to where somebody came from."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote, urlsplit

from wholestack import Redirect, Request
from wholestack.http import safe_redirect


@dataclasses.dataclass(frozen=True)
class Places:
    """Paths of the plugin, within the app.

    Attributes:
        at: below which its pages are.
        home: where somebody goes who has logged in, and did not come from anywhere.
    """

    at: str
    home: str

    def to(self, request: Request, path: str = "", *, next: str = "") -> str:
        """The address of one of its pages.

        Example:
            >>> Places("/account", "/").to(Request("GET", "/"), "/login", next="/notes?page=2")
            '/account/login?next=%2Fnotes%3Fpage%3D2'
        """
        asked = f"?next={quote(next, safe='')}" if next and safe_redirect(next) else ""
        return f"{request.root_path}{self.at}{path.rstrip('/')}{asked}"

    def go(self, request: Request, path: str = "", *, next: str = "") -> Redirect:
        """To one of its pages."""
        return Redirect(self.to(request, path, next=next))

    def back(self, request: Request, next: str = "") -> Redirect:
        """To where somebody was on the way to, if that is on this site; else home (CWE-601)."""
        return Redirect(next or f"{request.root_path}{self.home}", otherwise=f"{request.root_path}{self.home}")

    def here(self, request: Request) -> str:
        """Where a page leads back to that needs a login first: its own address, or where a form was sent from."""
        if request.method in {"GET", "HEAD"}:
            asked = f"?{request.query_string}" if request.query_string else ""
            return f"{request.root_path}{request.path}{asked}"
        came = urlsplit(request.headers.get("referer") or "")
        own = came.netloc == request.host
        return (f"{came.path}?{came.query}" if came.query else came.path) if own else ""
