"""Requests as a browser sends them, byte by byte, and answers read from a socket.

The bytes made here are checked with `fetch` and then timed with `wrk`: what was checked is what is timed.
"""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

HOST = "127.0.0.1"
LARGEST_ANSWER = 8 * 1024 * 1024

BROWSER = {
    "sec-ch-ua": '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "Sec-Fetch-Site": "same-origin",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Cookie": "theme=dark; visit=8f14e45fceea167a5a36dedd4bea2543; consent=1",
}
PAGE = {
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
}
SCRIPT = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/plain, */*",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
}


@dataclass(frozen=True)
class Request:
    """A request, sent with sixteen headers: as a page that is opened (GET) or as a script's `fetch` (POST).

    Fields in `more` are added, or take the place of those of the same name.
    """

    path: str
    method: str = "GET"
    body: bytes = b""
    more: tuple[tuple[str, str], ...] = ()

    def headers(self, port: int) -> dict[str, str]:
        """The sixteen headers, and more."""
        own = {"Host": f"{HOST}:{port}"}
        if self.method == "GET":
            return own | PAGE | BROWSER | {"Referer": f"http://{HOST}:{port}/"} | dict(self.more)
        length = {"Content-Length": str(len(self.body)), "Origin": f"http://{HOST}:{port}"}
        return own | length | SCRIPT | BROWSER | {"Referer": f"http://{HOST}:{port}/"} | dict(self.more)

    def encode(self, port: int) -> bytes:
        """The bytes on the wire."""
        lines = [f"{name}: {value}" for name, value in self.headers(port).items()]
        return "\r\n".join([f"{self.method} {self.path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def fetch(port: int, request: Request, timeout: float = 10.0) -> Answer:
    """Send one request to 127.0.0.1 and read its whole answer; `OSError` or `HTTPException` where there is none."""
    with socket.create_connection((HOST, port), timeout) as connection:
        connection.sendall(request.encode(port))
        return read_answer(connection, request)


def fetch_twice(port: int, request: Request, timeout: float = 10.0) -> tuple[Answer, Answer]:
    """Two answers over one connection: whether keep-alive works is part of being right."""
    with socket.create_connection((HOST, port), timeout) as connection:
        connection.sendall(request.encode(port))
        first = read_answer(connection, request)
        connection.sendall(request.encode(port))
        return first, read_answer(connection, request)


def read_answer(connection: socket.socket, request: Request) -> Answer:
    """Read one answer, to its end."""
    response = HTTPResponse(connection, method=request.method)
    response.begin()
    body = response.read(LARGEST_ANSWER)
    if response.getheader("content-encoding"):
        raise HTTPException("the answer is compressed, the others' are not")
    return Answer(response.status, (response.getheader("content-type") or "").partition(";")[0].strip().lower(), body)
