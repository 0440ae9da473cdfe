"""Errors: one tree, and how each of them answers.

Here belongs every exception that a user may meet or raise, with a short code, and the shape in which an error goes
out. Never here: anything that reads a request or knows a handler. An `HTTPError` is raised anywhere below a handler;
the plan turns it into a `Response` at one place, through the app's `ErrorFormat`. Each code has a page in
`docs/errors/`.

The tree::

    WholestackError
    ├── SetupError              every fault found while the app was sealed, with file and line
    ├── CannotWait              `wait` was called where nothing can wait
    ├── ClientDisconnected      the client went away before its request was whole
    ├── AnswerMismatch          a handler returned what its declared type does not show
    └── HTTPError               knows its own response
        ├── BadRequest 400
        ├── Unauthorized 401
        ├── Forbidden 403
        ├── NotFound 404
        ├── MethodNotAllowed 405
        ├── NotAcceptable 406
        ├── RequestTimeout 408
        ├── Conflict 409
        ├── Gone 410
        ├── PreconditionFailed 412
        ├── ContentTooLarge 413
        ├── TargetTooLong 414
        ├── UnsupportedMediaType 415
        ├── ValidationFailed 422     every fault of every field
        ├── TooManyRequests 429
        ├── HeadersTooLarge 431
        ├── InternalError 500
        ├── NotImplementedByServer 501
        ├── BadGateway 502
        └── ServiceUnavailable 503
"""

from ._format import ErrorFormat, Problem, ProblemDetails, error_page
from ._http import (
    BadGateway,
    BadRequest,
    Conflict,
    ContentTooLarge,
    FieldFault,
    Forbidden,
    Gone,
    HeadersTooLarge,
    HTTPError,
    InternalError,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    NotImplementedByServer,
    PreconditionFailed,
    RequestTimeout,
    ServiceUnavailable,
    TargetTooLong,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
    ValidationFailed,
    http_error,
)
from ._tree import AnswerMismatch, CannotWait, ClientDisconnected, Fault, SetupError, WholestackError

__all__ = [
    "AnswerMismatch",
    "BadGateway",
    "BadRequest",
    "CannotWait",
    "ClientDisconnected",
    "Conflict",
    "ContentTooLarge",
    "ErrorFormat",
    "Fault",
    "FieldFault",
    "Forbidden",
    "Gone",
    "HTTPError",
    "HeadersTooLarge",
    "InternalError",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "NotImplementedByServer",
    "PreconditionFailed",
    "Problem",
    "ProblemDetails",
    "RequestTimeout",
    "ServiceUnavailable",
    "SetupError",
    "TargetTooLong",
    "TooManyRequests",
    "Unauthorized",
    "UnsupportedMediaType",
    "ValidationFailed",
    "WholestackError",
    "error_page",
    "http_error",
]
