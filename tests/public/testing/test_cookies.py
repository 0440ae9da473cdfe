"""A client keeps cookies and sends them back as a browser would."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from wholestack import App, Request, Response
from wholestack.testing import Client, CookieJar

ClientOf = Callable[..., Client]


def app() -> App:
    app = App(docs=False)

    @app.get("/set")
    def set_cookie(request: Request) -> Response:
        """Sets what the query says."""
        return Response(b"set", headers=[("set-cookie", each) for each in request.query["c"]])

    @app.get("/{rest:path}")
    def seen(rest: str, request: Request) -> dict[str, str]:
        return dict(request.cookies)

    return app


def test_what_is_set_is_sent_back(client_of: ClientOf) -> None:
    client = client_of(app())
    assert client.get("/set", query={"c": ["a=1; HttpOnly; SameSite=Lax", "b=2; Secure"]}).cookies == {
        "a": "1",
        "b": "2",
    }
    assert client.get("/x").json() == {"a": "1", "b": "2"}
    assert dict(client.cookies) == {"a": "1", "b": "2"}
    client.get("/set", query={"c": ["a=; Max-Age=0", "b=3"]})
    assert client.get("/x").json() == {"b": "3"}


def test_cookies_of_the_test(client_of: ClientOf) -> None:
    client = client_of(app(), cookies={"theme": "dark"})
    client.cookies["id"] = "7"
    assert client.get("/x").json() == {"theme": "dark", "id": "7"}
    assert client.get("/x", cookies={"id": "8", "one": "1"}).json() == {"theme": "dark", "id": "8", "one": "1"}
    assert client.get("/x").json() == {"theme": "dark", "id": "7"}
    assert client.get("/x", headers={"cookie": "own=1"}).json() == {"own": "1"}
    del client.cookies["id"]
    assert client.get("/x").json() == {"theme": "dark"}
    client.cookies.clear()
    assert client.get("/x").json() == {}


def test_two_clients_are_two_users(client_of: ClientOf) -> None:
    one = client_of(app())
    two = Client(one.app, interface=one.interface)
    one.get("/set", query={"c": "user=one"})
    assert (one.get("/x").json(), two.get("/x").json()) == ({"user": "one"}, {})


# -- the jar by itself -------------------------------------------------------------------------------------------


def jar_with(*fields: str, scheme: str = "https", host: str = "shop.example", path: str = "/a/b") -> CookieJar:
    jar = CookieJar(host)
    jar.take(scheme, host, path, list(fields))
    return jar


@pytest.mark.parametrize(
    ("field", "path", "sent"),
    [
        ("x=1; Path=/", "/", True),
        ("x=1", "/a/c", True),  # the default path is the folder of what was asked
        ("x=1", "/a", True),
        ("x=1", "/", False),
        ("x=1; Path=/a", "/ab", False),
        ("x=1; Path=/a", "/a/", True),
        ("x=1; Path=/a/", "/a/z", True),
        ("x=1; Path=relative", "/a/z", True),
    ],
)
def test_paths(field: str, path: str, sent: bool) -> None:
    assert jar_with(field).header("https", "shop.example", path) == ("x=1" if sent else "")


@pytest.mark.parametrize(
    ("field", "host", "sent"),
    [
        ("x=1", "shop.example", True),
        ("x=1", "www.shop.example", False),
        ("x=1; Domain=shop.example", "www.shop.example", True),
        ("x=1; Domain=.Shop.Example", "www.shop.example", True),
        ("x=1; Domain=shop.example", "workshop.example", False),
        ("x=1; Domain=other.example", "shop.example", False),
        ("x=1; Domain=other.example", "other.example", False),
        ("x=1; Domain=", "shop.example", True),
    ],
)
def test_domains(field: str, host: str, sent: bool) -> None:
    assert jar_with(f"{field}; Path=/").header("https", host, "/") == ("x=1" if sent else "")


def test_an_address_has_nothing_below_it() -> None:
    assert jar_with("x=1; Domain=0.0.1", host="127.0.0.1").header("https", "127.0.0.1", "/a/b") == ""


@pytest.mark.parametrize(
    ("scheme", "host", "sent"),
    [
        ("https", "shop.example", True),
        ("http", "shop.example", False),
        ("http", "localhost", True),
        ("http", "a.localhost", True),
        ("http", "testserver", True),
        ("http", "127.0.0.1", True),
    ],
)
def test_secure_cookies(scheme: str, host: str, sent: bool) -> None:
    jar = CookieJar(host)
    jar.set("x", "1", secure=True)
    assert jar.header(scheme, host, "/") == ("x=1" if sent else "")
    jar = jar_with("x=1; Secure; Path=/", scheme=scheme, host=host)
    assert bool(jar) is sent


@pytest.mark.parametrize(
    ("field", "kept"),
    [
        ("__Host-x=1; Secure; Path=/", True),
        ("__Host-x=1; Path=/", False),
        ("__Host-x=1; Secure; Path=/a", False),
        ("__host-x=1; Secure; Path=/; Domain=shop.example", False),
        ("__Secure-x=1; Secure", True),
        ("__Secure-x=1", False),
        ("x=1; SameSite=None", False),
        ("x=1; SameSite=None; Secure", True),
        ("nameless", False),
        ("=1", False),
        ("x=", True),
    ],
)
def test_what_a_browser_refuses(field: str, kept: bool) -> None:
    assert bool(jar_with(field)) is kept


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ("Max-Age=100", True),
        ("Max-Age=0", False),
        ("Max-Age=-1", False),
        ("Max-Age=soon", True),
        ("Expires=Sun, 06 Nov 1994 08:49:37 GMT", False),
        ("Expires=Fri, 31 Dec 2100 08:49:37 GMT", True),
        ("Expires=nonsense", True),
        ("Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=100", True),
        ("Max-Age=0; Expires=Fri, 31 Dec 2100 08:49:37 GMT", False),
    ],
)
def test_expiry(attributes: str, kept: bool) -> None:
    assert bool(jar_with(f"x=1; {attributes}")) is kept


def test_a_cookie_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    jar = jar_with("x=1; Max-Age=100; Path=/", "y=2; Path=/")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 101)
    assert jar.header("https", "shop.example", "/") == "y=2"
    assert [cookie.name for cookie in jar.all()] == ["y"]


def test_the_order() -> None:
    jar = jar_with("x=root; Path=/", "x=deep; Path=/a/b", "y=1; Path=/a")
    assert jar.header("https", "shop.example", "/a/b/c") == "x=deep; y=1; x=root"
    assert list(jar) == ["x", "y"]
    assert len(jar) == 2
    assert jar["x"] == "root"
    del jar["x"]
    assert list(jar) == ["y"]


def test_a_jar_shows_no_values() -> None:
    assert repr(jar_with("x=hidden")) == "<CookieJar x>"


def test_what_is_not_there() -> None:
    jar = CookieJar("testserver")
    with pytest.raises(KeyError):
        jar["x"]
    with pytest.raises(KeyError):
        del jar["x"]


def test_a_domain_of_the_tests() -> None:
    jar = CookieJar("testserver")
    jar.set("x", "1", domain=".example.org", path="/a")
    assert jar.header("https", "www.example.org", "/a/b") == "x=1"
    assert jar.header("https", "testserver", "/a/b") == ""
