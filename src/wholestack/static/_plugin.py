"""The plugin: static files at their addresses, and `static(…)` for templates."""

from __future__ import annotations

import difflib
import functools
import html
import inspect
import json
import mimetypes
import os
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from wholestack import App, File, NotFound, Request, Response
from wholestack.errors import Fault, WholestackError
from wholestack.http import best_coding, etag_of

from ._held import ASK_AGAIN, HeldFile, hold
from ._prepared import Preparing
from ._set import DIGITS, StaticFile, StaticSet, walk

FOR_A_YEAR = "public, max-age=31536000, immutable"
CODINGS = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}
"""The best first; the endings that `wholestack static build` writes."""
_UNIQUE = re.compile(rf"\.[0-9a-f]{{{DIGITS}}}(\.[^./]*)?$")


class StaticFault(WholestackError):
    """A static file is asked for that is not in the folder; the message says what is there under a like name."""

    code: str = "no-static-file"


class Static:
    """A folder of static files, each under a name that changes with its content, which browsers keep for a year.

    ``static("app.css")`` in a template, or `url` in Python, gives the address. Style sheets and scripts that refer to
    other files of the folder do so by their names of the moment, too. The plain names are served as well, and asked for
    anew each time. Hidden files are not served, and no path leads out of the folder.

    Arguments:
        folder: where the files lie; a name that is not absolute is beside the file that writes it. An app has one.
        at: the path they are served below.
        prefix: goes before the addresses that are given out: the origin of a network of caches, ``"https://cdn.example"``.
        built: a folder that `wholestack static build` has written: its packed files are sent where a client takes them.
        modules: names that scripts import without a path, and where they lie: ``{"lit": "vendor/lit.js"}``, or with a
            slash at the end a whole folder, ``{"app/": "js/"}``; ``{{ import_map(nonce) }}`` tells browsers.

    Example:
        >>> app = App()
        >>> app.use(Static("static"))
    """

    def __init__(
        self,
        folder: str = "static",
        *,
        at: str = "/static",
        prefix: str = "",
        built: str | None = None,
        modules: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        caller = inspect.currentframe()
        frame = caller.f_back if caller else None
        self._where: str = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"
        beside = os.path.dirname(os.path.abspath(self._where.rpartition(":")[0])) if frame else ""
        self.folder: str = os.path.join(beside, folder)
        self.at: str = at.rstrip("/")
        self.prefix: str = prefix.rstrip("/")
        self.built: str | None = None if built is None else os.path.join(beside, built)
        self.modules: dict[str, str] = dict(modules)
        self._files: StaticSet | None = None
        self._held: dict[str, HeldFile] = {}

    @property
    def files(self) -> StaticSet:
        """What is in the folder; looked at again in development where something has changed."""
        found = self._files
        if found is None or (_in_development() and found.signature != tuple(walk(self.folder))):
            found = self._files = StaticSet.of(self.folder)
        return found

    def url(self, name: str, request: Request | None = None) -> str:
        """The address of a file.

        Arguments:
            name: below the folder, ``"css/app.css"``.
            request: where there is one: an app that is mounted is addressed below its mount.

        Raises:
            StaticFault: there is no such file.
        """
        found = self.files.by_name.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.files.by_name, 1)
            meant = f" Is {near[0]} meant?" if near else ""
            raise StaticFault(f"There is no static file {name} in {self.folder}.{meant}")
        root = "" if self.prefix or request is None else request.root_path
        return f"{self.prefix}{quote(root)}{self.at}/{quote(found.unique)}"

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get by this plugin: `static` and `import_map`."""
        return {
            "static": lambda request: lambda name: self.url(name, request),
            "import_map": lambda request: functools.partial(self._import_map, request),
        }

    def import_map(self, request: Request | None = None) -> dict[str, str]:
        """The names of `modules` and their addresses (HTML Standard §8.1.6, "import maps").

        Raises:
            StaticFault: there is no such file.
        """
        found = {}
        for name, target in self.modules.items():
            if not name.endswith("/"):
                found[name] = self.url(target, request)
                continue
            for file in self.files.by_name:
                if file.startswith(target):
                    found[name + file.removeprefix(target)] = self.url(file, request)
        return found

    def _import_map(self, request: Request, nonce: str = "") -> Markup:
        # In a script only "<" could end it, or begin a comment (HTML Standard §13.2.5.4).
        text = json.dumps({"imports": self.import_map(request)}).replace("<", "\\u003c")
        marked = f' nonce="{html.escape(nonce)}"' if nonce else ""
        return Markup(f'<script type="importmap"{marked}>{text}</script>')  # noqa: S704  (escaped above)

    @property
    def template_checks(self) -> Mapping[str, Callable[[str, str], Fault | None]]:
        """What `wholestack check` asks of the names that templates give to `static`."""
        return {"static": self._unknown}

    def _unknown(self, name: str, where: str) -> Fault | None:
        try:
            self.url(name)
        except StaticFault as fault:
            return Fault("no-static-file", str(fault), where, "Put the file there, or mend the name.")
        return None

    def setup(self, app: App) -> None:
        """Look at the folder, and serve it."""
        self._files, self._held = None, {}
        development = _in_development()
        if not development:
            # Read while the app starts, and not at the first request.
            names = self.files.by_name
            kinds = {name: _content_type(name) for name in names}
            self._held = hold(names, kinds, self.built, CODINGS, FOR_A_YEAR)
        app.check(self._faults)

        def static_file(name: str, request: Request) -> Response:
            files = self._files if self._files is not None and not development else self.files
            found = files.by_unique.get(name) or files.by_name.get(name)
            held = self._held.get(found.unique) if found is not None and "range" not in request.headers else None
            if held is not None and (held.file.unique == name or held.file.is_unchanged()):
                answer = held.answer(request.headers)
                if held.file.unique != name:
                    answer = answer.copy()
                    answer.headers.set("cache-control", ASK_AGAIN)
                return answer
            kept = found is not None and found.unique == name and found.is_unchanged()
            # A name of an earlier build is there, too: pages that browsers still show ask for it.
            response = self._packed(name if found is None else found.unique, request)
            kept = kept or (found is None and response is not None)
            if response is None:
                response = self._plain(found)
            response.headers.set("cache-control", FOR_A_YEAR if kept else ASK_AGAIN)
            response.headers.set("content-disposition", "inline")
            return response

        # To look where a file is takes less time than to cross to a thread; what is opened, the server's driver opens.
        vars(static_file)["inline"] = True
        app.get(self.at + "/{name:path}", hidden=True, name="static_file")(static_file)
        app.parameter(Preparing(app, static_file, self._paths()))

    def _paths(self) -> dict[str, tuple[HeldFile, bool]]:
        """The paths of files in memory: under their own names, and under their unique ones."""
        own = {f"{self.at}/{each.file.name}": (each, False) for each in self._held.values()}
        return own | {f"{self.at}/{unique}": (each, True) for unique, each in self._held.items()}

    def _packed(self, unique: str, request: Request) -> Response | None:
        """A file as `wholestack static build` has written it, in the best coding that the client takes."""
        if self.built is None or not _UNIQUE.search(unique):
            return None
        path = os.path.join(self.built, *unique.split("/"))
        if not os.path.isfile(path):
            return None  # Built before this content was there: the folder is the truth.
        there = [coding for coding, ending in CODINGS.items() if os.path.isfile(path + ending)]
        taken = best_coding(request.headers.get("accept-encoding", ""), there)
        packed = unique + CODINGS.get(taken or "", "")
        response = File(packed, media_type=media_type(unique), below=self.built, inline=True)
        if there:
            response.headers.vary("accept-encoding")
        if taken:
            response.headers.set("content-encoding", taken)
        return response

    def _plain(self, found: StaticFile | None) -> Response:
        if found is None:
            raise NotFound
        if found.content is None:
            return File(found.name, media_type=media_type(found.name), below=self.folder, inline=True)
        return Response(found.content, media_type=_content_type(found.name), headers={"etag": etag_of(found.content)})

    def _faults(self) -> Iterator[Fault]:
        for name, target in self.modules.items():
            if not any(
                file == target or (name.endswith("/") and file.startswith(target)) for file in self.files.by_name
            ):
                message = f"Static(modules=…): {name!r} is {target}, which is not in {self.folder}."
                yield Fault("no-static-file", message, self._where, "Put the file there, or mend the name.")
        for name, target, line in self.files.lost:
            place = os.path.join(self.folder, *name.split("/"))
            message = f"It refers to {target}, which is not in {self.folder}."
            yield Fault("static-reference", message, f"{place}:{line}", "Put the file there, or mend the reference.")


def media_type(name: str) -> str:
    """The Content-Type of a file, by its name.

    Example:
        >>> media_type("app.mjs"), media_type("a.woff2")
        ('text/javascript', 'font/woff2')
    """
    ending = os.path.splitext(name)[1].lower()
    return _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _content_type(name: str) -> str:
    kind = media_type(name)
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind == "image/svg+xml" else kind


# What a system's own table may lack or have otherwise; a script of another type is not run (WHATWG MIME Sniffing).
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


def _in_development() -> bool:
    return os.environ.get("WHOLESTACK_STAGE") == "development"
