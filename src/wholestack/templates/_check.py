"""What is wrong with an app's templates, found before anybody asks for a page."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterator
from typing import Any

from jinja2 import meta, nodes

from wholestack import App
from wholestack.errors import Fault
from wholestack.routing import where_of

from ._contexts import Contexts
from ._engine import Engine, TemplateBroken, TemplateFault
from ._wanted import pages_of

ERROR_PAGES = ("error.html", "wholestack/error.html")
"""Shown to browsers for an error that has no page of its own, as `404.html` is; the first that is there."""

_OF_A_STATUS = re.compile(r"[45]\d\d\.html")
OPTIONS = {"block", "fragment", "stream", "status", "headers"}


@dataclasses.dataclass(frozen=True)
class Written:
    """A `Page(…)` as a handler's source has it: what can be told of it without running."""

    template: str
    blocks: tuple[str, ...]
    part: bool  # of a `block=`, without the rest
    names: frozenset[str] | None  # None where only a run can tell what the context has
    where: str


def faults(app: App, engine: Engine, *, shows_errors: bool = False) -> list[Fault]:
    """Templates that do not compile or link to no route; pages without their template, block or a name it uses.

    Arguments:
        shows_errors: whether the pages for errors are shown by the plugin, which gives them `error` and nothing else.
    """
    routes = {route.name for route in app.describe().routes}
    brought = tuple(each for plugin in app.plugins for each in getattr(plugin, "template_folders", ()))
    found = [fault for name in engine.names() for fault in _of_template(engine, name, routes, brought)]
    whole = not any(fault.code in {"template-broken", "no-template"} for fault in found)
    for function in pages_of(app):
        for page in written(function):
            found += _of_page(engine, page, deep=whole)
    if shows_errors and whole:
        rest = next(each for each in ERROR_PAGES if engine.has(each))
        for name in (*filter(_OF_A_STATUS.fullmatch, engine.names()), rest):
            found += _of_error_page(engine, name)
    return found


def _of_template(engine: Engine, name: str, routes: Collection[str], brought: tuple[str, ...]) -> Iterator[Fault]:
    try:
        engine.template(name)
    except TemplateBroken as error:
        where, _, message = str(error).partition(": ")
        yield Fault("template-broken", message, where, "Mend the template there.")
        return
    tree, path = engine.tree(name), engine.path(name) or name
    for asked in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        target = asked.template  # type: ignore[attr-defined]  # each of the four has one
        missing_is_fine = getattr(asked, "ignore_missing", False)
        if isinstance(target, nodes.Const) and not missing_is_fine and not engine.has(str(target.value)):
            message = f"It asks for the template {target.value}, which is not there."
            yield Fault("no-template", message, f"{path}:{asked.lineno}", "Put it there, or mend the name.")
    is_ours = not path.startswith(brought)  # A plugin's may be for a part of it that this app does not use.
    for call in tree.find_all(nodes.Call):
        if not isinstance(call.node, nodes.Name) or not call.args or not isinstance(call.args[0], nodes.Const):
            continue
        target, where = call.args[0].value, f"{path}:{call.lineno}"
        if call.node.name == "url_for" and target not in routes and is_ours:
            cure = "Take the name of a handler: wholestack routes"
            yield Fault("template-link", f"url_for names {target!r}, which is no handler of this app.", where, cure)
        elif (check := engine.checks.get(call.node.name)) is not None:
            fault = check(target, where)
            if fault is not None:
                yield fault


def _of_page(engine: Engine, page: Written, *, deep: bool) -> Iterator[Fault]:
    try:
        engine.template(page.template)
    except TemplateBroken:
        return  # Told of the template itself.
    except TemplateFault as error:
        cure = "Put it into a folder `templates` beside the file of the handler."
        yield Fault("no-template", str(error), page.where, cure)
        return
    if not deep:
        return
    blocks = engine.blocks(page.template)
    for block in page.blocks:
        if block not in blocks:
            there = ", ".join(sorted(blocks)) or "none"
            message = f"{page.template} has no block {block!r}; there are: {there}."
            yield Fault("no-template", message, page.where, "Name one of them.")
    if page.part:
        return  # What the rest of the template uses is not asked for.
    lacking = _lacking(engine, page.template, page.names) if page.names is not None else []
    if lacking:
        message = f"{page.template} uses {', '.join(lacking)}, which this page does not give."
        cure = f"Page({page.template!r}, {lacking[0]}=…)"
        yield Fault("template-names", message, page.where, cure)


