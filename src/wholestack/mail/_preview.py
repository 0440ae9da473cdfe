"""Pages that show a developer what was sent: at /-/mail, in development alone, to this machine alone."""

from __future__ import annotations

import collections
import html
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from wholestack import HTML, App, NotFound, Request, Response

from ._letter import Letter
from ._sending import Sending

AT = "/-/mail"
MOST = 100
"""How many letters are kept; the oldest go first."""
_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_RELAYED = ("x-forwarded", "x-real-ip", "forwarded", "via", "cf-", "ngrok-", "tailscale-", "fly-", "true-client-ip")
"""How the fields begin that proxies and tunnels add: with one of them, who asks is somewhere else."""
_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: start; padding: 0.25rem 1rem 0.25rem 0; vertical-align: top; overflow-wrap: anywhere }
tr + tr > * { border-top: 1px solid GrayText }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
pre, iframe { border: 1px solid GrayText; padding: 1rem; box-sizing: border-box; width: 100% }
iframe { min-height: 30rem; background: Canvas; padding: 0 }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<link rel="stylesheet" href="{root}{at}/style.css"></head>
<body><main>
{body}
</main></body>
</html>
"""


class Preview:
    """What this process has sent, for its developer.

    Arguments:
        sending: whose letters.
        base_url: images of this origin are shown in HTML; others are not loaded.
    """

    def __init__(self, sending: Sending, base_url: str | None) -> None:
        self._letters: collections.deque[Letter] = collections.deque(maxlen=MOST)
        sending.listeners.append(self._letters.append)
        images = "data:" if base_url is None else "data: {0.scheme}://{0.netloc}".format(urlsplit(base_url))
        # The sandbox: nothing of a mail runs, is sent, or leads the developer's browser away.
        self._policy = (
            f"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src {images}; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'self'"
        )

    def add_to(self, app: App) -> None:
        """Put the pages into an app that is being sealed."""

        @app.get(AT, hidden=True)
        def mail_preview(request: Request) -> Response:
            return self._list(request)

        @app.get(f"{AT}/style.css", hidden=True)
        def mail_preview_style(request: Request) -> Response:
            _here(request)
            return _answer(Response(_STYLE.encode(), media_type="text/css; charset=utf-8"), _POLICY)

        @app.get(f"{AT}/{{id}}", hidden=True)
        def mail_preview_letter(id: str, request: Request) -> Response:
            return self._show(self._found(id, request), request)

        @app.get(f"{AT}/{{id}}/html", hidden=True)
        def mail_preview_html(id: str, request: Request) -> Response:
            letter = self._found(id, request)
            answer = _answer(HTML(letter.message.html), self._policy)
            answer.headers.set("x-frame-options", "SAMEORIGIN")
            return answer

        @app.get(f"{AT}/{{id}}/source", hidden=True)
        def mail_preview_source(id: str, request: Request) -> Response:
            source = self._found(id, request).to_bytes()
            return _answer(Response(source, media_type="text/plain; charset=utf-8"), _POLICY)

    def _found(self, id: str, request: Request) -> Letter:
        _here(request)
        found = next((each for each in tuple(self._letters) if each.id == id), None)
        if found is None:
            raise NotFound("This letter is not kept any more: a process that starts anew forgets them.")
        return found

    def _list(self, request: Request) -> Response:
        _here(request)
        rows = [
            f"<tr><td>{each.date:%H:%M:%S}</td><td>{_text(', '.join(map(str, each.message.to)))}</td>"
            f'<td><a href="{_link(request, each)}">{_text(each.message.subject or "(no subject)")}</a></td></tr>'
            for each in reversed(tuple(self._letters))
        ]
        head = "<thead><tr><th>Sent</th><th>To</th><th>Subject</th></tr></thead>"
        table = f"<table>{head}<tbody>{''.join(rows)}</tbody></table>" if rows else "<p>Nothing was sent yet.</p>"
        return _page("Mail", f"<h1>Mail</h1><p>What this process has sent, the last first.</p>{table}", request)

    def _show(self, letter: Letter, request: Request) -> Response:
        message, link = letter.message, _link(request, letter)
        fields = {"From": str(letter.sender)}
        listed = {"To": message.to, "Cc": message.cc, "Bcc": message.bcc, "Reply-To": message.reply_to}
        fields |= {name: ", ".join(map(str, found)) for name, found in listed.items() if found}
        fields |= {"Date": f"{letter.date:%Y-%m-%d %H:%M:%S} UTC", "Message-ID": letter.id, **dict(message.headers)}
        fields |= {f"File {number}": repr(each)[1:-1] for number, each in enumerate(message.attachments, 1)}
        body = f'<p><a href="{_text(request.root_path)}{AT}">All</a> <a href="{link}/source">Source</a></p>'
        body += f"<h1>{_text(message.subject or '(no subject)')}</h1>{_table(fields)}"
        if message.html:
            body += f'<h2>HTML</h2><iframe sandbox title="The mail as HTML" src="{link}/html"></iframe>'
        if message.text:
            body += f"<h2>Text</h2><pre>{_text(message.text)}</pre>"
        return _page(message.subject or "Mail", body, request)


def _table(fields: Mapping[str, str]) -> str:
    rows = (f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in fields.items())
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _page(title: str, body: str, request: Request) -> Response:
    page = _PAGE.format(title=_text(title), root=_text(request.root_path), at=AT, body=body)
    return _answer(HTML(page), _POLICY)


def _answer(response: Response, policy: str) -> Response:
    response.headers.set("content-security-policy", policy)
    response.headers.set("cache-control", "no-store")
    return response


def _text(text: str) -> str:
    return html.escape(text)


def _link(request: Request, letter: Letter) -> str:
    return _text(f"{request.root_path}{AT}/{letter.id}")


def _here(request: Request) -> None:
    """Let nobody see letters but a browser on this machine that has asked for this machine by name.

    A tunnel's end is on this machine, too, and a page of another site may have its name lead here (DNS rebinding).

    Raises:
        NotFound: it is somebody else.
    """
    relayed = any(name.replace("_", "-").startswith(_RELAYED) for name, _ in request.headers.pairs)
    name = (urlsplit(f"//{request.host}").hostname or "").rstrip(".")
    is_here = name == "localhost" or name.endswith(".localhost") or _is_loopback(name)
    if relayed or not is_here or not _is_loopback(request.client or ""):
        raise NotFound("Letters are shown on this machine only, at http://localhost.")


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback
