"""The lines of the tables: how each peer is visited and checked, and the request that is then timed."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass

from apps.pages.data import BAD, CSS, GOOD, PASSWORD, PERSON, READER

from harness.pages.browser import Visitor
from harness.pages.content import check_again, check_form, check_fortunes, check_member, page_of
from harness.wire import Request
from harness.workloads import WrongAnswer, equal

ELSEWHERE = (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Referer", "https://evil.example/"))
YEAR = "31536000"


@dataclass(frozen=True)
class Timed:
    """What is sent again and again; `refused` where the right answer has an error's status."""

    request: Request
    refused: bool = False


@dataclass(frozen=True)
class Line:
    """One line: `visit` checks a peer and gives what is timed."""

    name: str
    title: str
    visit: Callable[[Visitor], Timed]
    connections: int = 16


def visit_fortunes(visitor: Visitor) -> Timed:
    """A page that knows nobody."""
    request = visitor.request("/fortunes")
    check_fortunes(visitor.ask(request))
    return Timed(request)


def begin(visitor: Visitor) -> None:
    """Get a session."""
    equal("status of /start", visitor.ask(visitor.request("/start")).status, 200)


def visit_form(visitor: Visitor) -> Timed:
    """The form, for one who has a session."""
    begin(visitor)
    check_form(visitor.ask(visitor.request("/form")), {}, 200)
    request = visitor.request("/form")
    check_form(visitor.ask(request), {}, 200)
    return Timed(request)


def visit_post(visitor: Visitor) -> Timed:
    """The form sent: taken with its token; from another site, and without the token there, refused."""
    begin(visitor)
    page = check_form(visitor.ask(visitor.request("/form")), {}, 200)
    stranger = visitor.ask(visitor.request("/form", GOOD, ELSEWHERE))
    if not 400 <= stranger.status < 500:
        raise WrongAnswer(f"a form sent from another site without a token is answered with {stranger.status}")
    request = visitor.request("/form", page.hidden | GOOD)
    reply = visitor.ask(request)
    equal("status", reply.status, 303)
    where = reply.get("location")
    if not where.endswith(f"/thanks?age={int(GOOD['age']) + 1}"):
        raise WrongAnswer(f"the answer leads to {where!r}")
    return Timed(request)


def visit_again(visitor: Visitor) -> Timed:
    """The form sent with three faults."""
    begin(visitor)
    page = check_form(visitor.ask(visitor.request("/form")), {}, 200)
    request = visitor.request("/form", page.hidden | BAD)
    reply = visitor.ask(request)
    check_again(reply, page)
    return Timed(request, refused=reply.status >= 400)


def log_in(visitor: Visitor, email: str) -> None:
    """Come in as a browser does: sent to the login by the page, and by its form, whatever its fields are called."""
    away = visitor.ask(visitor.request("/member"))
    if away.status not in (302, 303):
        raise WrongAnswer(f"a stranger is answered with {away.status}")
    where = away.get("location")
    form = page_of(visitor.ask(visitor.request(where)), 200)
    name = next(name for name, each in form.fields.items() if each.kind in ("text", "email"))
    secret = next(name for name, each in form.fields.items() if each.kind == "password")
    sent = visitor.ask(visitor.request(where, form.hidden | {name: email, secret: PASSWORD}))
    if sent.status not in (302, 303) or not sent.get("location").endswith("/member"):
        raise WrongAnswer(f"the login is answered with {sent.status}, and leads to {sent.get('location')!r}")


def visit_member(visitor: Visitor) -> Timed:
    """A page for who may publish: others are sent to the login, or refused."""
    reader = Visitor(visitor.port)
    log_in(reader, READER[0])
    equal("status for who may not", reader.ask(reader.request("/member")).status, 403)
    log_in(visitor, PERSON[0])
    request = visitor.request("/member")
    check_member(visitor.ask(request))
    return Timed(request)


def stylesheet(visitor: Visitor, coding: str) -> tuple[Request, str]:
    """The request of the style sheet, checked; and its entity tag."""
    path = visitor.ask(visitor.request("/stylesheet")).body.decode()
    request = visitor.request(path, more=(("Accept-Encoding", coding), ("Sec-Fetch-Dest", "style")))
    reply = visitor.ask(request)
    equal("status", reply.status, 200)
    equal("content type", reply.media_type, "text/css")
    found = gzip.decompress(reply.body) if reply.get("content-encoding") == "gzip" else reply.body
    equal("content coding", reply.get("content-encoding") or "identity", coding)
    equal("content", found == CSS, wanted=True)
    return request, reply.get("etag")


def visit_static(visitor: Visitor) -> Timed:
    """The style sheet as it is."""
    return Timed(stylesheet(visitor, "identity")[0])


def visit_gzip(visitor: Visitor) -> Timed:
    """The style sheet packed, for those who have packed it."""
    return Timed(stylesheet(visitor, "gzip")[0])


def visit_unchanged(visitor: Visitor) -> Timed:
    """The style sheet once more, for one who has it."""
    request, tag = stylesheet(visitor, "identity")
    if not tag:
        raise WrongAnswer("the answer has no entity tag")
    again = Request(request.path, more=(*request.more, ("If-None-Match", tag)))
    reply = visitor.ask(again)
    equal("status", reply.status, 304)
    equal("body", reply.body, b"")
    return Timed(again)


LINES = (
    Line("fortunes", "fortunes: 12 rows, one added, sorted, escaped", visit_fortunes),
    Line("form", "a page with a form, session, user and token", visit_form),
    Line("post", "the form sent, taken", visit_post),
    Line("again", "the form sent with three faults, shown again", visit_again),
    Line("member", "a member's page, logged in: session, user, permission, template", visit_member),
    Line("static", "a style sheet of 10 KiB", visit_static),
    Line("static-gzip", "the style sheet, packed beforehand", visit_gzip),
    Line("static-304", "the style sheet, unchanged (304)", visit_unchanged),
)
