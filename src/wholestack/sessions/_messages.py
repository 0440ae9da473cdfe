"""Messages for the next page that a visitor sees."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Iterator
from typing import Any

from ._shape import Shape
from ._visit import MESSAGES, Visit

MOST = 100
"""Messages that wait in one session; of more the oldest go."""


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A message: `kind` is ``"success"``, ``"info"``, ``"warning"``, ``"error"`` or one of the app's own.

    Example:
        >>> Message("success", "Saved.").text
        'Saved.'
    """

    kind: str
    text: str


class Messages:
    """Messages for the next page, in this request or a later one: ``messages: Messages``.

    They stay in the session until a page shows them: a template's `messages` gives them, each once. Their text is
    plain, and is escaped as every text in a template.

    Example:
        >>> from wholestack import App, Redirect
        >>> from wholestack.sessions import Sessions
        >>> app = App()
        >>> app.use(Sessions())
        >>> @app.post("/posts")
        ... def save(messages: Messages) -> Redirect:
        ...     messages.success("Saved.")
        ...     return Redirect("/posts")
    """

    __slots__ = ("_visit",)

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    @property
    def _found(self) -> dict[str, Any]:
        found: dict[str, Any] = self._visit.part(_SHAPE).value
        return found

    def add(self, kind: str, text: str) -> None:
        """Let the next page show a text; a lazy one is translated now, for the visitor who is here."""
        found = self._found
        # In the order of their time, also where two requests add at once; never the same key twice.
        found[f"{time.time_ns():020d}-{len(found):03d}-{secrets.token_hex(4)}"] = [kind, str.__str__(str(text))]
        for old in sorted(found)[:-MOST]:
            del found[old]

    def success(self, text: str) -> None:
        """Something is done."""
        self.add("success", text)

    def info(self, text: str) -> None:
        """Something to know."""
        self.add("info", text)

    def warning(self, text: str) -> None:
        """Something to look at."""
        self.add("warning", text)

    def error(self, text: str) -> None:
        """Something that did not work."""
        self.add("error", text)

    def hold(self) -> None:
        """Take those that wait now, for a page that is streamed: it shows them when they cannot be taken any more."""
        self._visit.held = [*self]

    def __len__(self) -> int:
        return len(self._visit.held if self._visit.finished else self._found)

    def __iter__(self) -> Iterator[Message]:
        """The messages that wait, the oldest first; they are taken, but by a request whose answer nobody looks at."""
        if self._visit.finished:  # In a stream: those that were taken before it.
            held, self._visit.held = self._visit.held, []
            return iter(held)
        found = self._found
        shown = [Message(*found[key]) for key in sorted(found)]
        if shown:
            vars(self._visit.request).setdefault("wholestack.personal", []).append(("messages", ""))
        if shown and not _is_unseen(self._visit):
            found.clear()
            self._visit.keep_now()
        return iter(shown)

    def __repr__(self) -> str:
        return "<Messages>"


_SHAPE = Shape(dict[str, Any], name=MESSAGES)


def _is_unseen(visit: Visit) -> bool:
    request = visit.request
    return request.method == "HEAD" or "prefetch" in (request.headers.get("sec-purpose") or "")
