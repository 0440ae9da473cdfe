"""Errors inside the admin: who has been let in is told within its frame, anybody else as by the app's other pages."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wholestack import App, HTTPError, NotFound, Redirect, Request, Router, rule
from wholestack.auth import Identity
from wholestack.errors import TooManyRequests, ValidationFailed, WholestackError, http_error
from wholestack.files import ArchiveRefused, FileTooLarge, FileTypeRefused, ImageRefused
from wholestack.http import Refused
from wholestack.templates import Page, error_page_of

from ._access import Access

if TYPE_CHECKING:
    from ._plugin import Admin
    from ._resource import Resource

_IN_A_QUERY = "%/:?@!$&'()*+,;=-._~[]"
_MENDED = (ValidationFailed, ArchiveRefused, FileTooLarge, FileTypeRefused, ImageRefused)
"""Errors that a form shows beside its fields."""
_WIDE = (HTTPError, WholestackError, Exception, BaseException, object)
"""Kinds that an app's own page for errors is for; whoever answers a narrower one goes before the admin."""


class Inside:
    """Somebody has passed the rules of the admin: what goes wrong from here on is told to them within the frame."""


class ErrorInside(HTTPError):
    """An error that is shown within the frame.

    Arguments:
        error: what has happened.
    """

    def __init__(self, error: HTTPError) -> None:
        super().__init__(error.detail, status=error.status, code=error.code, headers=error.headers, extra=error.extra)
        self.error = error


@rule
def is_inside(inside: Inside) -> None:
    """The last rule of the admin, which lets everybody pass whom those before it have let pass."""


def show_inside(router: Router) -> Router:
    """The router, whose pages show their errors within the frame.

    From 500 on, and at a 429, nobody is looked for, and so nothing is shown that is for staff alone.
    """

    def inside(request: Request, app: App) -> Generator[Inside]:
        try:
            yield Inside()
        except (HTTPError, Refused) as raised:
            error = http_error(raised) if isinstance(raised, Refused) else raised
            if not request.wants_html or error.status >= 500 or isinstance(error, (TooManyRequests, *_MENDED)):
                raise
            narrow = {*type(error).__mro__} - {*_WIDE}
            if not narrow.isdisjoint([*app.error_handlers, *router.error_handlers]):
                raise
            raise ErrorInside(error) from raised

    router.provide(inside)
    router.on_error(ErrorInside)(_shown)
    return router


def ends_here(admin: Admin, app: App) -> None:
    """Say of each other address below the admin that nothing is there, to who has been let in. A visitor is sent to the
    login from there, too, so that no address tells by its answer that it is one.
    """
    if admin.at:
        last = show_inside(Router(admin.at, needs=admin.needs, tags=("admin",)))
        last.route("/{rest:path}", ("GET", "POST"), hidden=True)(_nothing)
        app.include(last)


def _shown(raised: ErrorInside, request: Request) -> Page:
    error = raised.error
    page = Page("admin/error.html", status=error.status, error=error)
    for name, value in error.headers.items():
        page.headers.set(name, value)
    page.headers.vary("accept")
    return page


def _nothing(request: Request, app: App) -> Redirect:
    """There is nothing here; or, where only the last slash is wrong, the way to what is there."""
    path = request.path
    other = path[:-1] if path.endswith("/") else f"{path}/"
    match = app.seal().match
    if app.slashes == "redirect" and match(other)[0] is not match(path)[0]:
        query = f"?{quote(request.query_string, _IN_A_QUERY)}" if request.query_string else ""
        return Redirect(quote(request.root_path + other) + query, 308)
    raise NotFound


def here_of(request: Request, admin: Admin, identity: Identity[Any]) -> Resource | None:
    """The model that a page for an error is about, by its address, where the person may see it."""
    if error_page_of(request) is None:
        return None
    slug = request.path.removeprefix(f"{admin.at}/").partition("/")[0]
    found = next((each for each in admin.resources if each.slug == slug), None)
    return found if found is not None and Access(found, identity).may("view") else None
