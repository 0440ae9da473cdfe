"""Row C25: what other frameworks make, mounted below ours: rows C1, C5, C8, C9 and A4 hold through the mount."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fastapi
import pytest
from starlette.middleware.sessions import SessionMiddleware

from wholestack import App
from wholestack.middleware import SecurityHeaders
from wholestack.sessions import BrowserSession, MemorySessions, Sessions
from wholestack.testing import Client

OWN = {"sec-fetch-site": "same-origin"}
CROSS = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
HOSTS = (
    "",
    "a/b",
    "a?b",
    "a#b",
    "a@b",
    "a b",
    "a\\b",
    "testserver, evil.example",
    "testserver@evil.example",
    "[::1",
    "a:b",
)
"""What no `Host` may be."""


def of_django() -> Any:
    """Django with its own sessions, which it keeps in a signed cookie, and its own guard against forged requests."""
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


@pytest.fixture(autouse=True)
def django_settings() -> Iterator[None]:
    """Django has one set of settings for the process, which another test may have configured."""
    import django
    from django.conf import settings
    from django.test import override_settings

    if not settings.configured:
        settings.configure(SECRET_KEY="d" * 50)
        django.setup()
    with override_settings(
        SECRET_KEY="d" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        SESSION_COOKIE_NAME="sessionid",
    ):
        yield


def _count(request: Any) -> Any:
    from django.http import HttpResponse

    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse(f"{request.session['count']} {request.get_host()}".encode())


def __getattr__(name: str) -> Any:
    if name == "urlpatterns":  # Django asks this module for its routes.
        from django.urls import path

        return [path("count", _count)]
    raise AttributeError(name)


def of_fastapi() -> Any:
    """FastAPI with Starlette's sessions, a cookie that is called as ours is over http."""
    app = fastapi.FastAPI()
    app.add_middleware(SessionMiddleware, secret_key="f" * 50)

    @app.api_route("/count", methods=["GET", "POST"])
    def count(request: fastapi.Request) -> Any:
        request.session["count"] = request.session.get("count", 0) + 1
        return fastapi.responses.PlainTextResponse(f"{request.session['count']} {request.url.netloc}")

    return app


MOUNTED = {"django": (of_django, "sessionid"), "fastapi": (of_fastapi, "session")}
"""What is mounted, and the name of its own cookie."""


@pytest.fixture(params=MOUNTED)
def mounted(request: pytest.FixtureRequest, django_settings: None) -> tuple[App, str]:
    make, cookie = MOUNTED[request.param]
    app = App(docs=False)
    app.use(SecurityHeaders(), Sessions(MemorySessions(), cookie="ours"))
    app.mount("/old", make())

    @app.post("/login")
    def login(session: BrowserSession) -> None:
        session.user = "ann"

    @app.post("/logout")
    def logout(session: BrowserSession) -> None:
        session.revoke()

    @app.get("/who")
    def who(session: BrowserSession) -> str:
        return str(session.user)

    return app, cookie


@pytest.fixture(params=["asgi", "wsgi"])
def client(request: pytest.FixtureRequest, mounted: tuple[App, str]) -> Any:
    with Client(mounted[0], interface=request.param, base_url="https://testserver") as client:
        yield client


def test_C25_forged_requests_do_not_reach_it(client: Client) -> None:
    assert client.post("/old/count", headers=OWN).text.startswith("1 ")
    for path in ("/old/count", "/old/nowhere", "/old/"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, path, headers=CROSS).status == 403
    assert client.post("/old/count", headers=OWN).text.startswith("2 "), "none of them was counted"
    assert client.get("/old/count", headers=CROSS).text.startswith("3 "), "a link of another site is followed"


def test_C25_a_logout_of_ours_ends_each_copy_and_nothing_of_its_own(client: Client) -> None:
    client.post("/login", headers=OWN)
    client.post("/old/count", headers=OWN)
    copied = dict(client.cookies.items())
    client.post("/logout", headers=OWN)
    cookie = "; ".join(f"{name}={value}" for name, value in copied.items())
    assert client.get("/who", headers={"cookie": cookie}).text == "None"
    assert client.get("/old/count", headers={"cookie": cookie}).text.startswith("2 "), "its session is its own"


def test_C25_sessions_do_not_clash(client: Client, mounted: tuple[App, str]) -> None:
    client.post("/login", headers=OWN)
    assert [client.post("/old/count", headers=OWN).text[:2] for _ in range(3)] == ["1 ", "2 ", "3 "]
    assert client.get("/who").text == "ann"
    assert sorted(client.cookies) == sorted(["__Host-ours", mounted[1]])


def test_C25_what_its_cookies_say_is_its_own_and_ours_stay_as_they_are(
    client: Client, mounted: tuple[App, str]
) -> None:
    ours = client.post("/login", headers=OWN).headers.get_all("set-cookie")
    theirs = client.post("/old/count", headers=OWN).headers.get_all("set-cookie")
    assert len(ours) == len(theirs) == 1
    for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word.lower() in ours[0].lower()
    assert theirs[0].startswith(f"{mounted[1]}=") and "__Host-" not in theirs[0]


def test_C25_our_header_fields_are_on_its_answers(client: Client) -> None:
    for path in ("/old/count", "/old/nowhere", "/old"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] and headers["cross-origin-opener-policy"] == "same-origin"
        assert "default-src 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize("host", HOSTS)
def test_C25_a_host_that_is_none_does_not_reach_it(client: Client, host: str) -> None:
    answer = client.get("/old/count", headers={"host": host})
    assert answer.status == 400, answer.text
    assert client.get("/old/count").text == "1 testserver"
