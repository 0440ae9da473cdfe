"""The cookies themselves: what they say to browsers, and what is taken from them."""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any

import flask
import pytest

from wholestack import App
from wholestack.db import Database
from wholestack.sessions import (
    CSRF,
    BrowserSession,
    CookieSessions,
    DatabaseSessions,
    MemorySessions,
    Messages,
    Sessions,
)
from wholestack.templates import Page, Templates
from wholestack.testing import Client

OWN = {"sec-fetch-site": "same-origin"}
STORES = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions, CookieSessions])
OLD, NEW = "o" * 32, "n" * 32


def site(folder: Path, *plugins: Any) -> App:
    (folder / "form.html").write_text("{{ csrf }}")
    app = App(docs=False)
    app.use(Database("sqlite://"), *plugins, Templates(str(folder)))
    app.get("/form")(form)
    return app


def form() -> Page:
    return Page("form.html")


def with_session(app: App) -> App:
    @app.post("/login")
    def login(session: BrowserSession, messages: Messages) -> None:
        session.user = "ann"
        session.data["count"] = 7
        messages.success("Hello.")

    @app.post("/rotate")
    def rotate(session: BrowserSession) -> None:
        session.rotate()

    @app.post("/logout")
    def logout(session: BrowserSession) -> None:
        session.revoke()

    @app.get("/who")
    def who(session: BrowserSession) -> str:
        return f"{session.user} {session.data.get('count')}"

    return app


# -- C7 --------------------------------------------------------------------------------------------------------------


def broken(text: str, chance: random.Random) -> str:
    """A cookie that is not quite the one that was given."""
    letters = string.ascii_letters + string.digits + "-_"
    at = chance.randrange(len(text))
    parts = text.split(".")
    chance.shuffle(parts)
    kinds = [
        lambda: text[:at],
        lambda: text[at + 1 :],
        lambda: text[:at] + chance.choice(letters) + text[at + 1 :],
        lambda: text[:at] + chance.choice(letters) + text[at:],
        lambda: text[:at] + text[at:].swapcase(),
        lambda: "".join(chance.choices(letters + ".", k=len(text))),
        lambda: "".join(chr(chance.randrange(33, 127)) for _ in range(40)),
        lambda: ".".join(parts),
        lambda: text + chance.choice(["=", ".", "A", "==", ".."]),
        lambda: text.replace(".", chance.choice(["..", "-", ""])),
        lambda: "é" * chance.randrange(1, 50),
    ]
    return chance.choice(kinds)()


@STORES
def test_C7_no_cookie_but_ours_is_taken(tmp_path: Path, store: Any, long: bool) -> None:
    app = with_session(site(tmp_path, Sessions(store(), secret=OLD)))
    chance = random.Random(7)
    with Client(app, interface="wsgi", headers=OWN) as client:
        client.post("/login")
        good = client.cookies["session"]
        client.cookies.clear()
        taken: set[str] = set()
        for _ in range(10_000 if long else 3_400):
            bad = broken(good, chance)
            if bad != good:
                answer = client.get("/who", headers={"cookie": f"session={bad}".encode().decode("latin-1")})
                assert answer.status in {200, 400}
                taken.add(answer.text if answer.status == 200 else "None None")
        assert taken == {"None None"}
        assert client.get("/who", headers={"cookie": f"session={good}"}).text == "ann 7"


def test_C7_other_keys_other_names_other_purposes(tmp_path: Path) -> None:
    def cookie(secret: Any, **options: Any) -> Client:
        app = with_session(site(tmp_path, Sessions(CookieSessions(), secret=secret, **options)))
        return Client(app, headers=OWN, base_url="https://testserver")

    with cookie(OLD) as old, cookie([NEW, OLD]) as both, cookie(NEW) as new, cookie(OLD, cookie="other") as other:
        old.post("/login")
        text = old.cookies["__Host-session"]
        for client, found in ((old, "ann 7"), (both, "ann 7"), (new, "None None")):
            client.cookies.clear()
            assert client.get("/who", cookies={"__Host-session": text}).text == found
        # Under another name, as over http, it is another's.
        assert other.get("/who", cookies={"__Host-other": text}).text == "None None"
        with Client(old.app, cookies={"session": text}) as plain:
            assert plain.get("/who").text == "None None"
        # A token of the same key signs no session.
        own, payload, _ = text.split(".")
        token = old.get("/form", cookies={"__Host-session": text}).text.split('value="')[1][:43]
        assert old.get("/who", cookies={"__Host-session": f"{own}.{payload}.{token}"}).text == "None None"


# -- C8 --------------------------------------------------------------------------------------------------------------


@STORES
@pytest.mark.parametrize("scheme", ["http", "https", "production"])
def test_C8_attributes_of_all_cookies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Any, scheme: str) -> None:
    secure = scheme != "http"
    if scheme == "production":
        monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    apps = [with_session(site(tmp_path, Sessions(store(), secret=OLD))), site(tmp_path, CSRF(secret=OLD))]
    found: dict[str, set[str]] = {}
    for app in apps:
        if scheme == "production":
            app.plugin(Database).migrations = None
            app.seal()
            app.plugin(Database).create_tables()
        with Client(
            app, headers=OWN, base_url="https://testserver" if scheme == "https" else "http://testserver"
        ) as client:
            asked = [("GET", "/form"), ("POST", "/login"), ("GET", "/who"), ("POST", "/rotate"), ("POST", "/logout")]
            for method, path in [*asked, ("GET", "/form")]:
                for each in client.request(method, path).headers.get_all("set-cookie"):
                    pair, *attributes = each.split("; ")
                    found.setdefault(pair.partition("=")[0], set()).update(attributes)
    prefix = "__Host-" if secure else ""
    common = {"HttpOnly", "SameSite=Lax", "Path=/", *(["Secure"] if secure else [])}
    assert found[f"{prefix}csrf"] == common
    assert found[f"{prefix}session"] == common | {"Max-Age=7776000", "Max-Age=0"}
    assert len(found) == 2


# -- C25: another app below ours -----------------------------------------------------------------------------------


def test_C25_a_mounted_app_is_guarded_and_its_session_is_its_own(tmp_path: Path) -> None:
    old = flask.Flask("old")
    old.secret_key = "flask"

    @old.route("/count", methods=["GET", "POST"])
    def count() -> str:
        flask.session["count"] = flask.session.get("count", 0) + 1
        return str(flask.session["count"])

    app = with_session(site(tmp_path, Sessions(MemorySessions())))
    app.mount("/old", old.wsgi_app, interface="wsgi")
    with Client(app, base_url="https://testserver") as client:
        client.post("/login", headers=OWN)
        assert [client.post("/old/count", headers=OWN).text for _ in range(3)] == ["1", "2", "3"]
        assert client.get("/who").text == "ann 7"
        assert sorted(client.cookies) == ["__Host-session", "session"]
        cross = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
        assert client.post("/old/count", headers=cross).status == 403
        assert client.post("/old/nowhere", headers=cross).status == 403
        assert client.get("/old/count", headers=cross).text == "4"
        assert client.get("/old/count").headers.get_all("set-cookie")[0].startswith("session=")


def test_C25_over_http_a_name_of_its_own(tmp_path: Path) -> None:
    app = with_session(site(tmp_path, Sessions(MemorySessions(), cookie="shop")))
    with Client(app, headers=OWN) as client:
        client.post("/login")
        assert list(client.cookies) == ["shop"]
        assert client.get("/who").text == "ann 7"
