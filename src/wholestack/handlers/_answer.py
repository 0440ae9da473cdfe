"""From what a handler returns to a `Response`, by a way that is chosen when the app is sealed."""

from __future__ import annotations

import functools
import inspect
import operator
import types
from collections.abc import Callable, Mapping
from typing import Any, Never, NoReturn, get_args, get_origin

from wholestack.http import JSON, Request, Response

from ._body import Media
from ._plain import Encode, encode_plain
from ._types import bare, members

Respond = Callable[[Any, Request], Response]
Encoder = Callable[[Any], Encode]
More = Mapping[int, Encode]
Builds = tuple[Callable[[Response, Request], None], ...]

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
BYTES_TYPE = "application/octet-stream"

_new = Response.__new__
# A lone surrogate is no text (RFC 3629 §3); it must not cut the answer off.
_utf8: Encode = operator.methodcaller("encode", "utf-8", "replace")


def is_response(annotation: Any) -> bool:
    """Whether a type is a `Response` or a kind of it."""
    kind = get_origin(bare(annotation)) or bare(annotation)
    return inspect.isclass(kind) and issubclass(kind, Response)


def answer_type(annotation: Any) -> Any:
    """What of a return annotation goes through an encoder: the annotation without the kinds of `Response` in it.

    Example:
        >>> from wholestack.http import Redirect
        >>> answer_type(str | Redirect)
        <class 'str'>
    """
    plain = [member for member in members(annotation) if not is_response(member)]
    if len(plain) == len(members(annotation)):
        return annotation
    if not plain:
        return types.NoneType if type(None) in get_args(bare(annotation)) else Response
    if type(None) in get_args(bare(annotation)):
        plain.append(types.NoneType)
    return functools.reduce(operator.or_, plain)


def responder(
    annotation: Any,
    status: int | None,
    media: Media | str | None = None,
    *,
    encoder: Encoder,
    kinds: tuple[Any, ...] = (),
    answers: Mapping[int, Any] = types.MappingProxyType({}),
) -> Respond:
    """The function that makes a `Response` of what a handler with this return annotation returns.

    `str` is text, `bytes` are bytes, None is 204, a kind of `Response` stands for itself, all else is JSON; a kind of
    answer that a plugin added (`app.answer(kind)`) goes before all of these. A `JSON` is written by the type that
    `answers` has for its status; another success by the return annotation. `encoder` makes what writes a type. What has
    a `build` among `kinds` is called with every `Response` that the handler returns, and the request.
    """
    kind = answer_type(annotation)
    own = next((each for each in kinds if each.matches(kind)), None)
    if own is not None:
        return own.responder(kind, status)  # type: ignore[no-any-return]
    more = {code: encoder(each) for code, each in answers.items() if each is not None and not is_response(each)}
    builds = tuple(each.build for each in kinds if hasattr(each, "build"))
    if not isinstance(media, str) and media is not None:
        declared = encoder(kind)
        return _encoded(_through(media, declared), status or 200, media.type, declared, more, builds)
    if kind in (None, types.NoneType, NoReturn, Never):  # a tuple: what is in an `Annotated` may have no hash
        return _encoded(lambda _: b"", status or 204, None, encode_plain, more, builds)
    if kind is Response:
        return _encoded(encode_plain, status or 200, media or JSON_TYPE, encode_plain, more, builds)
    if bare(kind) is str:
        return _encoded(_utf8, status or 200, media or TEXT_TYPE, encode_plain, more, builds)
    if bare(kind) is bytes:
        return _encoded(bytes, status or 200, media or BYTES_TYPE, encode_plain, more, builds)
    declared = encoder(object if kind is inspect.Parameter.empty else kind)
    return _encoded(declared, status or 200, media or JSON_TYPE, declared, more, builds)


def _through(media: Media, encode: Encode) -> Encode:
    """Another kind of body gets the value as JSON would show it, so that nothing more reaches the wire."""
    from pydantic_core import from_json

    return lambda value: media.encode(from_json(encode(value)))


def _encoded(
    encode: Encode, status: int, media_type: str | None, declared: Encode, more: More, builds: Builds
) -> Respond:
    def respond(value: Any, request: Request) -> Response:
        if isinstance(value, Response):
            # The handler may keep it for other requests, and for other users.
            return _written(value.copy(), declared, more, builds, request)
        response = _new(Response)
        response.body = encode(value)
        response.status = status
        response._media_type = media_type  # Checked when the app was sealed.
        return response

    return respond


def _written(response: Response, declared: Encode, more: More, builds: Builds = (), request: Any = None) -> Response:
    """A handler's own response; the body of a `JSON` is built, by the type that its status is declared to show."""
    for build in builds:
        build(response, request)
    if response.value is not None or response.__class__ is JSON:
        encode = more.get(response.status) or (declared if response.status < 400 else encode_plain)
        response.body = encode(response.value)
    return response


def written(response: Response) -> Response:
    """A response that no handler returned; the body of a `JSON` is built, of plain values, where it is not there yet.

    Example:
        >>> written(JSON({"a": 1})).body
        b'{"a":1}'
    """
    return response if response.body else _written(response, encode_plain, {})
