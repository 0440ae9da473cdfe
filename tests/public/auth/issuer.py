"""Somebody else's login for tests: its keys and its description over a socket, and tokens as it signs them."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

AUDIENCE = "https://notes.example.org"
NOW = 1_900_000_000


@functools.cache
def key(kid: str, kind: str = "RSA") -> Any:
    parameters: Any = {"kid": kid, "use": "sig"}
    if kind == "RSA":
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key(kind, parameters) if kind.startswith("P-") else OKPKey.generate_key(kind, parameters)


def public(*keys: Any) -> dict[str, Any]:
    return {"keys": [each.as_dict(private=False) for each in keys]}


def part(value: Any) -> str:
    """A part of a token: JSON, or bytes as they are."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: Any, by: Any, alg: str = "RS256", **header: Any) -> str:
    """A token as RFC 7515 writes it; a member of the header that is None is left out."""
    members = {"alg": alg, "typ": "JWT", "kid": getattr(by, "kid", None), **header}
    text = f"{part({name: value for name, value in members.items() if value is not None})}.{part(claims)}"
    if not callable(by):
        algorithm = JWSRegistry.algorithms[alg]
        by_key: Any = by
        return f"{text}.{part(algorithm.sign(text.encode(), by_key))}"
    return f"{text}.{part(by(text.encode()))}"


class Issuer:
    """Its server.

    Attributes:
        answers: what it says by path: a value as JSON, or a function that writes the answer itself.
        asked: how often it was asked, by path.
        realms: issuers of their own at the same server, each below its name.
    """

    address: str

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Any] = {}
        self.realms: dict[str, Issuer] = {}

    def realm(self, name: str) -> Issuer:
        """An issuer below a name, as on its first day."""
        found = self.realms.setdefault(name, Issuer())
        found.address = f"{self.address}/{name}"
        found.asked.clear()
        found.publish(key("first"), key("second", "P-256"))
        return found

    def _at(self, path: str) -> tuple[Issuer, str]:
        name, _, rest = path[1:].partition("/")
        return (self.realms[name], f"/{rest}") if name in self.realms else (self, path)

    @contextlib.contextmanager
    def running(self) -> Iterator[Issuer]:
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked, path = issuer._at(self.path)
                asked.asked[path] += 1
                found = asked.answers.get(path)
                if isinstance(found, dict):
                    body = json.dumps(found).encode()
                    found = functools.partial(_answer, 200, {"content-length": str(len(body))}, body)
                (found or functools.partial(_answer, 404, {"content-length": "0"}, b""))(self)

            def log_message(self, *_: Any) -> None: ...

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.address = f"http://127.0.0.1:{server.server_port}"
            self.publish(key("first"), key("second", "P-256"))
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def publish(self, *keys: Any) -> None:
        self.answers["/keys"] = public(*keys)
        found = {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}
        self.answers["/.well-known/openid-configuration"] = found

    def claims(self, **more: Any) -> dict[str, Any]:
        """Those of a good token; one that is None is left out."""
        own = {"iss": self.address, "aud": AUDIENCE, "sub": "zoe-7", "iat": NOW, "exp": NOW + 300}
        return {name: value for name, value in {**own, **more}.items() if value is not None}


def _answer(status: int, headers: dict[str, str], body: bytes, handler: Any) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    """An answer of any kind."""
    return functools.partial(_answer, status, {"content-length": str(len(body)), **headers}, body)
