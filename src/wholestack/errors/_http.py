"""The errors that know their own answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from wholestack.http import Refused

from ._tree import WholestackError

# RFC 9110 renamed two phrases that Python 3.11 still has in their old form.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content", 414: "URI Too Long"}


@dataclasses.dataclass(frozen=True)
class FieldFault:
    """One fault of one field.

    Attributes:
        source: where the field was: ``body``, ``form``, ``path``, ``query``, ``header`` or ``cookie``.
        pointer: the field, as a JSON pointer (RFC 6901).
        code: the kind of fault, such as ``int_parsing``; stable.
        detail: what to do about it, for people.
    """

    source: str
    pointer: str
    code: str
    detail: str


class HTTPError(WholestackError):
    """An error that is an answer: raise it anywhere below a handler.

    A class of your own may set `code`, `status` and `detail` as class attributes.

    Arguments:
        detail: what happened and what to do, for the client; nothing secret.
        status: the HTTP status, where the class has none of its own.
        code: a short name for this fault; the class's own where left out.
        headers: header fields for the answer.
        extra: more members for the problem document (RFC 9457 §3.2).

    Example:
        >>> error = NotFound("There is no note 7.")
        >>> error.status, error.code, error.title
        (404, 'not-found', 'Not Found')
    """

    code: str = "http-error"
    status: int = 500
    detail: str = ""
    unjudged: bool = False
    """Whether a rule that refuses with it has judged nobody, so that `~rule` is no pass either."""

    def __init__(
        self,
        detail: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        if detail:
            self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})
        self.extra: dict[str, Any] = dict(extra or {})
        if status is not None:
            self.status = status
        if code is not None:
            self.code = code

    @property
    def title(self) -> str:
        """The phrase of the status (RFC 9110 §15)."""
        try:
            return _PHRASES.get(self.status) or HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"

    @property
    def faults(self) -> Sequence[FieldFault]:
        """The faults of fields, where there are any."""
        return ()


class BadRequest(HTTPError):
    """400: the request cannot be read (RFC 9110 §15.5.1)."""

    code: str = "bad-request"
    status: int = 400


class Unauthorized(HTTPError):
    """401: the client has not said who it is; `www-authenticate` says how (RFC 9110 §15.5.2)."""

    code: str = "unauthorized"
    status: int = 401

    def __init__(self, detail: str = "", *, challenge: str = "Bearer", **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers.setdefault("www-authenticate", challenge)


class Forbidden(HTTPError):
    """403: known, but not allowed (RFC 9110 §15.5.4)."""

    code: str = "forbidden"
    status: int = 403


class NotFound(HTTPError):
    """404: nothing is here (RFC 9110 §15.5.5)."""

    code: str = "not-found"
    status: int = 404


class MethodNotAllowed(HTTPError):
    """405: something is here, but not for this method; `allow` lists those it takes (RFC 9110 §15.5.6)."""

    code: str = "method-not-allowed"
    status: int = 405


class NotAcceptable(HTTPError):
    """406: the answer has no form that the client accepts (RFC 9110 §15.5.7)."""

    code: str = "not-acceptable"
    status: int = 406


class RequestTimeout(HTTPError):
    """408: the request took too long to arrive (RFC 9110 §15.5.9)."""

    code: str = "request-timeout"
    status: int = 408


class Conflict(HTTPError):
    """409: the request does not fit the present state (RFC 9110 §15.5.10)."""

    code: str = "conflict"
    status: int = 409


class Gone(HTTPError):
    """410: it was here and will not come back (RFC 9110 §15.5.11)."""

    code: str = "gone"
    status: int = 410


class PreconditionFailed(HTTPError):
    """412: the client's picture of the resource is out of date (RFC 9110 §15.5.13)."""

    code: str = "precondition-failed"
    status: int = 412


class ContentTooLarge(HTTPError):
    """413: the body is over a limit (RFC 9110 §15.5.14)."""

    code: str = "content-too-large"
    status: int = 413


class TargetTooLong(HTTPError):
    """414: the path and the query are together over a limit (RFC 9110 §15.5.15)."""

    code: str = "target-too-long"
    status: int = 414


class UnsupportedMediaType(HTTPError):
    """415: the body is of a kind that is not read here (RFC 9110 §15.5.16)."""

    code: str = "unsupported-media-type"
    status: int = 415


class ValidationFailed(HTTPError):
    """422: the request was read, but fields of it are wrong; every fault of every field at once (RFC 9110 §15.5.21)."""

    code: str = "validation-failed"
    status: int = 422

    def __init__(self, faults: Sequence[FieldFault], **options: Any) -> None:
        count = f"{len(faults)} field{'s are' if len(faults) != 1 else ' is'} wrong."
        super().__init__(count, **options)
        self._faults = tuple(faults)

    @property
    def faults(self) -> Sequence[FieldFault]:
        """Every fault of every field."""
        return self._faults


class TooManyRequests(HTTPError):
    """429: slower, please (RFC 6585 §4)."""

    code: str = "too-many-requests"
    status: int = 429


class HeadersTooLarge(HTTPError):
    """431: too many header fields, or too large ones (RFC 6585 §5)."""

    code: str = "headers-too-large"
    status: int = 431


class InternalError(HTTPError):
    """500: a fault of ours; the log has it under the request's id (RFC 9110 §15.6.1)."""

    code: str = "internal-error"
    status: int = 500


class NotImplementedByServer(HTTPError):
    """501: the method is one that nothing here knows (RFC 9110 §15.6.2)."""

    code: str = "not-implemented"
    status: int = 501


class BadGateway(HTTPError):
    """502: what stands behind us answered nonsense (RFC 9110 §15.6.3)."""

    code: str = "bad-gateway"
    status: int = 502


class ServiceUnavailable(HTTPError):
    """503: not now; `retry-after` says when, in seconds (RFC 9110 §15.6.4).

    To a `crowd`, for whom there is no room, it is said with as little work as can be, to a browser as well.
    """

    code: str = "service-unavailable"
    status: int = 503

    def __init__(self, detail: str = "", *, retry_after: int = 1, crowd: bool = False, **options: Any) -> None:
        super().__init__(detail, **options)
        self.crowd = crowd
        self.headers.setdefault("retry-after", str(retry_after))


# Of two with one status, the plain one: faults of fields have no other maker than validation.
_BY_STATUS: dict[int, type[HTTPError]] = {
    kind.status: kind for kind in HTTPError.__subclasses__() if kind is not ValidationFailed
}


def http_error(refused: Refused) -> HTTPError:
    """The error for what the floor below refused.

    Example:
        >>> http_error(Refused(413, "body-too-large", "Too large.")).code
        'body-too-large'
    """
    kind = _BY_STATUS.get(refused.status, HTTPError)
    return kind(refused.detail, status=refused.status, code=refused.code, headers=dict(refused.headers))
