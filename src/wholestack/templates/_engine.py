"""What finds and renders templates: a Jinja2 environment, escaped always."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.utils import missing
from markupsafe import escape

from wholestack import Request
from wholestack.errors import Fault, WholestackError

from ._filters import urlize, wordwrap

Helper = Callable[[Request], Any]
Root = Callable[[Any], Iterator[str]]

PIECES = 20  # parts of a template that are sent as one chunk of a streamed page
_ASKED = "_wholestack"
# Where a request has what refuses a helper by its name, as a part of a page does that is cached for all.
_REFUSES = "wholestack.refuses"
_SET_UP = (nodes.Import, nodes.FromImport, nodes.Assign, nodes.AssignBlock, nodes.Macro)


class TemplateFault(WholestackError):
    """A template, or a block of one, is not there; the message says where it was looked for, and what is there."""

    code: str = "no-template"


class TemplateBroken(TemplateFault):
    """A template does not compile; the message begins with its file and line."""

    code: str = "template-broken"


@dataclasses.dataclass(slots=True)
class _Asked:
    """The helpers that one page has used; the same object in all that it includes and repeats."""

    request: Request
    made: dict[str, Any] = dataclasses.field(default_factory=dict)


class _Context(jinja2.runtime.Context):
    """Names of a template: what its page gave, then the helpers, each made when it is first used."""

    def resolve_or_missing(self, key: str) -> Any:
        found = super().resolve_or_missing(key)
        if found is missing:
            helpers: Mapping[str, Helper] = self.environment.helpers  # type: ignore[attr-defined]  # ours has
            asked = self.parent.get(_ASKED)
            if key in helpers and asked is not None:
                if (refuse := vars(asked.request).get(_REFUSES)) is not None:
                    refuse(key)
                if key not in asked.made:
                    asked.made[key] = helpers[key](asked.request)
                return asked.made[key]
        return found


def escaped(value: Any) -> str:
    """A value as a page shows it, escaped unless it says that it is HTML: as `markupsafe.escape`, but as plain text.

    A template's outputs are put together at once, so that to mark each of them as escaped tells nobody anything, and
    costs more than to escape it.

    Example:
        >>> escaped("<b>"), escaped(7)
        ('&lt;b&gt;', '7')
    """
    kind = type(value)
    if kind is str:
        text = value.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")
        return text.replace("'", "&#39;").replace('"', "&#34;")  # type: ignore[no-any-return]  # a text
    return str(value) if kind is int else escape(value)


class _Template(jinja2.Template):
    @classmethod
    def from_code(cls, *args: Any, **options: Any) -> jinja2.Template:
        """A template of compiled code, whose outputs are escaped by `escaped`: the code finds it by the name."""
        made = super().from_code(*args, **options)
        vars(made)["root_render_func"].__globals__["escape"] = escaped
        return made

    def new_context(
        self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Mapping[str, Any] | None = None
    ) -> jinja2.runtime.Context:
        """As Jinja2's, which asks the chain of globals for each of its names, twice a page."""
        if shared or locals:
            return super().new_context(vars, shared, locals)
        names: dict[str, Any] = {}
        for each in reversed(self.globals.maps):  # type: ignore[attr-defined]  # a `ChainMap`
            names.update(each)
        parent = names if vars is None else {**names, **vars}
        return self.environment.context_class(self.environment, parent, self.name, self.blocks, globals=names)


class _Environment(jinja2.Environment):
    context_class = _Context
    template_class = _Template
    helpers: Mapping[str, Helper]