def _of_error_page(engine: Engine, name: str) -> Iterator[Fault]:
    lacking = _lacking(engine, name, {"error"})
    if lacking:
        message = f"{name}, which is shown for errors, uses {', '.join(lacking)}, which no error gives."
        cure = f"Where it is used: {{% if {lacking[0]} is defined %}}"
        yield Fault("template-names", message, f"{engine.path(name)}:1", cure)


def _lacking(engine: Engine, name: str, given: Collection[str]) -> list[str]:
    return sorted(names_of(engine, name) - {"request", *engine.helpers, *engine.environment.globals, *given})


def names_of(engine: Engine, name: str) -> set[str]:
    """The names that a template and all that it extends and includes use, and that none of them sets itself."""
    used, bound = set[str](), set[str]()
    waiting, seen = [name], set[str]()
    while waiting:
        each = waiting.pop()
        if each in seen or not engine.has(each):
            continue
        seen.add(each)
        tree = engine.tree(each)
        used |= meta.find_undeclared_variables(tree) - _asked_after(tree)
        bound |= _bound(tree)
        # What is imported has no names of the page.
        targets = [found.template for found in tree.find_all((nodes.Extends, nodes.Include))]  # type: ignore[attr-defined]
        waiting += [str(target.value) for target in targets if isinstance(target, nodes.Const)]
    return used - bound


def may_ask(engine: Engine, name: str) -> frozenset[str]:
    """The names that a template may ask for, in all that it extends, includes and imports, as far as that is written
    plainly.
    """
    asked, waiting, seen = set[str](), [name], set[str]()
    while waiting:
        each = waiting.pop()
        if each not in seen and engine.has(each):
            seen.add(each)
            tree = engine.tree(each)
            asked |= meta.find_undeclared_variables(tree)
            waiting += [target for target in meta.find_referenced_templates(tree) if target is not None]
    return frozenset(asked)


def _bound(tree: nodes.Template) -> set[str]:
    """Names that a template gives itself, anywhere: what it includes, or extends, may see them."""
    bound = {each.name for each in tree.find_all(nodes.Name) if each.ctx != "load"}
    bound |= {each.name for each in tree.find_all(nodes.Macro)} | {each.target for each in tree.find_all(nodes.Import)}
    for each in tree.find_all(nodes.FromImport):
        bound |= {name if isinstance(name, str) else name[1] for name in each.names}
    return bound


def _asked_after(tree: nodes.Template) -> set[str]:
    """Names that may be missing: asked with `is defined`, or with `default`."""
    asked = {
        test.node.name
        for test in tree.find_all(nodes.Test)
        if test.name in {"defined", "undefined"} and isinstance(test.node, nodes.Name)
    }
    return asked | {
        each.node.name
        for each in tree.find_all(nodes.Filter)
        if each.name in {"default", "d"} and isinstance(each.node, nodes.Name)
    }


def written(function: Callable[..., Any]) -> Iterator[Written]:
    """The pages in a function's source, as far as they are written plainly."""
    function = inspect.unwrap(function)
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return  # Made on the fly; a request will tell.
    file, contexts = where_of(function).rpartition(":")[0], Contexts(function, tree)
    for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
        named = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", None)
        if named != "Page" or not call.args or not isinstance(call.args[0], ast.Constant):
            continue
        if not isinstance(call.args[0].value, str):
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        context = contexts.names(call.args[1]) if len(call.args) == 2 else frozenset[str]()
        told = context is not None and len(call.args) <= 2 and None not in given
        named = frozenset(str(name) for name in given if name not in OPTIONS)
        blocks = [given[name] for name in ("block", "fragment") if name in given]
        yield Written(
            call.args[0].value,
            tuple(str(each.value) for each in blocks if isinstance(each, ast.Constant) and each.value is not None),
            "block" in given,
            named | (context or frozenset()) if told else None,
            f"{file}:{first + call.lineno - 1}",
        )
