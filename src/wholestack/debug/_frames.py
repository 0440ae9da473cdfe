"""An error as plain data: its causes, and for each the frames with their source lines and their local names."""

from __future__ import annotations

import dataclasses
import functools
import linecache
import os
import sysconfig
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType

from ._values import Values

_AROUND = 4
_MOST_FRAMES = 60
_MOST_LOCALS = 40
_MOST_CAUSES = 6
_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep


@dataclasses.dataclass(frozen=True)
class Frame:
    """One call on the way to an error.

    Attributes:
        place: file and line, the file as it is read from the current folder.
        mine: it is neither Python's, nor installed, nor ours.
        source: numbered lines around the one that was running.
        values: the local names.
    """

    place: str
    line: int
    function: str
    mine: bool
    source: tuple[tuple[int, str], ...]
    values: tuple[tuple[str, str], ...]

    @property
    def code(self) -> str:
        """The line that was running."""
        return next((text.strip() for number, text in self.source if number == self.line), "")


@dataclasses.dataclass(frozen=True)
class Told:
    """One error; `before` says how the one before it led to it, and is empty for the first."""

    kind: str
    message: str
    notes: tuple[str, ...]
    frames: tuple[Frame, ...]
    left_out: int
    before: str


def told(error: BaseException, values: Values) -> list[Told]:
    """An error with what led to it, the first first; the last is the error itself."""
    return [_told(each, before, values) for each, before in _chain(error)]


def _chain(error: BaseException) -> list[tuple[BaseException, str]]:
    found: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen and len(found) < _MOST_CAUSES:
        seen.add(id(inner))
        context = None if inner.__suppress_context__ else inner.__context__
        cause, inner_next = inner.__cause__, inner.__cause__ or context
        how = "was the cause of" if cause is not None else "was being handled at the time of"
        found.append((inner, how if inner_next is not None else ""))
        inner = inner_next
    chain = found[::-1]
    if chain:
        chain[0] = (chain[0][0], "")
    if isinstance(error, BaseExceptionGroup):
        chain = [*((each, "is in the group of") for each in error.exceptions[:_MOST_CAUSES]), *chain]
    return chain


def _told(error: BaseException, before: str, values: Values) -> Told:
    frames = list(_frames(error.__traceback__))
    over = max(len(frames) - _MOST_FRAMES, 0)
    if over:  # Endless recursion: how it began, and how it ended.
        frames = [*frames[: _MOST_FRAMES // 2], *frames[-_MOST_FRAMES // 2 :]]
    try:
        message = str(error)
    except Exception as second:  # An error's own text is another's code.
        message = f"<its text raises {type(second).__name__}>"
    notes = tuple(str(note) for note in getattr(error, "__notes__", ()))
    return Told(
        _kind(type(error)), message, notes, tuple(_frame(frame, line, values) for frame, line in frames), over, before
    )


def _kind(kind: type[BaseException]) -> str:
    """The name by which a kind of error is imported, private modules left out."""
    public = [part for part in kind.__module__.split(".") if not part.startswith("_")]
    return ".".join([*public, kind.__qualname__]).removeprefix("builtins.")


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _frame(frame: FrameType, line: int, values: Values) -> Frame:
    file = frame.f_code.co_filename
    mine = is_mine(file)
    linecache.checkcache(file)
    lines = linecache.getlines(file, frame.f_globals)
    first = max(line - _AROUND, 1)
    source = tuple(
        (number, lines[number - 1].rstrip("\n")) for number in range(first, min(line + _AROUND, len(lines)) + 1)
    )
    # What is not the developer's own holds little for them, and much that is secret.
    names = list(frame.f_locals.items())[:_MOST_LOCALS] if mine else []
    shown = tuple((name, values.named(name, value)) for name, value in names if not name.startswith("__"))
    return Frame(f"{short(file)}:{line}", line, frame.f_code.co_qualname, mine, source, shown)


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def is_mine(file: str) -> bool:
    """Whether a file is the developer's own.

    Example:
        >>> is_mine("/home/ann/shop/app.py"), is_mine(os.__file__), is_mine(__file__)
        (True, False, False)
    """
    return not file.startswith(("<", _OWN, *_installed()))


def short(file: str) -> str:
    """A file, or a place in one, as it is read from the current folder."""
    return file.removeprefix(os.getcwd() + os.sep)


def as_text(error: BaseException) -> str:
    """The traceback as Python writes it, to be copied."""
    return "".join(traceback.format_exception(error, limit=-_MOST_FRAMES))
