"""Which names a page's context gives, told from the source of its handler without running it."""

from __future__ import annotations

import ast
import builtins
import collections
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typing_extensions
from pydantic import BaseModel


class Contexts:
    """The contexts in the source of one function.

    Arguments:
        function: the function.
        tree: its source.
    """

    def __init__(self, function: Callable[..., Any], tree: ast.AST) -> None:
        self._around = _around(function)
        self._bound = _bound_in(tree)
        self._used = collections.Counter(
            each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
        )

    def names(self, context: ast.expr) -> frozenset[str] | None:
        """The names that a context gives; None where only a run can tell.

        It is told of a dict that is written out, of a call of a dataclass, a model of Pydantic, a `TypedDict` or
        `dict`, and of a name that the function gives to one of these, once.
        """
        if isinstance(context, ast.Name):
            return self._of_name(context.id)
        if isinstance(context, ast.Dict):
            keys = [each.value for each in context.keys if isinstance(each, ast.Constant)]
            return frozenset(map(str, keys)) if len(keys) == len(context.keys) else None
        return self._of_call(context) if isinstance(context, ast.Call) else None

    def _of_name(self, name: str) -> frozenset[str] | None:
        given = self._bound.get(name, ())
        if len(given) != 1 or not isinstance(given[0], (ast.Dict, ast.Call)):
            return None
        # A dict that is used elsewhere, too, may get more names there.
        fixed = isinstance(given[0], ast.Call) and not self._gives_dict(given[0])
        return self.names(given[0]) if fixed or self._used[name] == 1 else None

    def _gives_dict(self, call: ast.Call) -> bool:
        kind = self._found(call.func)
        return kind is dict or typing_extensions.is_typeddict(kind)

    def _of_call(self, call: ast.Call) -> frozenset[str] | None:
        kind = self._found(call.func)
        if self._gives_dict(call):
            given = [each.arg for each in call.keywords if each.arg is not None]
            return frozenset(given) if len(given) == len(call.keywords) and not call.args else None
        if not inspect.isclass(kind):
            return None
        if issubclass(kind, BaseModel):
            return frozenset(kind.model_fields)
        return frozenset(each.name for each in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None

    def _found(self, written: ast.expr) -> Any:
        """What a name, or one in a module or a class, stands for; None where the function gives it anew."""
        if isinstance(written, ast.Name):
            return None if written.id in self._bound else self._around.get(written.id)
        if isinstance(written, ast.Subscript):  # A generic class with its types.
            return self._found(written.value)
        if not isinstance(written, ast.Attribute):
            return None
        owner = self._found(written.value)
        return vars(owner).get(written.attr) if inspect.ismodule(owner) or inspect.isclass(owner) else None


def _around(function: Callable[..., Any]) -> Mapping[str, Any]:
    """What the names in a function stand for that it does not give itself."""
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    found = {**vars(builtins), **function.__globals__}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # It is given later.
            found.pop(name, None)
    return found


def _bound_in(tree: ast.AST) -> Mapping[str, list[ast.AST]]:
    """The names that a function, or one in it, gives itself, with what gives them."""
    found: dict[str, list[ast.AST]] = {}
    plain: dict[int, ast.AST] = {}
    inner = [each for each in ast.walk(tree) if each is not next(iter(getattr(tree, "body", [])), None)]
    for each in inner:
        match each:
            case ast.Assign(targets=[ast.Name() as target], value=value):
                plain[id(target)] = value
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                plain[id(target)] = value
            case ast.Name(ctx=ast.Store() | ast.Del()):
                found.setdefault(each.id, []).append(plain.get(id(each), each))
            case ast.arg():
                found.setdefault(each.arg, []).append(each)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.setdefault(each.name, []).append(each)
            case ast.alias():
                found.setdefault((each.asname or each.name).partition(".")[0], []).append(each)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.setdefault(name, []).append(each)
    return found
