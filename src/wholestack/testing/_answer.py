"""What the application answered, as a test reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from http import HTTPStatus
from typing import Any, NamedTuple, Self

from wholestack.errors import HTTPError
from wholestack.http import Headers, parse_media_type

from ._cookies import parse_set_cookie
from ._errors import BrokenAnswer, UnexpectedAnswer
from ._sent import SentRequest

_SHOWN = 2000


class Head(NamedTuple):
    """An answer's status and header fields as the interface gave them, names in lower case."""

    status: int
    pairs: list[tuple[str, str]]


class AnswerHead:
    """What every answer has.

    Attributes:
        status: the HTTP status.
        request: what was sent, after redirects the last one.
        history: the answers that led here, oldest first.
    """

    def __init__(self, head: Head, request: SentRequest, history: tuple[AnswerHead, ...] = ()) -> None:
        self.status: int = head.status
        self.request = request
        self.history = history
        self.head = head

    @cached_property
    def headers(self) -> Headers:
        """The header fields."""
        return Headers(self.head.pairs)

    @property
    def url(self) -> str:
        """The URL that answered."""
        return self.request.url

    @property
    def request_id(self) -> str:
        """The request's id, as the log has it."""
        return self.headers.get("x-request-id", "")

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters; empty where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies that this very answer sets; those that are kept are in `client.cookies`."""
        parsed = (parse_set_cookie(field, "", "/") for field in self.headers.get_all("set-cookie"))
        return {cookie.name: cookie.value for cookie in parsed if cookie is not None}

    def expect(self, *statuses: int) -> Self:
        """This answer, if its status is one of these.

        Raises:
            UnexpectedAnswer: it is not; the message shows the request, the status and the problem.
        """
        if self.status not in statuses:
            raise UnexpectedAnswer(self._report(statuses))
        return self

    def _report(self, statuses: tuple[int, ...]) -> str:
        wanted = " or ".join(map(str, statuses))
        sent = self.request
        lines = [f"{sent.method} {sent.url} was answered {_phrase(self.status)}, not {wanted}."]
        lines += [f"    {line}" for line in self._shown().splitlines()]
        names = ", ".join(name for name, _ in sent.headers)
        size = f"a body of {len(sent.body)} bytes" if isinstance(sent.body, bytes) else "a stream"
        lines.append(f"  sent: {names}; {size}; request id: {self.request_id or 'none'}")
        lines += [f"  after: {each.request.method} {each.url} was answered {each.status}" for each in self.history]
        return "\n".join(lines)

    def _shown(self) -> str:
        location = self.headers.get("location")
        return f"location: {location}" if location else ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {_phrase(self.status)} to {self.request.method} {self.url}>"


class Answer(AnswerHead):
    """A whole answer.

    Attributes:
        body: the bytes.
    """

    def __init__(self, head: Head, body: bytes, request: SentRequest, history: tuple[AnswerHead, ...] = ()) -> None:
        super().__init__(head, request, history)
        self.body = body

    @property
    def text(self) -> str:
        """The body as text, by the charset of its Content-Type (UTF-8 where it names none)."""
        charset = parse_media_type(self.headers.get("content-type", ""))[1].get("charset", "utf-8")
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            BrokenAnswer: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            shown = f"{self.media_type or 'no media type'}, {len(self.body)} bytes"
            raise BrokenAnswer(f"The answer to {self.request.method} {self.url} is not JSON ({shown}).") from None

    def _shown(self) -> str:
        if self.media_type.endswith("json"):
            try:
                return "\n".join(_problem_lines(json.loads(self.body)))[:_SHOWN]
            except ValueError:
                pass
        if self.media_type.startswith("text/") or self.media_type.endswith("json"):
            return self.text[:_SHOWN]
        return super()._shown() or f"{self.media_type or 'no media type'}, {len(self.body)} bytes"


def _problem_lines(document: Any) -> Iterator[str]:
    """A problem document (RFC 9457) in short, any other JSON as it is."""
    if not (isinstance(document, dict) and "title" in document and "code" in document):
        yield json.dumps(document, ensure_ascii=False)
        return
    yield f"{document['code']}: {document.get('detail') or document['title']}"
    for fault in document.get("errors", ()):
        yield f"  {fault.get('in')} {fault.get('pointer')}: {fault.get('code')}: {fault.get('detail')}"


def _phrase(status: int) -> str:
    """A status and its phrase, which is the same on every version of Python."""
    known = status in tuple(HTTPStatus)
    return f"{status} {HTTPError(status=status).title}" if known else str(status)
