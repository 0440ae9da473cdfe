"""A statement of SQL as words: enough of the lexical rules of PostgreSQL, MariaDB and SQLite to tell what it does."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
  | (?P<string>[EeBbXxNn]?'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
  | (?P<name>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)
  | (?P<number>\d[\w.]*)
  | (?P<sign>::|<=|>=|<>|!=|\|\||:=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Word(str):
    """One word; compared without case, but for what is quoted.

    Attributes:
        kind: ``name``, ``quoted``, ``string``, ``dollar``, ``number`` or ``sign``.
    """

    __slots__ = ("kind",)
    kind: str

    @property
    def key(self) -> str:
        """As keywords are compared."""
        return self.upper() if self.kind == "name" else str(self)

    @property
    def identifier(self) -> str:
        """As a name of a table or a column; without quotes it is folded to lower case, as PostgreSQL does."""
        if self.kind == "quoted":
            return self[1:-1].replace('""', '"').replace("``", "`")
        return self.lower()


def words(sql: str) -> list[Word]:
    """The words of a text of SQL, without comments.

    Example:
        >>> words("DROP TABLE note -- gone")
        ['DROP', 'TABLE', 'note']
    """
    found = []
    for match in _WORD.finditer(sql):
        kind = match.lastgroup if match.lastgroup != "tag" else "dollar"
        if kind != "space":
            word = Word(match[0])
            word.kind = kind or "sign"
            found.append(word)
    return found


def statements(sql: str) -> Iterator[list[Word]]:
    """The statements of a text, each as its words."""
    yield from (part for part in split(words(sql), ";") if part)


def split(found: list[Word], sign: str) -> Iterator[list[Word]]:
    """Divide words at a sign that stands outside of brackets."""
    depth, part = 0, list[Word]()
    for word in found:
        depth += (word == "(") - (word == ")")
        if word == sign and depth == 0:
            yield part
            part = []
        else:
            part.append(word)
    yield part


class Reader:
    """Goes through the words of one statement.

    Arguments:
        found: the words.
    """

    def __init__(self, found: list[Word]) -> None:
        self.found = found
        self.at = 0

    def take(self, *keys: str) -> bool:
        """Whether these keywords come next; then they are passed."""
        ahead = self.found[self.at : self.at + len(keys)]
        if [word.key for word in ahead] != list(keys):
            return False
        self.at += len(keys)
        return True

    def any(self, *keys: str) -> str:
        """The one of these keywords that comes next, passed; empty where none does."""
        return next((key for key in keys if self.take(key)), "")

    def word(self) -> str:
        """The next word as an identifier, passed; empty at the end."""
        if self.at >= len(self.found):
            return ""
        self.at += 1
        return self.found[self.at - 1].identifier

    def name(self) -> tuple[str, str | None]:
        """A name, with its schema where it has one."""
        first = self.word()
        return (self.word(), first) if self.take(".") else (first, None)

    def names(self) -> list[str]:
        """The columns in brackets; what is no plain name stands as its words."""
        if not self.take("("):
            return []
        start, depth = self.at, 1
        while self.at < len(self.found) and depth:
            depth += (self.found[self.at] == "(") - (self.found[self.at] == ")")
            self.at += 1
        inside = self.found[start : self.at - 1]
        return [part[0].identifier if len(part) == 1 else text(part) for part in split(inside, ",") if part]

    @property
    def rest(self) -> list[Word]:
        """The words that are left."""
        return self.found[self.at :]

    def has(self, *keys: str) -> bool:
        """Whether these keywords stand somewhere in what is left, one after the other."""
        left = [word.key for word in self.rest]
        return any(left[index : index + len(keys)] == list(keys) for index in range(len(left)))


def text(found: list[Word]) -> str:
    """Words as one line."""
    return re.sub(r"\( | (?=[),;])| ?(\.|::) ?", lambda match: match[1] or match[0].strip(), " ".join(found))
