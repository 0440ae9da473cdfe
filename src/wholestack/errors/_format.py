"""The shape in which an error goes out: one setting for the wire and for the OpenAPI document."""

from __future__ import annotations

import html
from typing import Annotated, Any, NotRequired, Protocol

import pydantic
from typing_extensions import TypedDict

from ._http import HTTPError


class ErrorFormat(Protocol):
    """What an app's `errors=` setting must have.

    Attributes:
        media_type: the Content-Type of an error.
        model: the type whose schema stands in the OpenAPI document.
    """

    media_type: str
    model: type

    def body(self, error: HTTPError, request_id: str) -> Any:
        """The document for this error, as plain values (dicts, lists, text, numbers) that `model` describes."""
        ...


# TypedDicts, since a model costs its definition at every start, and these are read by the document only.
ProblemFault = TypedDict(
    "ProblemFault",
    {
        "in": Annotated[str, pydantic.Field(description="body, form, path, query, header or cookie")],
        "pointer": Annotated[str, pydantic.Field(description="The field as a JSON pointer (RFC 6901).")],
        "code": Annotated[str, pydantic.Field(description="The kind of fault.")],
        "detail": Annotated[str, pydantic.Field(description="What to do about it.")],
    },
)
"""One fault of one field."""


@pydantic.with_config(extra="allow")
class Problem(TypedDict):
    """A problem document (RFC 9457)."""

    type: Annotated[str, pydantic.Field(description="A URI that names the kind of problem.")]
    title: Annotated[str, pydantic.Field(description="The phrase of the status.")]
    status: Annotated[int, pydantic.Field(description="The HTTP status.")]
    detail: Annotated[str, pydantic.Field(description="What happened and what to do.")]
    code: Annotated[str, pydantic.Field(description="The short, stable name of the problem.")]
    request_id: Annotated[str, pydantic.Field(description="The request's id, as in the header x-request-id.")]
    errors: NotRequired[Annotated[list[ProblemFault], pydantic.Field(description="Every fault of every field.")]]


class ProblemDetails:
    """Problem documents (RFC 9457), the default.

    Example:
        >>> from wholestack.errors import NotFound
        >>> ProblemDetails().body(NotFound("There is no note 7."), "r-1")["code"]
        'not-found'
    """

    media_type = "application/problem+json"
    model: type = Problem

    def body(self, error: HTTPError, request_id: str) -> dict[str, Any]:
        """The problem as plain values."""
        problem: dict[str, Any] = {
            **error.extra,
            "type": "about:blank",
            "title": error.title,
            "status": error.status,
            "detail": error.detail,
            "code": error.code,
            "request_id": request_id,
        }
        if error.faults:
            problem["errors"] = [
                {"in": fault.source, "pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
                for fault in error.faults
            ]
        return problem


def error_page(error: HTTPError, request_id: str) -> str:
    """The plain page that a browser gets; no script, no style of its own, everything escaped.

    Example:
        >>> from wholestack.errors import NotFound
        >>> "<h1>404 Not Found</h1>" in error_page(NotFound(), "r-1")
        True
    """
    title = html.escape(f"{error.status} {error.title}")
    faults = "".join(
        f"<li>{html.escape(fault.source)} {html.escape(fault.pointer)}: {html.escape(fault.detail)}</li>"
        for fault in error.faults
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>\n'
        f"<body>\n<h1>{title}</h1>\n<p>{html.escape(error.detail)}</p>\n"
        + (f"<ul>{faults}</ul>\n" if faults else "")
        + f"<p><small>Request {html.escape(request_id)}</small></p>\n</body>\n</html>\n"
    )
