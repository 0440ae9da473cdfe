"""Requests that another site has made a browser send are refused; what is one's own passes, in every browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from wholestack import App, Cookie, Form, Response, Router, SetupError, Stream, testing
from wholestack.db import Database
from wholestack.middleware import CORS, OriginPattern, TrustedProxies
from wholestack.sessions import CSRF, BrowserSession, CookieSessions, DatabaseSessions, MemorySessions, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import Answer

OWN = {"sec-fetch-site": "same-origin"}
STORES = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions, CookieSessions])
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "PURGE"]


class Client(testing.Client):
    """One that says nothing of where a request comes from, as an old browser, unless a test does."""

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(app, **options)
        self.same_origin = False


def site(folder: Path, *plugins: Any, store: Any = None) -> App:
    (folder / "form.html").write_text("<form method=post>{{ csrf }}</form><i>{{ csrf_token }}</i>")
    app = App(docs=False)
    app.use(Database("sqlite://"), *(plugins or (Sessions(store and store()),)), Templates(str(folder)))

    @app.get("/form")
    def form() -> Page:
        return Page("form.html")

    @app.route("/act", UNSAFE)
    def act() -> str:
        return "done"

    @app.post("/form")
    def sent(text: Form[str] = "") -> str:
        return f"sent {text}"

    @app.post("/hook", csrf=False)
    def hook() -> str:
        return "hooked"

    return app


def with_sessions(app: App) -> App:
    @app.post("/login")
    def login(session: BrowserSession) -> None:
        session.user = "ann"

    @app.post("/logout")
    def logout(session: BrowserSession) -> None:
        session.revoke()

    return app


def token_of(page: Answer) -> str:
    found = re.search(r'<input type="hidden" name="csrf_token" value="([\w-]{86})">', page.text)
    assert found is not None
    return found[1]


# -- what a browser says of where a request comes from -----------------------------------------------------------


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "http://testserver"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, 403),
        ({"sec-fetch-site": "something-new"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://shop.example"}, 200),
        ({"sec-fetch-site": "cross-site", "origin": "https://a.shop.example"}, 200),
        ({"sec-fetch-site": "cross-site", "origin": "https://ashop.example"}, 403),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "https://testserver"}, 403),
        ({"origin": "http://testserver:8000"}, 403),
        ({"origin": "http://testserver.evil.example"}, 403),
        ({"origin": "https://shop.example"}, 200),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({}, 403),
        ({"authorization": "Bearer abc"}, 200),
        ({"authorization": "Bearer abc", "sec-fetch-site": "cross-site"}, 200),
        ({"authorization": "Basic YTpi"}, 403),
        ({"authorization": "NEGOTIATE x", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_C1_where_it_comes_from(tmp_path: Path, method: str, fields: Mapping[str, str], status: int) -> None:
    trusted = ["https://shop.example", OriginPattern("https://*.shop.example")]
    app = site(tmp_path, Sessions(trusted_origins=trusted))
    with Client(app, cookies={"session": "x"}) as client:
        answer = client.request(method, "/act", headers=fields)
        assert answer.status == status
        if status == 403:
            assert answer.json()["code"] == "csrf-failed"


def test_two_fields_of_one_name_are_nobody_s(tmp_path: Path) -> None:
    with Client(site(tmp_path), cookies={"session": "x"}) as client:
        twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]
        assert client.post("/act", headers=twice).status == 403
        origins = [("origin", "http://testserver"), ("origin", "https://evil.example")]
        assert client.post("/act", headers=origins).status == 403


def test_programs_without_credentials_pass(tmp_path: Path) -> None:
    with Client(site(tmp_path)) as client:
        assert client.post("/act").text == "done"
        assert (
            client.post("/act", headers={"authorization": "Basic YTpi"}).status == 403
        )  # A browser sends it by itself.


def test_routes_that_say_so_and_safe_methods_are_open(tmp_path: Path) -> None:
    app = site(tmp_path)
    router = Router("/all")
    router.route("/", ["GET", "POST"])(lambda: 7)
    app.include(router)
    cross = {"sec-fetch-site": "cross-site"}
    with Client(app, cookies={"session": "x"}, headers=cross) as client:
        assert client.post("/hook").text == "hooked"
        assert [client.request(method, "/form").status for method in ("GET", "HEAD", "OPTIONS")] == [200, 200, 204]
        assert client.get("/all/").text == "7"
        assert client.post("/all/").status == 403
        assert client.post("/nowhere").status == 403


def test_a_trusted_site_s_script_reads_the_answer_too(tmp_path: Path) -> None:
    shop = "https://shop.example"
    app = site(tmp_path, CORS(origins=[shop], credentials=True), Sessions(trusted_origins=[shop]))
    with Client(app, cookies={"session": "x"}) as client:
        answer = client.post("/act", headers={"origin": shop, "sec-fetch-site": "cross-site"})
        assert (answer.text, answer.headers["access-control-allow-origin"]) == ("done", shop)


def test_a_proxy_s_word_for_scheme_and_host(tmp_path: Path) -> None:
    app = site(tmp_path, Sessions(), TrustedProxies("127.0.0.1", fields=("for", "proto", "host")))
    said = {"x-forwarded-proto": "https", "x-forwarded-host": "shop.example", "x-forwarded-for": "192.0.2.7"}
    with Client(app, cookies={"session": "x"}) as client:
        assert client.post("/act", headers={**said, "origin": "https://shop.example"}).status == 200
        assert client.post("/act", headers={**said, "origin": "http://testserver"}).status == 403


def test_a_refusal_says_why(tmp_path: Path) -> None:
    with Client(site(tmp_path), cookies={"session": "x"}) as client:
        detail = client.post("/act", headers={"origin": "https://evil.example"}).json()["detail"]
        assert "https://evil.example" in detail and "trusted_origins" in detail and "TrustedProxies" in detail
        page = client.post("/act", headers={"sec-fetch-site": "cross-site", "accept": "text/html"})
        assert page.status == 403 and "Load the page again" in page.text


# -- tokens, for browsers that do not say it -----------------------------------------------------------------------


@STORES
@pytest.mark.parametrize("where", ["form", "multipart", "header"])
def test_C2_a_token_is_taken(tmp_path: Path, store: Any, where: str) -> None:
    with Client(with_sessions(site(tmp_path, store=store))) as client:
        token = token_of(client.get("/form"))
        for logged_in in (False, True):
            if logged_in:
                client.post("/login", headers=OWN)
                assert client.post("/form", data={"csrf_token": token}).status == 403  # It was the visitor's.
                token = token_of(client.get("/form"))
            assert client.post("/form").status == 403
            if where == "form":
                assert client.post("/form", data={"csrf_token": token, "text": "x"}).text == "sent x"
            elif where == "multipart":
                files = {"more": ("a.txt", b"a", "text/plain")}
                assert client.post("/form", data={"csrf_token": token, "text": "x"}, files=files).text == "sent x"
            else:
                assert client.post("/act", headers={"x-csrf-token": token}).text == "done"


@STORES
def test_C2_tokens_that_are_not_right(tmp_path: Path, store: Any) -> None:
    app = with_sessions(site(tmp_path, store=store))
    with Client(app) as client, Client(app) as other:
        for each in (client, other):
            each.post("/login", headers=OWN)
        token, foreign = token_of(client.get("/form")), token_of(other.get("/form"))
        swapped = token[43:] + token[:43]
        wrong = ["", "x", "A" * 86, foreign, token[:-1], token + "A", token[::-1], swapped, token.lower(), f"{token}=="]
        wrong += [token[:43] + "A" * 43, "é" * 86, token + "\x00", client.cookies["session"]]
        for each in wrong:
            assert client.post("/form", data={"csrf_token": each}).status == 403, each
            assert client.post("/form", data=[("csrf_token", each), ("csrf_token", token)]).status == 403, each
        assert client.post("/form", query={"csrf_token": token}).status == 403  # Never from an address.
        assert client.post("/form", json={"csrf_token": token}).status == 403
        assert client.post("/form", cookies={"csrf_token": token}).status == 403
        assert client.post("/form", data={"csrf_token": token}).status == 200
        client.post("/logout", headers=OWN)
        assert client.post("/form", data={"csrf_token": token}, headers={"cookie": "a=b"}).status == 403


def test_C2_a_token_is_another_text_each_time_and_stays_right(tmp_path: Path) -> None:
    with Client(site(tmp_path)) as client:
        pages = [client.get("/form") for _ in range(20)]
        tokens = {token_of(page) for page in pages} | {page.text.split("<i>")[1][:86] for page in pages}
        assert len(tokens) == 40
        assert not any(token in header for page in pages for token in tokens for _, header in page.headers.pairs)
        assert all(client.post("/form", data={"csrf_token": token}).status == 200 for token in tokens)


@pytest.mark.parametrize("secure", [False, True])
def test_C3_an_old_browser(tmp_path: Path, secure: bool) -> None:
    base = "https://testserver" if secure else "http://testserver"
    with Client(with_sessions(site(tmp_path)), base_url=base) as client:
        client.post("/login", headers=OWN)
        data = {"csrf_token": token_of(client.get("/form"))}
        own = {"referer": f"{base}/form?x=1"}
        assert client.post("/form", data=data, headers=own).status == 200
        assert client.post("/form", headers=own).status == 403
        for referer in (
            "https://evil.example/",
            "about:blank",
            "",
            "http://testserver.evil.example",
            "https://[",
            None,
        ):
            headers = {} if referer is None else {"referer": referer}
            assert client.post("/form", data=data, headers=headers).status == (403 if secure else 200), referer
        assert client.post("/form", data=data, headers={"origin": base}).status == 200
        assert client.post("/form", data=data, headers={"origin": "https://evil.example"}).status == 403


def test_C3_a_trusted_site_in_an_old_browser(tmp_path: Path) -> None:
    app = site(tmp_path, Sessions(trusted_origins=["https://shop.example"]))
    with Client(app, base_url="https://testserver") as client:
        data = {"csrf_token": token_of(client.get("/form"))}
        assert client.post("/form", data=data, headers={"referer": "https://shop.example/x"}).status == 200


def test_a_token_holds_for_a_session_that_begins_with_its_page(tmp_path: Path) -> None:
    app = site(tmp_path)

    @app.get("/begin")
    def begin(session: BrowserSession) -> Page:
        session.data["a"] = 1
        return Page("form.html")

    with Client(app) as client:
        token = token_of(client.get("/begin"))
        assert list(client.cookies) == ["session"]
        assert client.post("/form", data={"csrf_token": token}).status == 200


@pytest.mark.parametrize("alone", [False, True])
def test_a_token_in_a_page_that_is_streamed(tmp_path: Path, alone: bool) -> None:
    app = site(tmp_path, CSRF() if alone else Sessions(MemorySessions()))

    @app.get("/streamed")
    def streamed() -> Page:
        return Page("form.html", stream=True)

    with Client(app) as client:
        page = client.get("/streamed")
        assert list(client.cookies) == ["csrf"]
        assert (page.headers["vary"], page.headers["cache-control"]) == ("cookie", "no-store")
        data = {"csrf_token": token_of(page), "text": "x"}
        assert client.post("/form", data=data).text == "sent x"
        again = client.get("/streamed")
        assert "set-cookie" not in again.headers and again.headers["cache-control"] == "private"


def test_a_token_of_a_stream_holds_for_the_session_that_begins_with_it(tmp_path: Path) -> None:
    app = site(tmp_path)

    @app.get("/streamed")
    def streamed(session: BrowserSession) -> Page:
        session.data["begun"] = True
        return Page("form.html", stream=True)

    with Client(app) as client:
        data = {"csrf_token": token_of(client.get("/streamed")), "text": "x"}
        assert list(client.cookies) == ["session"]
        assert client.post("/form", data=data).text == "sent x"


def test_html_that_is_streamed_beside_a_session_is_private(tmp_path: Path) -> None:
    app = site(tmp_path)

    @app.get("/html")
    def html(session: BrowserSession) -> Response:
        return Stream((f"<b>{each}{session.user}</b>".encode() for each in range(3)), media_type="text/html")

    @app.get("/csv")
    def csv(session: BrowserSession) -> Response:
        return Stream((b"1,2\n" for _ in range(3)), media_type="text/csv")

    with Client(app) as client:
        found = client.get("/html")
        assert found.text == "<b>0None</b><b>1None</b><b>2None</b>"
        assert (found.headers["vary"], found.headers["cache-control"]) == ("cookie", "private")
        assert "set-cookie" not in found.headers and "vary" not in client.get("/csv").headers


def test_a_form_that_no_handler_reads(tmp_path: Path) -> None:
    app = site(tmp_path)

    @app.post("/logout")
    def logout(csrf_token: Form[str] = "") -> str:
        return "out"

    with Client(app) as client:
        data = {"csrf_token": token_of(client.get("/form"))}
        refused = client.post("/act", data=data)
        assert refused.status == 403 and "csrf_token: Form[str]" in refused.text
        assert client.post("/logout", data=data).text == "out"
        assert client.post("/logout", data={}).status == 403
        client.same_origin = True
        assert client.post("/logout", data={}).text == "out"


def test_the_cookie_of_a_token_comes_with_a_form_only(tmp_path: Path) -> None:
    with Client(site(tmp_path)) as client:
        client.post("/act")
        client.get("/nowhere")
        assert not client.cookies
        page = client.get("/form")
        assert list(client.cookies) == ["csrf"]
        assert (page.headers["cache-control"], page.headers["vary"]) == ("no-store", "cookie")
        assert "set-cookie" not in client.get("/form").headers


def test_secrets_are_rotated(tmp_path: Path) -> None:
    old, new = "o" * 32, "n" * 32
    apps = [site(tmp_path, CSRF(secret=secret)) for secret in (old, [new, old], new)]
    with Client(apps[0]) as first, Client(apps[1]) as second, Client(apps[2]) as third:
        token = token_of(first.get("/form"))
        for each in (second, third):
            each.cookies.update(first.cookies)
        assert first.post("/form", data={"csrf_token": token}).status == 200
        assert second.post("/form", data={"csrf_token": token}).status == 200
        assert third.post("/form", data={"csrf_token": token}).status == 403
        assert third.post("/form", data={"csrf_token": token_of(second.get("/form"))}).status == 200


def test_secrets_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "n" * 32 + ", " + "o" * 32)
    given = CSRF(secret=["n" * 32])
    with Client(site(tmp_path, CSRF())) as first, Client(site(tmp_path, given)) as second:
        token = token_of(first.get("/form"))
        second.cookies.update(first.cookies)
        assert second.post("/form", data={"csrf_token": token}).status == 200
    monkeypatch.delenv("SECRET_KEY")
    (tmp_path / "key").write_text("n" * 32 + "\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    with Client(site(tmp_path, CSRF())) as third:
        third.cookies.update(first.cookies)
        assert third.post("/form", data={"csrf_token": token}).status == 200


# -- the guard alone, and both --------------------------------------------------------------------------------------


def test_the_guard_without_sessions(tmp_path: Path) -> None:
    with Client(site(tmp_path, CSRF(trusted_origins=["https://shop.example"])), cookies={"mine": "7"}) as client:
        assert client.post("/act", headers={"sec-fetch-site": "cross-site"}).status == 403
        assert client.post("/act", headers={"origin": "https://shop.example"}).status == 200
        assert client.post("/form", data={"csrf_token": token_of(client.get("/form"))}).status == 200


def test_sessions_take_the_guard_that_is_used(tmp_path: Path) -> None:
    guard = CSRF(trusted_origins=["https://shop.example"])
    app = site(tmp_path, guard, Sessions())
    app.seal()
    assert sum("refuse_other_sites" in each.__qualname__ for each in app.middlewares) == 1
    with Client(app, cookies={"session": "x"}) as client:
        assert client.post("/act", headers={"origin": "https://shop.example"}).status == 200


def test_sessions_without_a_guard(tmp_path: Path) -> None:
    (tmp_path / "plain.html").write_text("plain")
    app = App(docs=False)
    app.use(Sessions(csrf=False), Templates(str(tmp_path)))
    app.post("/act")(lambda: 7)
    with Client(app, cookies={"session": "x"}) as client:
        assert client.post("/act", headers={"sec-fetch-site": "cross-site"}).text == "7"


@pytest.mark.parametrize(
    "origin", ["null", "https://a.example/", "https://a.example:443", "HTTPS://a.example", "*", ""]
)
def test_origins_that_no_browser_sends(origin: str) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        CSRF(trusted_origins=[origin])


# -- what `wholestack check` says -----------------------------------------------------------------------------------


def codes(app: App) -> list[str]:
    app.seal()
    return sorted(fault.code for check in app.checks for fault in check())


def test_check_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes(site(tmp_path)) == []
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    assert codes(site(tmp_path)) == codes(site(tmp_path, CSRF())) == ["no-secret"]
    monkeypatch.setenv("SECRET_KEY", "short")
    assert codes(site(tmp_path)) == ["weak-secret"]
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    assert codes(site(tmp_path)) == []
    monkeypatch.delenv("SECRET_KEY")
    with pytest.raises(SetupError, match="no-secret"):
        site(tmp_path, store=CookieSessions).seal()


def test_check_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert codes(site(tmp_path, store=MemorySessions)) == ["memory-store"]
    assert codes(site(tmp_path, store=DatabaseSessions)) == []


def test_check_of_mounted_apps(tmp_path: Path) -> None:
    def both(one: Sessions, other: Sessions, *, url: str = "sqlite://", interface: str = "asgi") -> list[str]:
        outer, router, below = App(docs=False), Router(), App(docs=False)
        outer.use(Database(url), one)
        below.use(Database(url), other)
        router.mount("/below", getattr(below, interface))
        router.mount("/other", lambda environ, start_response: [])
        outer.include(router)
        return codes(outer)

    file = f"sqlite:///{tmp_path / 'a.db'}"
    assert both(Sessions(), Sessions()) == both(Sessions(), Sessions(), interface="wsgi") == ["same-cookie"]
    assert both(Sessions(), Sessions(cookie="below")) == []
    assert both(Sessions(), Sessions(), url=file) == []  # One table.
    assert both(Sessions(MemorySessions()), Sessions(), url=file) == ["same-cookie"]
    assert both(Sessions(store := MemorySessions()), Sessions(store)) == []
    one, same, other = (Sessions(CookieSessions(), secret=each * 32) for each in "kko")
    assert (both(one, same), both(one, other)) == ([], ["same-cookie"])
    outer, broken = App(docs=False), App(docs=False)
    broken.get("/{")(lambda: None)
    outer.use(Sessions(MemorySessions()))
    outer.mount("/broken", broken)
    assert codes(outer) == []


def test_check_of_open_routes(tmp_path: Path) -> None:
    app = site(tmp_path)

    @app.post("/one", csrf=False)
    def one(session: BrowserSession) -> None: ...

    @app.post("/two", csrf=False)
    def two(theme: Cookie[str] = "") -> None: ...

    def has_user(session: BrowserSession) -> bool:
        return session.user is not None

    app.post("/three", csrf=False, needs=has_user)(lambda: None)
    app.get("/four", csrf=False)(lambda session: None).__annotations__["session"] = BrowserSession
    assert codes(app) == ["csrf-exempt"] * 3
