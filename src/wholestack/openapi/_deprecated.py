"""What is on its way out: told to every client in header fields, and to readers in the document."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from email.utils import format_datetime

from wholestack import App, Request, Response
from wholestack.http import check_header

Day = datetime.date | datetime.datetime


class Deprecated:
    """Say that a router, or a whole app, is on its way out: since when, until when, and what to use instead.

    It is middleware: ``old.middleware(Deprecated(…))``; for all of an app, ``app.use(Deprecated(…))``. Every answer
    then has `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`, and the document shows the operations as
    deprecated. Where one is inside another, the inner one speaks.

    Arguments:
        since: when it became, or will become, deprecated; a date is that day's first moment in UTC.
        sunset: when it is likely to stop to answer; a date is that day's first moment, too.
        successor: the address of what comes after it.
        link: the address of a page for people who must move.

    Raises:
        ValueError: the sunset lies before the deprecation.

    Example:
        >>> going = Deprecated(datetime.date(2026, 1, 1), sunset=datetime.date(2027, 1, 1), successor="/v2")
        >>> going.headers[:2]
        (('deprecation', '@1767225600'), ('sunset', 'Fri, 01 Jan 2027 00:00:00 GMT'))
    """

    def __init__(
        self, since: Day, *, sunset: Day | None = None, successor: str | None = None, link: str | None = None
    ) -> None:
        self.since: datetime.datetime = _moment(since)
        self.sunset: datetime.datetime | None = None if sunset is None else _moment(sunset)
        self.successor = successor
        self.link = link
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("Deprecated(…): the sunset lies before the deprecation (RFC 9745 §4).")
        headers = [("deprecation", f"@{int(self.since.timestamp())}")]
        if self.sunset is not None:
            headers.append(("sunset", format_datetime(self.sunset, usegmt=True)))
        self.headers: tuple[tuple[str, str], ...] = tuple(headers)
        self.links: tuple[str, ...] = tuple(
            check_header("link", f'<{address}>; rel="{relation}"')[1]
            for address, relation in (
                (successor, "successor-version"),
                (link, "deprecation"),
                (link if sunset is not None else None, "sunset"),
            )
            if address is not None
        )

    def __call__(self, request: Request) -> Generator[None, Response, Response]:
        """Middleware: the answer, with the header fields."""
        response = yield
        if "deprecation" in response.headers:
            return response
        for name, value in self.headers:
            response.headers.set(name, value)
        for link in self.links:
            response.headers.add("link", link)
        return response

    def setup(self, app: App) -> None:
        """As a plugin: around every answer of the app."""
        app.middleware(self)

    @property
    def text(self) -> str:
        """What the document says of it, in Markdown.

        Example:
            >>> Deprecated(datetime.date(2026, 1, 1), successor="/v2").text
            'Deprecated since 2026-01-01. Use [/v2](/v2) instead.'
        """
        said = [f"Deprecated since {self.since:%Y-%m-%d}."]
        if self.sunset is not None:
            said.append(f"It is likely to stop at {self.sunset:%Y-%m-%d}.")
        if self.successor is not None:
            said.append(f"Use [{self.successor}]({self.successor}) instead.")
        if self.link is not None:
            said.append(f"[How to move]({self.link}).")
        return " ".join(said)


def _moment(day: Day) -> datetime.datetime:
    """A moment in UTC; one without a zone is taken for UTC."""
    if not isinstance(day, datetime.datetime):
        day = datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
    return day.replace(tzinfo=day.tzinfo or datetime.UTC).astimezone(datetime.UTC).replace(microsecond=0)
