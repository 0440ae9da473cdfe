"""What the document says of login: who must show what, and the page that shows it by any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openapi_spec_validator import validate

from auth.site import BROWSER, PASSWORD, Site, User
from browsing import serving
from openapi.browsing import Tab
from wholestack import App, Header, Rule, rule
from wholestack.auth import (
    Accounts,
    Identity,
    JWTIssuer,
    Tokens,
    by_session,
    confirmed,
    logged_in,
    mfa,
    permission,
    recent_login,
    role,
    staff,
    superuser,
)
from wholestack.openapi import document
from wholestack.realtime import Socket
from wholestack.templates import Page

SESSION, TOKEN = {"session": []}, {"token": []}
EITHER = [SESSION, TOKEN]
ALL: list[dict[str, list[str]]] = [{"session": ["*"]}, {"token": ["*"]}]


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "X-Key"}})
def has_key(x_key: Header[str] = "") -> bool:
    return x_key == "secret"


@rule
def is_zoe(user: User) -> bool:
    return user.email.startswith("zoe")


RULES: dict[str, tuple[Rule, list[dict[str, list[str]]] | None]] = {
    "logged-in": (logged_in, EITHER),
    "staff": (staff, ALL),
    "superuser": (superuser, ALL),
    "confirmed": (confirmed, EITHER),
    "role": (role("editor"), ALL),
    "permission": (permission("a.b"), [{"session": ["a.b"]}, {"token": ["a.b"]}]),
    "both": (permission("a.b") & permission("a.c"), [{"session": ["a.b", "a.c"]}, {"token": ["a.b", "a.c"]}]),
    "one": (permission("a.b") | staff, [{"session": ["a.b"]}, {"token": ["a.b"]}, *ALL]),
    "by-session": (by_session, [SESSION]),
    "recent": (recent_login(), [SESSION]),
    "mfa": (mfa(), [SESSION]),
    "not-staff": (logged_in & ~staff, EITHER),
    "not": (~staff, None),
    "key-or-login": (has_key | logged_in, [{"key": []}, *EITHER]),
    "key-and-login": (has_key & logged_in, [{"key": [], "session": []}, {"key": [], "token": []}]),
    "own": (is_zoe, EITHER),
}


def site() -> Site:
    """A site with a handler for each way to ask who it is."""
    made = Site()
    app = made.app = App(title="The site")

    @app.get("/me")
    def me(user: User) -> str:
        return user.email

    @app.get("/anybody")
    async def anybody(user: User | None) -> str:
        return "nobody" if user is None else user.email

    @app.get("/identity")
    def identity(identity: Identity[User]) -> bool:
        return identity.user is None

    @app.get("/accounts")
    def accounts(accounts: Accounts[User]) -> bool:
        return accounts.must_confirm

    @app.get("/public")
    def public() -> str:
        return "public"

    @app.get("/page")
    def page() -> Page:
        return Page("account/mail-sent.html")

    @app.socket("/live")
    async def live(socket: Socket[str, str], user: User) -> None: ...

    for name, (needs, _) in RULES.items():
        app.get(f"/rules/{name}", name=name, needs=needs)(lambda: "in")
    return made


def described(made: Site, *plugins: Any) -> dict[str, Any]:
    """The document of a site."""
    made.app.use(made.database, made.mailing, made.auth, *plugins)
    return document(made.app)


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with site().running(Tokens()) as found:
        yield found


@pytest.fixture(scope="module")
def found(kept: Site) -> dict[str, Any]:
    return document(kept.app)


def operation(found: dict[str, Any], path: str) -> Any:
    return found["paths"][path]["get"]


def test_who_asks_for_a_user_is_shown_a_session_or_a_token(found: dict[str, Any]) -> None:
    assert operation(found, "/me")["security"] == EITHER
    schemes = found["components"]["securitySchemes"]
    assert (schemes["session"]["type"], schemes["session"]["in"], schemes["session"]["name"]) == (
        "apiKey",
        "cookie",
        "session",
    )
    assert "/account/login" in schemes["session"]["description"]
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    validate(found)


@pytest.mark.parametrize("path", ["/anybody", "/identity", "/accounts"])
def test_who_takes_anybody_may_be_shown_nothing(found: dict[str, Any], path: str) -> None:
    assert operation(found, path)["security"] == [*EITHER, {}]
    assert "401" in operation(found, path)["responses"]  # A token that is not valid is refused there, too.


@pytest.mark.parametrize("path", ["/public", "/page"])
def test_who_asks_nothing_is_shown_nothing(found: dict[str, Any], path: str) -> None:
    assert "security" not in operation(found, path)
    assert "401" not in operation(found, path)["responses"]


@pytest.mark.parametrize("name", RULES)
def test_what_rules_want_shown(found: dict[str, Any], name: str) -> None:
    assert operation(found, f"/rules/{name}").get("security") == RULES[name][1]


def test_refusals_are_documented(found: dict[str, Any]) -> None:
    answers = {path: set(operation(found, path)["responses"]) for path in ("/me", "/rules/staff", "/rules/not")}
    assert answers == {
        "/me": {"200", "401"},
        "/rules/staff": {"200", "401", "403"},
        "/rules/not": {"200", "401", "403"},
    }


def test_without_tokens_there_is_the_session_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = site()
    assert operation(described(made), "/me")["security"] == [SESSION]
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    assert made.auth.security_schemes(made.app)["session"]["name"] == "__Host-session"


def test_a_bearer_of_ones_own_is_a_token() -> None:
    made = site()
    made.auth.bearers.append(lambda token, request, db: None)
    found = described(made)
    assert operation(found, "/me")["security"] == EITHER
    assert found["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_each_issuer_has_a_scheme() -> None:
    keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}
    made = site()
    with made.running(
        JWTIssuer("https://login.example.org/realm", "notes"),
        JWTIssuer("https://other.example.org:8443", "notes", keys=keys),
        JWTIssuer("machines", "notes", keys=keys, name="robots"),
    ) as it:
        policy = it.client.get("/docs").headers["content-security-policy"]
        found = document(made.app)
    assert operation(found, "/me")["security"] == [
        SESSION,
        {"login.example.org": []},
        {"other.example.org-8443": []},
        {"robots": []},
    ]
    schemes = found["components"]["securitySchemes"]
    address = "https://login.example.org/realm/.well-known/openid-configuration"
    assert schemes["login.example.org"] == {"type": "openIdConnect", "openIdConnectUrl": address}
    assert schemes["robots"]["bearerFormat"] == "JWT"
    validate(found)
    assert "connect-src 'self' https://login.example.org;" in policy  # The page may ask it.


def test_what_is_live_says_it_too() -> None:
    with site().running(Tokens(), JWTIssuer("https://login.example.org", "notes")) as it:
        found = it.client.get("/asyncapi.json").json()
    refs = [each["$ref"].rpartition("/")[2] for each in next(iter(found["operations"].values()))["security"]]
    assert refs == ["login.example.org", "session", "token"]
    schemes = found["components"]["securitySchemes"]
    assert schemes["session"]["type"] == "httpApiKey" and "alone" not in schemes["session"]
    assert schemes["login.example.org"]["type"] == "openIdConnect"


def test_a_browser_is_still_sent_to_the_login(kept: Site) -> None:
    answer = kept.anew().client.get("/me", headers=BROWSER, follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/account/login?next=%2Fme")


def test_the_page_authorises_by_each(service: Callable[[str], str], browser: Callable[[str], Any]) -> None:
    program, made, tokens = service("chromium"), site(), Tokens()
    made.app.use(made.database, made.mailing, made.auth, tokens)

    def prepared() -> str:
        made.database.create_tables()
        made.make()
        with made.app.session() as db:
            return tokens.make(db.merge(made.find()), "docs")

    with serving(made.app) as address, ThreadPoolExecutor(1) as thread:
        text = thread.submit(prepared).result()  # The browser's driver has this thread's loop.
        context = browser(program).new_context()
        by_token = Tab(context.new_page(), address)
        by_token.page.locator(".auth-wrapper .authorize").click()
        form = by_token.page.locator(".auth-container").filter(has=by_token.page.locator("h4", has_text="token"))
        form.locator("input").fill(text)
        form.locator("button.authorize").click()
        by_token.page.locator(".modal-ux .btn-done").first.click()
        assert "zoe@example.org" in by_token.execute(by_token.open("default-me"))
        page = context.new_page()
        page.goto(f"{address}/account/login")
        page.get_by_label("E-mail address").fill("zoe@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{address}/")
        by_session = Tab(context.new_page(), address)
        assert "zoe@example.org" in by_session.execute(by_session.open("default-me"))
        context.close()
    assert by_token.wrong == by_session.wrong == []
