"""The plugin: the document's route, the page's routes, and what both are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from typing_extensions import Unpack

from wholestack import HTML, App, Request, Response, Router
from wholestack.description import security_schemes
from wholestack.http import etag_of

from ._security import asked, asked_by
from ._walk import rules, walk

Server = str | Mapping[str, Any]

_MOST_ROOTS = 16
_WORDS = {"terms_of_service": "termsOfService"}


class Info(TypedDict, total=False):
    """What the document may say of the API beside its title and version (OpenAPI 3.1 §4.8.2).

    `external_docs` is the address of more documentation.
    """

    summary: str
    description: str
    terms_of_service: str
    contact: Mapping[str, str]
    license: Mapping[str, str]
    external_docs: str


class OpenAPI:
    """The OpenAPI 3.1 document of an app, and a page that shows it and tries it out.

    Every app has this plugin by itself; use it by name to say more, and `App(docs=False)` to do without. A route or a
    mount of the app's own at one of the two paths is left in place, and then nothing is added there.

    Arguments:
        path: where the document is.
        docs: where the page is; None for no page.
        servers: addresses of the API; without them it is where the document is.
        tags: descriptions of tags, in the order in which the page shows them.
        versions: prefixes of paths that are shown apart, each with the version there: ``{"/v1": "1.4.0"}`` adds
            ``/v1/openapi.json`` and ``/v1/docs``.
        webhooks: a router that describes the requests that the app sends by itself: ``@webhooks.post("note-added")``.
        info: see `Info`.

    Example:
        >>> app = App(title="Notes")
        >>> app.use(OpenAPI(docs=None, summary="What there is to do"))
        >>> document(app)["info"]
        {'title': 'Notes', 'version': '0.1.0', 'summary': 'What there is to do'}
    """

    def __init__(
        self,
        path: str = "/openapi.json",
        docs: str | None = "/docs",
        *,
        servers: Sequence[Server] = (),
        tags: Mapping[str, str] | None = None,
        versions: Mapping[str, str] | None = None,
        webhooks: Router | None = None,
        **info: Unpack[Info],
    ) -> None:
        self.path = path
        self.docs = docs
        self.servers: tuple[dict[str, Any], ...] = tuple(
            {"url": each} if isinstance(each, str) else dict(each) for each in servers
        )
        self.tags: dict[str, str] = dict(tags or {})
        self.versions: dict[str, str] = dict(versions or {})
        for prefix in self.versions:
            if not prefix.startswith("/") or prefix.endswith("/"):
                raise ValueError(f'OpenAPI(versions=…): {prefix!r} is no prefix of a path such as "/v1".')
        self.webhooks = webhooks
        self.info = info

    def setup(self, app: App) -> None:
        """Add the routes, hidden from the document itself."""
        # A closure for each app: one plugin may serve an app and its twins.
        for prefix in ("", *self.versions):
            if not answered(app, prefix + self.path):
                app.get(prefix + self.path, hidden=True)(_document_route(app, self, prefix))
            if self.docs is not None and not answered(app, prefix + self.docs):
                self._add_page(app, prefix, self.docs)
        self._compile_outgoing(app)

    def _compile_outgoing(self, app: App) -> None:
        """Find what is wrong with webhooks and callbacks while the app is sealed, as with its handlers."""
        callbacks = [found for route, _ in walk(app) if (found := route.options.get("extra", {}).get("callbacks"))]
        if self.webhooks is not None or callbacks:
            from ._outgoing import outgoing, webhooks

            webhooks(app, self.webhooks or Router())
            for router in callbacks:
                outgoing(app, router)

    def _add_page(self, app: App, prefix: str, docs: str) -> None:
        from ._page import asset_path, page, policy, redirect_page, redirect_path
        from ._served import ASSETS, REDIRECT, asset

        title = f"{app.title} {self.versions[prefix]}" if prefix else app.title
        pages = {text: at + docs for at, text in {"": "All", **self.versions}.items()} if self.versions else {}

        def shown(text: str, servers: Iterable[str], opener: str) -> HTML:
            response = HTML(text)
            response.headers.set("content-security-policy", policy(servers))
            response.headers.set("cross-origin-opener-policy", opener)
            response.headers.set("cache-control", "no-cache")
            response.headers.set("etag", etag_of(response.body))
            return response

        @app.get(prefix + docs, hidden=True)
        def show_docs() -> HTML:
            servers = [*(each["url"] for each in self.servers), *asked_by(rules(app)), *asked(security_schemes(app))]
            # A login in a window of its own must find its way back to the page.
            text = page(title, prefix + docs, prefix + self.path, pages)
            return shown(text, servers, "same-origin-allow-popups")

        @app.get(redirect_path(prefix + docs), hidden=True)
        def show_redirect() -> HTML:
            return shown(redirect_page(), (), "unsafe-none")

        def route(name: str) -> None:
            @app.get(asset_path(prefix + docs, name), hidden=True, name=name)
            def docs_asset(request: Request) -> Response:
                return asset(name).answer(request)

        for name in (*ASSETS, REDIRECT):
            route(name)

    def _more(self) -> dict[str, Any]:
        """What the document gets beside the app's own."""
        more: dict[str, Any] = {}
        if self.servers:
            more["servers"] = list(self.servers)
        if self.tags:
            more["tags"] = [{"name": name, "description": text} for name, text in self.tags.items()]
        if "external_docs" in self.info:
            more["externalDocs"] = {"url": self.info["external_docs"]}
        return more


def document(app: App, *, below: str = "") -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app, which is sealed for it: plain values, ready for `json.dumps`.

    It is the same for the same app, over runs and machines.

    Arguments:
        app: the app.
        below: only what is below this prefix, such as one of `OpenAPI(versions=…)`.

    Raises:
        SetupError: the app cannot be sealed.

    Example:
        >>> app = App(title="Notes")
        >>> document(app)["openapi"]
        '3.1.1'
    """
    plugin = next((each for each in app.plugins if isinstance(each, OpenAPI)), None) or OpenAPI()
    return _built(app, plugin, below)


def _built(app: App, plugin: OpenAPI, below: str) -> dict[str, Any]:
    from ._document import Told, build

    words = {_WORDS.get(name, name): value for name, value in plugin.info.items() if name != "external_docs"}
    return build(app, Told(words, plugin._more(), below, plugin.versions.get(below), plugin.webhooks))


def _document_route(app: App, plugin: OpenAPI, below: str) -> Any:
    """The handler that gives the document; it is built for the first request, once."""
    from ._served import Served

    lock = threading.Lock()
    built: list[dict[str, Any]] = []
    kept: dict[str, Served] = {}

    def openapi(request: Request) -> Response:
        root = request.root_path
        with lock:
            served = kept.get(root)
            if served is None:
                if not built:
                    built.append(_built(app, plugin, below))
                served = Served(_encoded(built[0], root), "application/json")
                if len(kept) < _MOST_ROOTS:
                    kept[root] = served
        return served.answer(request)

    return openapi


def _encoded(made: dict[str, Any], root: str) -> bytes:
    """The document as bytes, for an app that lies below `root`."""
    if root and "servers" not in made:
        made = {**made, "servers": [{"url": root}]}
    return json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def answered(router: Router, path: str, prefix: str = "", seen: tuple[Router, ...] = ()) -> bool:
    """Whether a router answers GET at a path by a route or a mount of its own, for every host."""
    prefix += router.prefix
    if router.host is not None or router in seen:
        return False
    mounts = [(prefix + mount.at).rstrip("/") for mount in router.mounts]
    return (
        any((prefix + route.path or "/") == path and "GET" in route.methods for route in router.routes)
        or any(at and (path == at or path.startswith(f"{at}/")) for at in mounts)
        or any(answered(each.router, path, prefix + each.at, (*seen, router)) for each in router.inclusions)
    )