def environment() -> jinja2.Environment:
    """Jinja2 as templates of pages have it: escaped always, and a name that is missing is an error.

    Example:
        >>> environment().from_string("Hello, {{ name }}!").render(name="<you>")
        'Hello, &lt;you&gt;!'
    """
    made = _Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, cache_size=-1
    )
    made.helpers = {}
    made.filters.update(urlize=urlize, wordwrap=wordwrap)
    return made


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What a template and all that it extends give to one of its blocks.

    `set_up` are the top levels without what they write: imports, macros and names that are set.
    """

    template: jinja2.Template
    blocks: Mapping[str, tuple[Root, ...]]
    set_up: tuple[Root, ...]


class Engine:
    """Templates of some folders, the first that has a name wins.

    Arguments:
        folders: where templates lie; one that is not there is passed over.
        base: the environment that this one is made after, with its filters, tests, globals and extensions.
        reload: look before each page whether a file has changed.
        last: folders that come with a package and not with the app, looked at after all others.

    Attributes:
        environment: Jinja2's own.
        helpers: name → a function of the request, called for a page whose template uses the name.
        checks: name of a helper that is called with a text → what is wrong with the text, and where; for `check`.

    Example:
        >>> Engine(["templates"]).has("nowhere.html")
        False
    """

    def __init__(
        self,
        folders: Sequence[str],
        base: jinja2.Environment | None = None,
        *,
        reload: bool = False,
        last: Sequence[str] = (),
    ) -> None:
        self.folders: tuple[str, ...] = (*folders, *last)
        self._own = len(folders)
        self.helpers: dict[str, Helper] = {}
        self.checks: dict[str, Callable[[str, str], Fault | None]] = {}
        loader = jinja2.FileSystemLoader(self.folders)
        self.environment: jinja2.Environment = (base or environment()).overlay(loader=loader, auto_reload=reload)
        # The context's class looks here: a helper is a name of the environment, and not of one page.
        vars(self.environment)["helpers"] = self.helpers
        self._parts: dict[str, _Parts] = {}
        self._there: dict[str, bool] = {}

    def template(self, name: str) -> jinja2.Template:
        """A template, compiled once.

        Raises:
            TemplateFault: none has this name.
            TemplateBroken: it does not compile.
        """
        try:
            return self.environment.get_template(name)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateBroken(f"{error.filename or error.name}:{error.lineno}: {error.message}") from None
        except UnicodeDecodeError:
            raise TemplateBroken(f"{self.path(name)}:1: It is no text in UTF-8.") from None
        except jinja2.TemplateNotFound as error:
            raise TemplateFault(self._missing(str(error.name or name))) from None

    def has(self, name: str) -> bool:
        """Whether one of the folders has this template; where nothing is reloaded, it is looked for once."""
        found = self._there.get(name)
        if found is None or self.environment.auto_reload:
            found = self._there[name] = self.path(name) is not None
        return found

    def path(self, name: str) -> str | None:
        """The file of a template."""
        paths = (os.path.join(folder, *name.split("/")) for folder in self.folders)
        return next((path for path in paths if os.path.isfile(path)), None)

    def names(self) -> list[str]:
        """All templates that are there; hidden files are none."""
        return self.environment.list_templates(filter_func=lambda name: not name.rpartition("/")[2].startswith("."))

    def tree(self, name: str) -> nodes.Template:
        """A template's syntax tree."""
        source, _, _ = self.environment.loader.get_source(self.environment, name)  # type: ignore[union-attr]
        return self.environment.parse(source)

    def render(
        self, name: str, values: Mapping[str, Any], *, block: str | None = None, request: Request | None = None
    ) -> str:
        """A template, or one block of it, as text.

        Arguments:
            name: the template's.
            values: what it may use, by name.
            block: a block of it, or of one that it extends.
            request: the one that helpers are asked for; without it there are none.

        Raises:
            TemplateFault: there is no such template or block.
        """
        given = _given(values, request)
        if block is None:
            return self.template(name).render(given)
        parts = self._parts_of(name)
        if block not in parts.blocks:
            there = ", ".join(sorted(parts.blocks)) or "none"
            raise TemplateFault(f"The template {name} has no block {block}. Its blocks: {there}.")
        context = parts.template.new_context(given)
        context.blocks = {each: list(found) for each, found in parts.blocks.items()}
        try:
            for set_up in parts.set_up:
                for _ in set_up(context):
                    pass
            return self.environment.concat(context.blocks[block][0](context))
        except Exception:
            # As `Template.render` does: the traceback shows the template's own lines.
            return self.environment.handle_exception()

    def stream(self, name: str, values: Mapping[str, Any], request: Request | None = None) -> Iterator[str]:
        """A template as chunks of text, as they are made; closing it closes what makes them.

        Raises:
            TemplateFault: there is no such template.
        """
        return _chunks(self.template(name).generate(_given(values, request)))

    def blocks(self, name: str) -> set[str]:
        """The blocks of a template, and of what it extends."""
        return set(self._parts_of(name).blocks)

    def _parts_of(self, name: str) -> _Parts:
        found = self._parts.get(name)
        if found is None or self.environment.auto_reload:
            blocks: dict[str, tuple[Root, ...]] = {}
            set_up: list[Root] = []
            for template, tree in self._chain(name):
                for block, root in template.blocks.items():
                    blocks[block] = (*blocks.get(block, ()), root)
                tree.body = [each for each in tree.body if isinstance(each, _SET_UP)]
                if tree.body:
                    code = self.environment.compile(tree, template.name, template.filename)
                    top = self.environment.template_class.from_code(self.environment, code, template.globals)
                    set_up.append(top.root_render_func)
            found = self._parts[name] = _Parts(self.template(name), blocks, tuple(set_up))
        return found

    def _chain(self, name: str) -> Iterator[tuple[jinja2.Template, nodes.Template]]:
        """A template and what it extends, as far as that is written plainly."""
        seen: set[str] = set()
        waiting: str | None = name
        while waiting is not None and waiting not in seen:
            seen.add(waiting)
            tree = self.tree(waiting) if self.has(waiting) else None
            template = self.template(waiting)
            if tree is None:
                return
            waiting = next(
                (
                    str(each.template.value)
                    for each in tree.find_all(nodes.Extends)
                    if isinstance(each.template, nodes.Const)
                ),
                None,
            )
            yield template, tree

    def _missing(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names(), 1)
        meant = f" Is {near[0]} meant?" if near else ""
        places = (
            ", ".join(self.folders[: self._own]) or "no folder: put it into `templates` beside the file of the handler"
        )
        return f"There is no template {name}.{meant} Looked for in {places}."


def _given(values: Mapping[str, Any], request: Request | None) -> dict[str, Any]:
    return dict(values) if request is None else {"request": request, **values, _ASKED: _Asked(request)}


def _chunks(pieces: Any) -> Iterator[str]:
    try:
        waiting: list[str] = []
        for piece in pieces:
            waiting.append(piece)
            if len(waiting) == PIECES:
                yield "".join(waiting)
                waiting = []
        yield "".join(waiting)
    finally:
        pieces.close()
