"""The one way in which this folder says no."""

from __future__ import annotations


class Refused(Exception):
    """A request that cannot be taken, as plain values; the floor above makes an `HTTPError` of it.

    Arguments:
        status: the HTTP status to answer with, 400 to 505.
        code: the short, stable name of the fault, as in `docs/errors/`.
        detail: one sentence for the client; never repeats what the client sent.
        headers: header pairs that the answer must carry (`allow`, `retry-after`, `content-range` …).

    Example:
        >>> raise Refused(413, "body-too-large", "The body is over the limit of 10 bytes.")
        Traceback (most recent call last):
        wholestack.http._refused.Refused: 413 body-too-large: The body is over the limit of 10 bytes.
    """

    def __init__(self, status: int, code: str, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
