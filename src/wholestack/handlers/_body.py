"""Reading a body into the parameter that asked for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, Protocol

from pydantic_core import ValidationError

from wholestack.errors import FieldFault
from wholestack.http import Limits, Refused, Request, parse_media_type

from ._check import JsonBody, body_faults

Reads = Literal["whole", "form", "stream"]

_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})


class Media(Protocol):
    """A kind of body beside JSON, for requests and answers.

    Attributes:
        type: its media type.
    """

    type: str

    def encode(self, value: Any) -> bytes:
        """A plain value (dicts, lists, text, numbers) as bytes."""
        ...

    def decode(self, body: bytes) -> Any:
        """A plain value from bytes; ValueError for what cannot be read."""
        ...


class BodyReader(Protocol):
    """How a plan reads its body.

    Attributes:
        reads: what the driver does before the plan answers.
        media_types: what the document says it takes.
        coded: whether the handler takes the bytes as they are, a Content-Encoding and all; else a coded body is
            refused.
    """

    reads: Reads
    media_types: tuple[str, ...]
    coded: bool

    def take(self, request: Request, checked: dict[str, Any], faults: list[FieldFault]) -> None:
        """Put the value among the checked ones, or its faults among the faults."""
        ...


class ModelBody:
    """A body in JSON, or in another kind that the app knows, as a typed value."""

    reads: Reads = "whole"
    coded = False

    def __init__(
        self,
        key: str,
        annotation: Any,
        limits: Limits,
        *,
        required: bool = True,
        media: tuple[Media, ...] = (),
        make: Callable[[Any], Any] | None = None,
    ) -> None:
        self._key = key
        self._json = JsonBody(annotation, limits)
        self._required = required
        self._media = {each.type: each for each in media}
        self._make = make
        self._kind = functools.lru_cache(64)(self._find_kind)
        self.media_types = ("application/json", *self._media)

    def take(self, request: Request, checked: dict[str, Any], faults: list[FieldFault]) -> None:
        """See `BodyReader.take`."""
        body = request.body
        if not body:
            if self._required:
                faults.append(FieldFault("body", "", "missing", "A body is required."))
            return
        media = self._kind(request.content_type)
        try:
            value = self._json.read(body) if media is None else self._json.check(_decoded(media, body))
        except ValidationError as error:
            faults += body_faults(error, body if media is None else _decoded(media, body))
        else:
            checked[self._key] = value if self._make is None else self._make(value)

    def _find_kind(self, content_type: str) -> Media | None:
        """None for JSON, else the kind; anything that is neither is never parsed (a form could be sent cross-site)."""
        name, parameters = parse_media_type(content_type)
        if name in self._media:
            return self._media[name]
        is_json = name == "application/json" or (name.startswith("application/") and name.endswith("+json"))
        if not is_json or parameters.get("charset", "").lower() not in _UTF8:
            kinds = ", ".join(self.media_types)
            raise Refused(415, "unsupported-media-type", f"Send the body as {kinds}, in UTF-8.", (("accept", kinds),))
        return None


def _decoded(media: Media, body: bytes) -> Any:
    try:
        return media.decode(body)
    except ValueError:
        raise Refused(400, "malformed-body", f"The body is not {media.type}.") from None


class RawBody:
    """The body as bytes or as text, whatever its media type."""

    reads: Reads = "whole"

    def __init__(self, key: str, *, text: bool = False, required: bool = True) -> None:
        self._key = key
        self._text = text
        self.coded = not text
        self._required = required
        self.media_types: tuple[str, ...] = ("text/plain",) if text else ("application/octet-stream",)

    def take(self, request: Request, checked: dict[str, Any], faults: list[FieldFault]) -> None:
        """See `BodyReader.take`."""
        if not request.body and not self._required:
            return
        if not self._text:
            checked[self._key] = request.body
            return
        try:
            checked[self._key] = request.body.decode()
        except UnicodeError:
            faults.append(FieldFault("body", "", "string_unicode", "The body is not text in UTF-8."))


class StreamBody:
    """The body as it comes, chunk by chunk."""

    reads: Reads = "stream"
    media_types: tuple[str, ...] = ("application/octet-stream",)
    coded = True

    def __init__(self, key: str) -> None:
        self._key = key

    def take(self, request: Request, checked: dict[str, Any], faults: list[FieldFault]) -> None:
        """See `BodyReader.take`."""
        checked[self._key] = request.stream


class FormBody:
    """A form: its fields are collected with the other values; nothing is left to take here.

    Arguments:
        uploads: it comes as multipart only.
        alone: one model is all that is read, so that JSON may stand for the form: no page of another site can send that
            unasked.
    """

    reads: Reads = "form"
    coded = False

    def __init__(self, *, uploads: bool, alone: bool) -> None:
        kinds = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"
        self.media_types: tuple[str, ...] = kinds[uploads : 2 + alone]

    def take(self, request: Request, checked: dict[str, Any], faults: list[FieldFault]) -> None:
        """See `BodyReader.take`."""
