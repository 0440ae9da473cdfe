"""What surrounds each request: the guard before it, and the end of its visit after it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from wholestack import App, Request, Response
from wholestack.routing import Route

from ._csrf import Guard, is_guarded
from ._visit import Terms, Visit, visit_of

_INNERMOST = 1000


def surround(app: App, guard: Guard | None) -> None:
    """Put both before the app's own middleware, which is then guarded as well, and behind all other guards.

    A visit ends here, and not in its provider: by now the request's transaction is over, an error has become an
    answer that may have a cookie, and nothing is sent. Waiting is possible where a provider of ours is part of the
    plan, which is driven then, or runs in a thread.
    """

    def end_visit(request: Request) -> Generator[None, Response, Response]:
        response = yield
        visit = visit_of(request)
        if visit is None:
            return response
        if response.stream is not None and (response.media_type or "").startswith("text/html"):
            visit.expect_stream(token=False)
        finished = visit.finish(response)
        if response.stream is not None:
            visit.hold()
        if visit.doubted:
            visit.terms.opened.doubt(visit.doubted)
        return finished

    vars(end_visit)["passes_prepared"] = True  # Without a provider or a page there is no visit.
    _insert(app, end_visit)
    if guard is None:
        return
    judge = guard.judge

    def refuse_other_sites(request: Request) -> Generator[None, Response, Response]:
        judge(request)
        return (yield)

    def for_route(route: Route) -> Any:
        return refuse_other_sites if is_guarded(route) else None

    vars(refuse_other_sites)["for_route"] = for_route
    _insert(app, refuse_other_sites)


def _insert(app: App, middleware: Any) -> None:
    vars(middleware)["wholestack_rank"] = _INNERMOST  # Guards that are set up later go before it.
    own = (index for index, each in enumerate(app.middlewares) if not _is_ours(each))
    app.middlewares.insert(next(own, len(app.middlewares)), middleware)


def _is_ours(middleware: Any) -> bool:
    return (getattr(middleware, "__module__", None) or "").startswith("wholestack.")


def visiting(terms: Terms, request: Request) -> Visit:
    """The visit of a request; one of its own where no provider has begun one, as on a page for an error."""
    return visit_of(request) or Visit(terms, request, terms.store, eager=True)
