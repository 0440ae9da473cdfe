"""What a style sheet or a script refers to beside itself: found, and replaced by the name that it has got."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

# A URL with or without quotes (CSS Syntax 3 §4.3.6), and what @import takes as a string (CSS Cascade 5 §2).
_URL = re.compile(r"""(url\(\s*)([^"'()\s]+)(?=\s*\))""", re.IGNORECASE)
_QUOTED = re.compile(r"""(url\(\s*["'])([^"'()\n]+)(?=["']\s*\))""", re.IGNORECASE)
_IMPORT = re.compile(r"""(@import\s*["'])([^"'\n]+)(?=["'])""", re.IGNORECASE)
# Static imports and exports, and import() of a plain text (ECMA-262 §16.2, §13.3.10), where they are relative.
_MODULE = re.compile(r"""((?:\bfrom|\bimport)\s*\(?\s*["'`])(\.{1,2}/[^"'`\s$]+)(?=["'`])""")
# The address of what is not imported: new URL("./a.wasm", import.meta.url).
_BESIDE = re.compile(r"""(\bnew\s+URL\(\s*["'`])(\.{0,2}/?[^"'`\s$:]+)(?=["'`]\s*,\s*import\.meta\.url)""")
_MAP = re.compile(r"""([#@]\s*sourceMappingURL=)([^\s*"']+)""")

_SHEET = (_URL, _QUOTED, _IMPORT)
_SCRIPT = (_MODULE, _BESIDE)
_OF = {".css": _SHEET, ".js": _SCRIPT, ".mjs": _SCRIPT}

# A comment; that of one line only where no address can be meant (`https://…`).
_COMMENTS = {
    _SHEET: re.compile(r"/\*.*?\*/", re.DOTALL),
    _SCRIPT: re.compile(r"""/\*.*?\*/|(?<![:\w"'`\\])//[^\n]*""", re.DOTALL),
}


def has_references(name: str) -> bool:
    """Whether files of this kind are looked into.

    Example:
        >>> has_references("css/app.css"), has_references("a.png")
        (True, False)
    """
    return posixpath.splitext(name)[1].lower() in _OF


def references(name: str, text: str) -> Iterator[tuple[str, int]]:
    """The names that a file refers to, below the same folder, and the lines where it does; comments are passed over.

    Example:
        >>> list(references("css/app.css", "a { background: url(../img/a.png#x) } /* url(old.png) */"))
        [('img/a.png', 1)]
    """
    expressions = _of(name)
    text = _COMMENTS[expressions].sub(lambda comment: "\n" * comment[0].count("\n"), text)
    for expression in expressions:
        for found in expression.finditer(text):
            target = _target(name, found[2])
            if target is not None:
                yield target, text.count("\n", 0, found.start()) + 1


def _of(name: str) -> tuple[re.Pattern[str], ...]:
    return _OF[posixpath.splitext(name)[1].lower()]


def followed(name: str, text: str) -> set[str]:
    """The names of all that `replaced` asks for: the file's own name must change with theirs, in comments as well.

    A comment cannot be told from a text that looks like one without reading the language whole, and what is written
    into a file is part of its content wherever it stands.

    Example:
        >>> sorted(followed("a.js", 'fetch("*/*"); import "./b.js"; /* */ //# sourceMappingURL=a.js.map'))
        ['a.js.map', 'b.js']
    """
    found = set[str]()
    replaced(name, text, found.add)
    return found


def replaced(name: str, text: str, named: Callable[[str], str | None]) -> str:
    """The text with each reference to a file that has another name now; others stay.

    Example:
        >>> replaced("css/app.css", "url(a.png?v=1)", lambda name: f"{name}-1")
        'url(a.png-1?v=1)'
    """
    folder = posixpath.dirname(name)

    def put(found: re.Match[str]) -> str:
        target = _target(name, found[2])
        fresh = None if target is None else named(target)
        if fresh is None:
            return found[0]
        near = posixpath.relpath(fresh, folder or ".")
        if found[2].startswith("./") and not near.startswith("."):
            near = f"./{near}"
        return found[1] + quote(near) + found[2][len(_bare(found[2])) :]

    for expression in (*_of(name), _MAP):
        text = expression.sub(put, text)
    return text


def _bare(url: str) -> str:
    return re.split(r"[?#]", url, maxsplit=1)[0]


def _target(name: str, url: str) -> str | None:
    """The name below the folder; None for an address elsewhere."""
    bare = _bare(url)
    if not bare or bare.startswith("/") or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", bare):
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(bare)))
    return None if target.startswith("..") else target
