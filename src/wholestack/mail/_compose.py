"""Messages from templates: which files they are made of, links that lead back to the app, and what `check` looks at."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from typing import Any

from jinja2 import nodes

from wholestack import App
from wholestack.db import stage
from wholestack.errors import Fault
from wholestack.static import Static
from wholestack.templates import Engine, TemplateBroken, Templates

from ._address import Recipients
from ._errors import MessageRefused, NoBaseURL
from ._message import Message

FOLDER = "templates"
LINKS = frozenset({"url_for", "static", "base_url"})
"""Names in a template that need to know where the app is reached."""
_SUBJECT = "subject"


class Composer:
    """Makes messages from the templates of an app.

    Arguments:
        app: the app.
        base_url: where it is reached, ``"https://shop.example"``.
        beside: a file beside which a folder of templates may lie.
    """

    def __init__(self, app: App, base_url: str | None, beside: str) -> None:
        self._app = app
        self._base_url = base_url
        self._beside = beside
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The templates of the app, made when they are first asked for: by then the app is whole."""
        found = self._engine
        if found is None:
            pages = next((each for each in self._app.plugins if isinstance(each, Templates)), None)
            engine = pages.engine if pages is not None else Engine(())
            folders = dict.fromkeys((*engine.folders, *self._folders()))
            # Plain text has no markup, so nothing is escaped in it; everything else is.
            base = engine.environment.overlay(autoescape=_is_escaped)
            found = self._engine = Engine(list(folders), base, reload=stage() == "development")
        return found

    def _folders(self) -> Iterator[str]:
        """The folders beside the app's file, beside its handlers' and beside the one that uses the plugin."""
        files = [self._app.where.rpartition(":")[0], self._beside]
        for placed in self._app.sealing().placed:
            code = getattr(inspect.unwrap(placed.route.handler), "__code__", None)
            files += [code.co_filename] if code is not None else []
        for each in dict.fromkeys(files):
            folder = os.path.join(os.path.dirname(os.path.abspath(each)), FOLDER)
            if os.path.isdir(folder):
                yield folder

    def compose(self, name: str, to: Recipients, values: dict[str, Any]) -> Message:
        """The message of the templates ``name.txt`` and, where it is there, ``name.html``.

        Raises:
            TemplateFault: the first is not there.
            MessageRefused: it has no block `subject`; or the message is refused.
            NoBaseURL: it makes a link, and there is no base URL.
        """
        engine = self.engine
        template = engine.template(f"{name}.txt")
        if _SUBJECT not in engine.blocks(f"{name}.txt"):
            message = f"The template {name}.txt has no subject."
            raise MessageRefused(f"{message} Begin it with {{% block subject %}}Your order{{% endblock %}}.")
        given = {**values, **self._links()}
        subject = " ".join(engine.render(f"{name}.txt", given, block=_SUBJECT).split())
        context = template.new_context(given)
        context.blocks[_SUBJECT] = [_nothing]  # It stands in its field, and not in the text as well.
        try:
            text = engine.environment.concat(template.root_render_func(context))
        except Exception:
            # As `Template.render` does: the traceback shows the template's own lines.
            engine.environment.handle_exception()
        html = ""
        if engine.has(f"{name}.html"):
            html = engine.render(f"{name}.html", {_SUBJECT: subject, **given})
        return Message(to, subject, text.strip("\n") + "\n", html)

    # -- links ---------------------------------------------------------------------------------------------------

    def _links(self) -> dict[str, Any]:
        """What templates make links with. The host of a request has no say in where they lead (CWE-640)."""
        helpers: dict[str, Any] = {"url_for": self.url_for, "static": self._static}
        if self._base_url is not None:
            helpers["base_url"] = self._base_url
        return helpers

    def url_for(self, handler: str, **values: Any) -> str:
        """The address of a handler, with scheme and host.

        Raises:
            NoBaseURL: nobody has said where the app is reached.
        """
        return self._absolute(self._app.url_for(handler, **values))

    def _static(self, name: str) -> str:
        return self._absolute(self._app.plugin(Static).url(name))

    def _absolute(self, path: str) -> str:
        if not path.startswith("/") or path.startswith("//"):
            return path  # Of a network of caches, which has an origin of its own.
        if self._base_url is None:
            raise NoBaseURL("A mail needs links with a host, and there is none. Mailing(…, base_url=settings.base_url)")
        return self._base_url + path

    # -- what `check` looks at -----------------------------------------------------------------------------------

    def faults(self) -> Iterator[Fault]:
        """Templates of mails that do not compile, and links that lead nowhere for want of a base URL."""
        engine, alone = self.engine, not any(isinstance(each, Templates) for each in self._app.plugins)
        names = engine.names()
        for name in names:
            pair = f"{name.removesuffix('.html')}.txt" if name.endswith(".html") else name
            if not pair.endswith(".txt") or pair not in names:
                continue
            try:
                engine.template(name)
                is_mail = _SUBJECT in engine.blocks(pair)
            except TemplateBroken as error:
                where, _, message = str(error).partition(": ")
                if alone:  # Else it is told of with all others.
                    yield Fault("template-broken", message, where, "Mend the template there.")
                continue
            if is_mail and self._base_url is None:
                yield from self._loose(name)

    def _loose(self, name: str) -> Iterator[Fault]:
        """The first link in a template, and in each that it extends or includes."""
        waiting, seen = [name], set[str]()
        while waiting:
            each = waiting.pop()
            if each in seen or not self.engine.has(each):
                continue
            seen.add(each)
            tree = self.engine.tree(each)
            for asked in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
                target = getattr(asked, "template", None)
                waiting += [str(target.value)] if isinstance(target, nodes.Const) else []
            link = next((found for found in tree.find_all(nodes.Name) if found.name in LINKS), None)
            if link is not None:
                message = f"It uses {link.name}, and nobody has said where the app is reached."
                where = f"{self.engine.path(each)}:{link.lineno}"
                yield Fault("no-base-url", message, where, "Mailing(…, base_url=settings.base_url)")


def _is_escaped(name: str | None) -> bool:
    return name is None or not name.endswith(".txt")


def _nothing(context: object) -> Iterator[str]:
    return iter(())
