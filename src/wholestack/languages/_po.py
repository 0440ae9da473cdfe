"""Catalogues as translators write them (.po), read strictly, and as the standard library reads them (.mo)."""

from __future__ import annotations

import ast
import dataclasses
import gettext
import io
import re
import struct
from collections.abc import Callable, Iterator, Mapping

from wholestack import SetupError
from wholestack.errors import Fault

_WORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[([0-9]{1,2})\])?[ \t]+(?=")')
_QUOTED = re.compile(r'"(?:[^"\\\r\0]|\\(?:[abfnrtv\\"\']|[0-7]{1,3}|x[0-9A-Fa-f]{2}))*+"')
_NAMED = re.compile(r"%\((\w+)\)|(?<!\{)\{(\w+)\}(?!\})")
_PLURALS = re.compile(r"^Plural-Forms:[ \t]*nplurals[ \t]*=[ \t]*([0-9]{1,2})[ \t]*;", re.MULTILINE | re.IGNORECASE)
_CHARSET = re.compile(r"^Content-Type:[^\n]*charset=([^\s;]+)", re.MULTILINE | re.IGNORECASE)
_CONTEXT, _FORM = "\x04", "\x00"
_MAGIC = 0x950412DE
_TRIED = 1000  # numbers whose plural form is looked at when a header is read
_CURE = "Mend the catalogue there."


@dataclasses.dataclass(slots=True)
class Message:
    """One entry of a catalogue.

    Attributes:
        line: where it begins.
        id: the text as the source has it.
        plural: that for many, where there is one.
        context: tells two meanings of one text apart.
        texts: the translation, or one for each plural form, in their order.
        fuzzy: a guess of a tool that nobody has looked at; it is not used.
    """

    line: int
    id: str = ""
    plural: str | None = None
    context: str | None = None
    texts: dict[int, str] = dataclasses.field(default_factory=dict)
    fuzzy: bool = False

    @property
    def is_translated(self) -> bool:
        """Whether each form has a text that counts."""
        return bool(self.texts) and all(self.texts.values()) and not self.fuzzy

    @property
    def key(self) -> str:
        """What a .mo file has it under, without the plural."""
        return self.id if self.context is None else self.context + _CONTEXT + self.id


def broken(message: str, where: str) -> SetupError:
    """The error for a catalogue that cannot be read; `where` is its file and line."""
    return SetupError([Fault("broken-catalogue", message, where, _CURE)])


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path
        self._keys: dict[str, int] = {}
        self._forms = 0
        self._current: Message | None = None
        self._part: tuple[str, int] | None = None
        self._fuzzy = False
        self._texts: dict[tuple[str, int], str] = {}

    def read(self, text: str) -> Iterator[Message]:
        # No `splitlines`, which would also part a text at what is no end of a line in this format.
        for number, line in enumerate(text.split("\n"), 1):
            line = line.strip()
            if line.startswith("#~"):
                continue  # What the source no longer has.
            if line.startswith("#"):
                if self._part is not None and self._part[0] == "msgstr":
                    yield from self._ended()
                self._fuzzy |= line.startswith("#,") and "fuzzy" in re.split(r"[,\s]+", line)
            elif line:
                yield from self._line(line, number)
        yield from self._ended()

    def _line(self, line: str, number: int) -> Iterator[Message]:
        word = _WORD.match(line)
        if word is None and not line.startswith('"'):
            raise self._broken("This is neither a comment, a text in quotes, nor msgctxt, msgid or msgstr.", number)
        if word is not None:
            begins = word[1] == "msgctxt" or (word[1] == "msgid" and self._part != ("msgctxt", 0))
            if begins:
                yield from self._ended()
                self._current = Message(number, fuzzy=self._fuzzy)
                self._fuzzy = False
            self._begin(word, number)
        elif self._part is None:
            raise self._broken("A text in quotes stands before any msgid.", number)
        quoted = line if word is None else line[word.end() :]
        if _QUOTED.fullmatch(quoted) is None:
            raise self._broken("The text in quotes is not whole, or has an escape that is none.", number)
        text = str(ast.literal_eval(quoted))
        if _CONTEXT in text or _FORM in text:
            raise self._broken("The text holds a character that no catalogue can keep.", number)
        self._texts[self._part or ("", 0)] += text

    def _begin(self, word: re.Match[str], number: int) -> None:
        part, before = (word[1], int(word[2] or 0)), (self._part or ("", 0))[0]
        for_many = ("msgid_plural", 0) in self._texts
        allowed = {"msgctxt": {""}, "msgid": {"", "msgctxt"}, "msgid_plural": {"msgid"}}
        allowed["msgstr"] = {"msgid_plural", "msgstr"} if for_many else {"msgid"}
        if before not in allowed[part[0]] or part in self._texts or (word[2] and part[0] != "msgstr"):
            raise self._broken(f"{word[0].strip()} is not expected here.", number)
        if part[0] == "msgstr" and for_many != bool(word[2]):
            raise self._broken("A text for many has msgstr[0], msgstr[1] and so on; any other has one msgstr.", number)
        self._part = part
        self._texts[part] = ""

    def _ended(self) -> Iterator[Message]:
        message, texts = self._current, self._texts
        self._current, self._part, self._texts = None, None, {}
        if message is None:
            return
        message.texts = {form: text for (part, form), text in texts.items() if part == "msgstr"}
        if ("msgid", 0) not in texts or not message.texts:
            raise self._broken("This message has no msgid or no msgstr.", message.line)
        message.id, message.plural = texts["msgid", 0], texts.get(("msgid_plural", 0))
        message.context = texts.get(("msgctxt", 0))
        self._check(message)
        yield message

    def _check(self, message: Message) -> None:
        other = self._keys.setdefault(message.key, message.line)
        if other != message.line:
            raise self._broken(f"This text is there already, at line {other}.", message.line)
        if not message.key:
            self._check_header(message)
            return
        if message.plural is not None:
            if not self._forms:
                raise self._broken("A text for many needs Plural-Forms in the header.", message.line)
            if sorted(message.texts) != list(range(self._forms)):
                raise self._broken(f"The header says {self._forms} plural forms; write each once.", message.line)
        there = names_of(message.id) | names_of(message.plural or "")
        unknown = sorted({name for text in message.texts.values() for name in names_of(text)} - there)
        if unknown and not message.fuzzy:
            raise self._broken(f"The translation uses {unknown[0]!r}, which its text does not give.", message.line)

    def _check_header(self, message: Message) -> None:
        header = message.texts[0]
        message.fuzzy = False  # Tools mark a header that nobody has filled in yet.
        charset = _CHARSET.search(header)
        if charset is not None and charset[1].lower() not in {"utf-8", "us-ascii", "charset"}:
            raise self._broken(f"A catalogue is written in UTF-8, and not in {charset[1]}.", message.line)
        plurals = _PLURALS.search(header)
        self._forms = int(plurals[1]) if plurals is not None else 0
        try:
            form_of: Callable[[int], int] = vars(gettext.GNUTranslations(io.BytesIO(write_mo([message]))))["plural"]
            forms = {form_of(number) for number in range(_TRIED)} if plurals is not None else set()
        except (ValueError, IndexError, ZeroDivisionError):
            raise self._broken("The Plural-Forms of the header cannot be read.", message.line) from None
        if forms and not 0 <= min(forms) <= max(forms) < self._forms:
            raise self._broken("The Plural-Forms of the header lead to a form beyond nplurals.", message.line)

    def _broken(self, message: str, number: int) -> SetupError:
        return broken(message, f"{self._path}:{number}")


def names_of(text: str) -> set[str]:
    """The places in a text that values are put into: ``%(name)s`` and ``{name}``.

    Example:
        >>> sorted(names_of("%(count)s of {all}, 100%%, {{braces}}"))
        ['all', 'count']
    """
    return {named or braced for named, braced in _NAMED.findall(text)}


def read_po(content: bytes, path: str) -> list[Message]:
    """The messages of a .po file, its header first.

    Arguments:
        content: the file's bytes, in UTF-8.
        path: the file, for what is told of it.

    Raises:
        SetupError: it is broken; says in which line.

    Source: the manual of GNU gettext, "The Format of PO Files".
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise broken("A catalogue is written in UTF-8, and this is none.", f"{path}:{line}") from None
    return [*_Reader(path).read(text)]


def write_mo(messages: list[Message]) -> bytes:
    """The messages that are translated, as a .mo file, the same bytes for the same messages.

    Example:
        >>> made = write_mo([Message(1, id="Yes", texts={0: "Ja"})])
        >>> gettext.GNUTranslations(io.BytesIO(made)).gettext("Yes")
        'Ja'
    """
    texts = {}
    for each in messages:
        if each.is_translated:
            key = each.key if each.plural is None else each.key + _FORM + each.plural
            texts[key] = _FORM.join(each.texts[form] for form in sorted(each.texts))
    head = [line for line in texts.get("", "").split("\n") if line and not line.lower().startswith("content-type:")]
    texts[""] = "".join(f"{line}\n" for line in (*head, "Content-Type: text/plain; charset=UTF-8"))
    return _packed(texts)


def _packed(texts: Mapping[str, str]) -> bytes:
    """A .mo file: a head, two tables of lengths and places, and the texts, each with a zero byte after it."""
    pairs = sorted((key.encode(), text.encode()) for key, text in texts.items())
    place = 28 + 16 * len(pairs)
    tables: list[bytes] = []
    body = bytearray()
    for column in (0, 1):
        for pair in pairs:
            tables.append(struct.pack("<II", len(pair[column]), place + len(body)))
            body += pair[column] + b"\x00"
    head = struct.pack("<7I", _MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 28 + 16 * len(pairs))
    return head + b"".join(tables) + bytes(body)
