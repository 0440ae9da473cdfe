"""Row A5: a host that is not ours is refused, and shown nowhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from wholestack import App, Request, Response, SetupError, Text
from wholestack.middleware import AllowedHosts, HTTPSOnly
from wholestack.testing import Client

ClientOf = Callable[..., Client]


def app_for(*hosts: str) -> App:
    app = App(docs=False)
    app.use(AllowedHosts(*hosts))

    @app.get("/")
    def home(request: Request) -> str:
        return request.url

    return app


def status(client: Client, host: str, path: str = "/") -> int:
    return client.get(path, headers={"host": host}).status


def test_A5_a_host_that_is_not_listed(client_of: ClientOf) -> None:
    client = client_of(app_for("example.org"))
    assert client.get("/", headers={"host": "example.org"}).text == "http://example.org/"
    for path, method in (("/", "GET"), ("/nowhere", "GET"), ("/", "DELETE"), ("/", "OPTIONS"), ("/", "HEAD")):
        refused = client.request(method, path, headers={"host": "evil.example"})
        assert refused.status == 400
        assert b"evil" not in refused.body
        assert not any("evil" in value for _, value in refused.headers.pairs)
        if method != "HEAD":
            assert refused.json()["code"] == "host-not-allowed"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.org", 200),
        ("EXAMPLE.org", 200),
        ("example.org:8443", 200),
        ("www.example.org", 400),
        ("evilexample.org", 400),
        ("example.org.evil.com", 400),
        ("example.org.", 400),
        ("a.shop.example", 200),
        ("a.b.shop.example:1", 200),
        ("shop.example", 400),
        ("evilshop.example", 400),
        (".shop.example", 400),
        ("_.shop.example", 400),
        ("[::1]:8000", 200),
        ("[::2]", 400),
        ("127.0.0.1", 200),
    ],
)
def test_exact_names_and_all_below_a_name(host: str, expected: int) -> None:
    with Client(app_for("example.org", "*.shop.example", "[::1]", "127.0.0.1")) as client:
        assert status(client, host) == expected


def test_a_host_that_is_none_stays_refused(client_of: ClientOf) -> None:
    client = client_of(app_for("*"))
    assert status(client, "evil.example") == 200
    assert client.get("/", headers={"host": "a/b?c=@d"}).json()["code"] == "bad-host"


def test_A5_a_redirect_never_goes_to_a_refused_host(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(HTTPSOnly(), AllowedHosts("example.org"))  # in the wrong order, as it seems
    app.get("/")(lambda: Text("home"))
    client = client_of(app)
    assert client.get("/", headers={"host": "example.org"}).headers["location"] == "https://example.org/"
    assert client.get("/", headers={"host": "evil.example"}).json()["code"] == "host-not-allowed"


def test_the_apps_own_middleware_sees_no_refused_host(client_of: ClientOf) -> None:
    seen: list[str] = []
    app = app_for("example.org")

    @app.middleware
    def noting(request: Request) -> Generator[None, Response, Response]:
        seen.append(request.host)
        return (yield)

    client = client_of(app)
    assert [status(client, "example.org"), status(client, "evil.example")] == [200, 400]
    assert seen == ["example.org"]


@pytest.mark.parametrize(
    "host", ["", "https://example.org", "example.org/x", "*example.org", "a.*.org", "exa mple.org", "-a.org"]
)
def test_what_is_no_host_is_a_fault_where_it_stands(host: str) -> None:
    with pytest.raises(SetupError, match="bad-guard") as raised:
        AllowedHosts(host)
    assert raised.value.faults[0].where.startswith(__file__)


def test_none_at_all_is_a_fault() -> None:
    with pytest.raises(SetupError, match="names no host"):
        AllowedHosts()


def test_the_same_app_again(client_of: ClientOf) -> None:
    """A twin, and an app that was unsealed, have each guard once."""
    app = app_for("example.org")
    app.seal()
    app.unseal()
    with app.replace(int, 1) as twin:
        assert len(twin.middlewares) == 1
        assert status(client_of(twin), "evil.example") == 400
    client: Any = client_of(app)
    assert len(app.middlewares) == 1
    assert status(client, "evil.example") == 400
