"""A visitor: keeps cookies, reads whole answers, sends forms as a browser does."""

import socket
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlencode

from harness.wire import BROWSER, HOST, PAGE, Request
from harness.workloads import WrongAnswer

FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": PAGE["Accept"],
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
}


@dataclass(frozen=True)
class Reply:
    """A whole answer; the names of its fields are in lower case, each as often as it came."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str:
        """The first field of this name, or nothing."""
        return next((value for known, value in self.fields if known == name), "")

    @property
    def media_type(self) -> str:
        """Without parameters."""
        return self.get("content-type").partition(";")[0].strip().lower()


def read_reply(connection: socket.socket, method: str) -> Reply:
    """Read one answer to its end."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    body = response.read()
    return Reply(response.status, tuple((name.lower(), value) for name, value in response.getheaders()), body)


@dataclass
class Visitor:
    """One browser at one server."""

    port: int
    jar: dict[str, str] = field(default_factory=dict)

    def request(self, path: str, form: dict[str, str] | None = None, more: tuple[tuple[str, str], ...] = ()) -> Request:
        """A request with the cookies, and with what the form says where there is one."""
        cookies = "; ".join([BROWSER["Cookie"], *(f"{name}={value}" for name, value in self.jar.items())])
        own = (("Cookie", cookies), *more)
        if form is None:
            return Request(path, more=own)
        return Request(path, "POST", urlencode(form).encode(), (*FORM.items(), *own))

    def ask(self, request: Request, timeout: float = 20.0) -> Reply:
        """Send it twice over one connection (keep-alive is part of being right) and keep the second answer's cookies."""
        try:
            with socket.create_connection((HOST, self.port), timeout) as connection:
                for _ in range(2):
                    connection.sendall(request.encode(self.port))
                    reply = read_reply(connection, request.method)
        except (OSError, HTTPException) as error:
            raise WrongAnswer(f"{request.method} {request.path}: {type(error).__name__}: {error}") from error
        for name, value in reply.fields:
            if name == "set-cookie":
                key, _, kept = value.partition(";")[0].partition("=")
                self.jar[key.strip()] = kept.strip()
        return reply
