"""Versions by a header field: one path, and the client says which version of it is meant."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Generator, Mapping
from typing import Literal

from wholestack import App, BadRequest, Request, Response
from wholestack.description import RouteView
from wholestack.handlers import Parameter
from wholestack.http import check_header
from wholestack.servers import Find, Table

_ASKED = "wholestack.version"


class UnknownVersion(BadRequest):
    """The client asks for a version of the API that there is not, or for none where it must."""

    code: str = "unknown-version"


class VersionHeader:
    """Let clients choose a version by a header field in place of a prefix: ``API-Version: 1`` and ``/films`` for
    ``/v1/films``.

    A path that is there without a prefix is answered whatever the header field says; so are the paths with the prefix.
    Each answer of a version names it in the same field, and `Vary` tells caches of it. The document of a version
    (`OpenAPI(versions=…)`) shows its paths without the prefix, and the header field.

    Arguments:
        versions: the prefix of each version, by what the client says.
        default: the version of a client that says nothing; without one it is refused (400).
        name: of the header field.

    Raises:
        ValueError: a prefix, a version or a name that is none, or a default that is no version.

    Example:
        >>> app = App(docs=False)
        >>> app.use(VersionHeader({"1": "/v1", "2": "/v2"}, default="2"))
        >>> @app.get("/v2/films")
        ... def films() -> list[str]:
        ...     return ["The Sea"]
        >>> app.seal().find(Request("GET", "/films"), "/films")[0]["GET"].handler.function is films
        True
    """

    def __init__(self, versions: Mapping[str, str], *, default: str | None = None, name: str = "API-Version") -> None:
        for version, prefix in versions.items():
            if not prefix.startswith("/") or prefix.endswith("/") or "{" in prefix:
                raise ValueError(f'VersionHeader(…): {prefix!r} is no prefix of a path such as "/v1".')
            if not version or version != version.strip() or "," in version:
                raise ValueError(f"VersionHeader(…): {version!r} is no version that a header field can name.")
            check_header(name, version)
        if default is not None and default not in versions:
            raise ValueError(f"VersionHeader(default={default!r}) is none of the versions.")
        self.versions: dict[str, str] = dict(versions)
        self.default = default
        self.name = name

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        app.finders.append(self._finding)
        app.middlewares.insert(0, self._told)

    def _finding(self, find: Find, missing: object) -> Find:
        def find_version(request: Request, path: str) -> tuple[Table, dict[str, str]]:
            found = find(request, path)
            if found[0] is not missing:
                return found
            asked = ", ".join(request.headers.get_all(self.name)) or self.default
            prefix = self.versions.get(asked or "")
            if prefix is None:
                if any(find(request, each + path)[0] is not missing for each in self.versions.values()):
                    vars(request)[_ASKED] = None
                    raise self._unknown(asked)
                return found
            inner = find(request, prefix + path)
            if inner[0] is not missing:
                vars(request)[_ASKED], request.path = asked, prefix + path
            return inner

        return find_version

    def _unknown(self, asked: str | None) -> UnknownVersion:
        *others, last = (repr(each) for each in self.versions)
        there = f"{', '.join(others)} and {last}" if others else last
        said = "names no version" if asked is None else f"asks for a version {asked[:40]!r}"
        return UnknownVersion(f"The request {said} in {self.name}. There are {there}.", headers={"vary": self.name})

    def _told(self, request: Request) -> Generator[None, Response, Response]:
        """Middleware: the answer of a version names it."""
        response = yield
        version = vars(request).get(_ASKED)
        if version is None:
            return response
        response.headers.set(self.name, version)
        response.headers.vary(self.name)
        return response

    def shown(self, view: RouteView, below: str, paths: frozenset[str]) -> RouteView:
        """A route of one version's document: without its prefix, and with the header field.

        Arguments:
            below: the prefix of the document.
            paths: all paths of the app; one that is there without a prefix is not reached by the header field.
        """
        version = next((version for version, prefix in self.versions.items() if prefix == below), None)
        path = view.path.removeprefix(below) or "/"
        if version is None or path in paths:
            return view
        field = Parameter(
            "version",
            "header",
            Literal[version],
            self.name,
            version != self.default,
            inspect.Parameter.empty if version != self.default else version,
            False,
            False,
            view.function,
        )
        errors = (*view.errors, UnknownVersion)
        return dataclasses.replace(view, path=path, parameters=(*view.parameters, field), errors=errors)
