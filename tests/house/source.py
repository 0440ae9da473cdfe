"""The project's own source, read as text: its modules, their imports, the size of their code."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

TOP = Path(__file__).parents[2]
SRC = TOP / "src"
PACKAGE = "wholestack"

SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One imported module, and the names taken from it (none for `import module`)."""

    target: str
    names: tuple[str, ...]
    line: int
    kind: Literal["top", "lazy", "typing"]

    @property
    def folder(self) -> str:
        """`http` of `wholestack.http._headers`; empty for the front door itself."""
        return folder_of(self.target)


@dataclass(frozen=True)
class Module:
    """One Python file, with the dotted name it is imported by (empty for a file outside the package)."""

    path: Path
    name: str = ""

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def folder(self) -> str:
        return folder_of(self.name)

    @property
    def where(self) -> str:
        return self.path.relative_to(TOP).as_posix() if self.path.is_relative_to(TOP) else self.path.name

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of a module of the package: at the top, inside functions, for type checkers, by string."""
        return [each for each in self._imports(self.tree, "top") if each.target.split(".")[0] == PACKAGE]

    def _imports(self, node: ast.AST, kind: Literal["top", "lazy", "typing"]) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, (), child.lineno, kind)
            elif isinstance(child, ast.ImportFrom):
                yield from self._from(child, kind)
            elif isinstance(child, ast.Call):
                yield from named_by_string(child)
                yield from self._imports(child, kind)
            elif isinstance(child, ast.If) and kind != "typing" and "TYPE_CHECKING" in ast.unparse(child.test):
                for statement in child.body:
                    yield from self._imports(ast.Module([statement], []), "typing")
                for statement in child.orelse:
                    yield from self._imports(ast.Module([statement], []), kind)
            else:
                inside = isinstance(child, Function | ast.Lambda) and kind == "top"
                yield from self._imports(child, "lazy" if inside else kind)

    def _from(self, node: ast.ImportFrom, kind: Literal["top", "lazy", "typing"]) -> Iterator[Import]:
        base = node.module or ""
        if node.level:
            package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        rest = []
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            if (SRC / whole.replace(".", "/")).is_dir() or (SRC / (whole.replace(".", "/") + ".py")).is_file():
                yield Import(whole, (), node.lineno, kind)
            else:
                rest.append(alias.name)
        if rest:
            yield Import(base, tuple(rest), node.lineno, kind)

    @cached_property
    def functions(self) -> list[tuple[str, Function]]:
        """Each function with its qualified name, nested ones and methods included."""
        return list(functions(self.tree, ""))

    @cached_property
    def code_lines(self) -> int:
        """Lines that hold code: blank ones, comments and docstrings are not counted."""
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in SILENT:
                lines.update(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(self.tree):
            if isinstance(node, Function | ast.ClassDef | ast.Module) and (text := docstring(node)):
                lines.difference_update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
        return len(lines)


def folder_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def named_by_string(call: ast.Call) -> Iterator[Import]:
    """`import_module("wholestack.x")` is an import as well."""
    if called(call) in {"import_module", "__import__"} and call.args and isinstance(call.args[0], ast.Constant):
        yield Import(str(call.args[0].value), (), call.lineno, "lazy")


def called(call: ast.Call) -> str:
    """The last name of what is called: `dumps` of `json.dumps(…)`; empty where it has none."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def docstring(node: Function | ast.ClassDef | ast.Module) -> ast.stmt | None:
    """The statement that is the docstring, where there is one."""
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first
    return None


def functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, Function):
                yield name, child
            yield from functions(child, f"{name}.")
        else:
            yield from functions(child, prefix)


def body_lines(function: Function) -> int:
    """Lines of a function's body, from the first statement after the docstring to the last."""
    body = function.body[1:] if docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function, *, method: bool) -> int:
    """Parameters a caller can see: all but `self` and `cls`."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, [given.vararg, given.kwarg])]
    return len(every) - (1 if method and every and every[0].arg in {"self", "cls", "mcs"} else 0)


@cache
def modules(root: Path = SRC) -> list[Module]:
    """All modules of the package; read once."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found.append(Module(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)))
    return found


def folders() -> list[str]:
    """The folders of the package that hold a Python file."""
    return sorted({path.name for path in (SRC / PACKAGE).iterdir() if path.is_dir() and any(path.rglob("*.py"))})


def files(*roots: str) -> list[Module]:
    """Python files outside the package, below the folders named (a folder that is not there has none)."""
    return [Module(path) for root in roots for path in sorted((TOP / root).rglob("*.py"))]


def public_modules() -> list[str]:
    """Modules without an underscore in their name: what a user may import from."""
    return [each.name for each in modules() if not any(part.startswith("_") for part in each.name.split("."))]
