"""HTTPS only: the redirect, the refusal, and what browsers remember."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from middleware.conftest import over_asgi
from wholestack import App, SetupError, Text
from wholestack.middleware import HTTPSOnly
from wholestack.testing import Client

ClientOf = Callable[..., Client]
HSTS = "strict-transport-security"


def app_plain() -> App:
    app = App(docs=False)
    app.use(HTTPSOnly(exempt=["/health"]))
    app.get("/")(lambda: Text("home"))
    app.get("/health")(lambda: Text("well"))
    app.post("/login")(lambda: Text("welcome"))
    return app


def test_reading_is_sent_to_https(client_of: ClientOf) -> None:
    client = client_of(app_plain(), base_url="http://example.org:8000")
    for path in ("/", "/?next=%2Fa&b=c%20d", "/a%20b/%C3%A9", "/nowhere", "/health/x"):
        answer = client.get(path)
        assert (answer.status, answer.headers["location"]) == (308, f"https://example.org{path}")
        assert HSTS not in answer.headers  # RFC 6797 §7.2
    assert client.head("/").status == 308


def test_what_has_been_readable_is_refused(client_of: ClientOf) -> None:
    client = client_of(app_plain())
    refused = client.post("/login", json={"password": "secret"})
    assert (refused.status, refused.json()["code"]) == (403, "https-only")
    assert HSTS not in refused.headers
    assert client.delete("/").status == 403


def test_what_is_exempt_is_answered(client_of: ClientOf) -> None:
    client = client_of(app_plain())
    assert client.get("/health").text == "well"
    assert HSTS not in client.get("/health").headers


def test_https_is_answered_and_remembered(client_of: ClientOf) -> None:
    client = client_of(app_plain(), base_url="https://example.org")
    assert client.get("/").text == "home"
    for answer in (client.get("/"), client.get("/nowhere"), client.delete("/"), client.get("/health")):
        assert answer.headers[HSTS] == "max-age=31536000"


def test_a_host_that_is_none_is_sent_nowhere(client_of: ClientOf) -> None:
    client = client_of(app_plain())
    for host in ("a/b", "example.org/x?y=@evil.example", "u@evil.example", "a b"):
        answer = client.get("/", headers={"host": host})
        assert answer.status in {400, 403}
        assert "location" not in answer.headers
    assert client.get("//evil.example/a").headers["location"] == "https://testserver//evil.example/a"


def test_another_port_and_a_path_that_it_is_mounted_at(client_of: ClientOf, interface: str) -> None:
    app = App(docs=False)
    app.use(HTTPSOnly(port=8443))
    app.get("/a")(lambda: Text("a"))
    client = client_of(app, base_url="http://[::1]:8000")
    assert client.get("/a?b").headers["location"] == "https://[::1]:8443/a?b"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "max-age=31536000"),
        ({"max_age": 60}, "max-age=60"),
        ({"subdomains": True}, "max-age=31536000; includeSubDomains"),
        ({"subdomains": True, "preload": True, "max_age": 63072000}, "max-age=63072000; includeSubDomains; preload"),
        ({"max_age": 0}, "max-age=0"),
    ],
)
def test_the_switches(options: Any, expected: str) -> None:
    app = App(docs=False)
    app.use(HTTPSOnly(**options))
    app.get("/")(lambda: Text("home"))
    with Client(app, base_url="https://example.org") as client:
        assert client.get("/").headers[HSTS] == expected


@pytest.mark.parametrize(
    "options", [{"preload": True}, {"preload": True, "subdomains": True, "max_age": 60}, {"max_age": -1}, {"port": 0}]
)
def test_faults(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        HTTPSOnly(**options)


def test_a_handshake_of_a_web_socket() -> None:
    """It is refused where it is not secured, and goes on where it is."""
    assert over_asgi(app_plain(), scheme="ws", method="WEBSOCKET")[0] == 403
    status, fields, body = over_asgi(app_plain(), scheme="wss")
    assert (status, body, fields[HSTS]) == (200, b"home", "max-age=31536000")
