"""Counts calls of Python functions while a block runs."""

from __future__ import annotations

import contextlib
import dis
import functools
import os
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Iterator
from types import CodeType, FrameType

_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


@functools.lru_cache(4096)
def counts(code: CodeType) -> bool:
    """Whether calls of this function count: not those of the standard library and what it generates (the methods of a
    dataclass), nor of the client's stand-in server.
    """
    file = code.co_filename
    if file.startswith((_OURS, "<frozen ", "<string>")):
        return False
    return not file.startswith(_STANDARD) or any(part in file for part in _INSTALLED)


if sys.version_info >= (3, 12):

    @contextlib.contextmanager
    def counted() -> Iterator[Counter[CodeType]]:
        """The calls of each function in the block, in every thread.

        A generator or a coroutine that goes on is not called again.
        """
        monitoring, calls = sys.monitoring, Counter[CodeType]()
        lock = threading.Lock()
        tool = next((number for number in (2, 3, 4) if monitoring.get_tool(number) is None), None)
        if tool is None:
            raise RuntimeError("Every place for a profiler is taken: calls cannot be counted now.")

        def note(code: CodeType, offset: int) -> None:
            if counts(code):
                with lock:
                    calls[code] += 1

        monitoring.use_tool_id(tool, "wholestack budget")
        monitoring.register_callback(tool, monitoring.events.PY_START, note)
        monitoring.set_events(tool, monitoring.events.PY_START)
        try:
            yield calls
        finally:
            monitoring.set_events(tool, 0)
            monitoring.register_callback(tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(tool)

else:

    @contextlib.contextmanager
    def counted() -> Iterator[Counter[CodeType]]:
        """The calls of each function in the block, in this thread and in those that start in it.

        A generator or a coroutine that goes on is not called again.
        """
        calls = Counter[CodeType]()
        lock = threading.Lock()

        def note(frame: FrameType, event: str, argument: object) -> None:
            code = frame.f_code
            if event == "call" and counts(code) and frame.f_lasti <= _begin(code):
                with lock:
                    calls[code] += 1

        before, before_threads = sys.getprofile(), threading.getprofile()
        threading.setprofile(note)
        sys.setprofile(note)
        try:
            yield calls
        finally:
            sys.setprofile(before)
            threading.setprofile(before_threads)

    @functools.lru_cache(4096)
    def _begin(code: CodeType) -> int:
        """Where a function begins; a generator that goes on is further down."""
        return next((each.offset for each in dis.get_instructions(code) if each.opname == "RESUME"), 0)
