"""Authorising on the documentation page, in a real browser: each kind of scheme, under the headers that apps have."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from browsing import serving
from openapi.browsing import Tab
from wholestack import App, Cookie, Form, Header, Query, Request, Response, Unauthorized, rule
from wholestack.middleware import CORS, SecurityHeaders
from wholestack.openapi import OpenAPI

Open = Callable[..., Tab]
TOKEN = "Bearer t0ken"
BASIC = "Basic " + base64.b64encode(b"ada:lovelace").decode()


def login_server() -> App:
    """Somebody else's login: another origin, which knows the page's only by what the browser tells."""
    app = App(docs=False, headers={"cross-origin-opener-policy": None})
    app.use(CORS(origins="*", headers=["authorization", "content-type", "x-requested-with"]))
    challenges: dict[str, str] = {}

    @app.get("/authorize")
    def authorize(request: Request, redirect_uri: str, state: str, response_type: str, client_id: str) -> Response:
        asked = {name: values[0] for name, values in request.query.items()}
        if response_type == "token":
            return _to(f"{redirect_uri}#access_token=t0ken&token_type=bearer&state={state}")
        if client_id == "refused":
            return _to(f"{redirect_uri}?error=access_denied&error_description=Not+you&state={state}")
        if client_id == "forged":
            return _to(f"{redirect_uri}?code=c0de&state=another")
        assert asked["code_challenge_method"] == "S256"
        challenges["c0de"] = asked["code_challenge"]
        return _to(f"{redirect_uri}?code=c0de&state={state}")

    @app.post("/token")
    def token(
        grant_type: Form[str], code: Form[str] = "", code_verifier: Form[str] = "", username: Form[str] = ""
    ) -> dict[str, str]:
        if grant_type == "authorization_code":
            digest = hashlib.sha256(code_verifier.encode()).digest()
            assert challenges[code] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert grant_type != "password" or username == "ada"
        return {"access_token": "t0ken", "token_type": "bearer"}

    @app.get("/.well-known/openid-configuration")
    def configuration(request: Request) -> dict[str, Any]:
        here = f"http://{request.headers['host']}"
        return {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "grant_types_supported": ["authorization_code"],
            "scopes_supported": ["read"],
        }

    return app


def _to(address: str) -> Response:
    return Response(b"", status=302, headers={"location": address})


def api(login: str) -> App:
    """An API with a scheme of every kind; each operation answers with what it was shown."""
    app = App(title="Vault")
    app.use(OpenAPI(), SecurityHeaders())
    scopes = {"read": "Read it."}
    leads = {"authorizationUrl": f"{login}/authorize", "scopes": scopes}
    flows = {
        "code": {"authorizationCode": {**leads, "tokenUrl": f"{login}/token"}},
        "implicit": {"implicit": leads},
        "password": {"password": {"tokenUrl": f"{login}/token", "scopes": scopes}},
        "machine": {"clientCredentials": {"tokenUrl": f"{login}/token", "scopes": scopes}},
    }

    def add(name: str, scheme: Mapping[str, Any], has: Callable[..., bool]) -> None:
        app.get(f"/{name}", needs=rule(scheme={name: scheme})(has), name=name)(lambda: {"let": name})

    def by_header(x_key: Header[str] = "") -> bool:
        return _is(x_key, "secret")

    def by_query(key: Query[str] = "") -> bool:
        return _is(key, "secret")

    def by_cookie(key: Cookie[str] = "") -> bool:
        return _is(key, "secret")

    def by_password(authorization: Header[str] = "") -> bool:
        return _is(authorization, BASIC)

    def by_token(authorization: Header[str] = "") -> bool:
        return _is(authorization, TOKEN)

    add("header", {"type": "apiKey", "in": "header", "name": "X-Key"}, by_header)
    add("query", {"type": "apiKey", "in": "query", "name": "key"}, by_query)
    add("cookie", {"type": "apiKey", "in": "cookie", "name": "key"}, by_cookie)
    add("basic", {"type": "http", "scheme": "basic"}, by_password)
    add("bearer", {"type": "http", "scheme": "bearer"}, by_token)
    for name, flow in flows.items():
        add(name, {"type": "oauth2", "flows": flow, "scopes": ["read"]}, by_token)
    found = f"{login}/.well-known/openid-configuration"
    add("openid", {"type": "openIdConnect", "openIdConnectUrl": found, "scopes": ["read"]}, by_token)
    return app


def _is(shown: str, wanted: str) -> bool:
    if shown != wanted:
        raise Unauthorized(f"{shown!r} was shown.", challenge="Key")
    return True


@pytest.fixture(scope="module")
def login() -> Iterator[str]:
    with serving(login_server()) as address:
        yield address


@pytest.fixture(scope="module")
def address(login: str) -> Iterator[str]:
    with serving(api(login)) as address:
        yield address


@pytest.fixture
def elsewhere(login: str) -> tuple[str, ...]:
    return (login,)


def opened(here: Tab, name: str) -> Any:
    """The form of a scheme, below the page's button."""
    here.page.locator(".auth-wrapper .authorize").click()
    return here.page.locator(".auth-container").filter(has=here.page.locator("h4", has_text=re.compile(rf"^{name}\b")))


def answered(here: Tab, name: str) -> str:
    here.page.locator(".modal-ux .btn-done").first.click()
    operation = here.page.locator("[id^=operations-]").filter(has=here.page.locator(f"[data-path='/{name}']"))
    block = here.open(str(operation.first.get_attribute("id")).removeprefix("operations-"))
    return here.execute(block)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("header", {"input": "secret"}),
        ("query", {"input": "secret"}),
        ("cookie", {"input": "secret"}),
        ("basic", {"input[name=username]": "ada", "input[name=password]": "lovelace"}),
        ("bearer", {"input": "t0ken"}),
    ],
)
def test_what_is_typed_in_is_shown(tab: Open, name: str, values: dict[str, str]) -> None:
    here = tab()
    form = opened(here, name)
    for place, value in values.items():
        form.locator(place).fill(value)
    form.locator("button.authorize").click()
    form.locator("button:text-is('Logout')").wait_for()
    assert f'"let": "{name}"' in answered(here, name)


@pytest.mark.parametrize("name", ["code", "implicit", "openid"])
def test_a_login_in_a_window_of_its_own_leads_back(tab: Open, name: str) -> None:
    here = tab()
    form = opened(here, name)
    form.locator("input[type=text]").first.fill("page")
    form.locator("label:has(.name)").first.click()
    with here.page.expect_popup() as popup:
        form.locator("button.authorize").click()
    if not popup.value.is_closed():
        popup.value.wait_for_event("close")
    form.locator("button:text-is('Logout')").wait_for()
    assert f'"let": "{name}"' in answered(here, name)


@pytest.mark.parametrize(("client", "said"), [("refused", "access_denied: Not you"), ("forged", "another login")])
def test_a_login_that_was_refused_or_forged_says_so(tab: Open, client: str, said: str) -> None:
    here = tab()
    form = opened(here, "code")
    form.locator("input[type=text]").first.fill(client)
    with here.page.expect_popup():
        form.locator("button.authorize").click()
    error = form.locator(".errors")
    error.wait_for()
    assert said in error.inner_text()
    assert form.locator("button:text-is('Logout')").count() == 0


@pytest.mark.parametrize("name", ["password", "machine"])
def test_a_login_without_a_window(tab: Open, name: str) -> None:
    here = tab()
    form = opened(here, name)
    if name == "password":
        form.locator("#oauth_username").fill("ada")
        form.locator("#oauth_password").fill("lovelace")
    else:
        form.locator("input[type=text]").first.fill("page")
    form.locator("button.authorize").click()
    form.locator("button:text-is('Logout')").wait_for()
    assert f'"let": "{name}"' in answered(here, name)


def test_without_any_nobody_is_let_in(tab: Open) -> None:
    here = tab()
    block = here.open("default-header")
    block.locator(".execute").click()
    block.locator(".live-responses-table .response-col_status").filter(has_text="401").first.wait_for()
    here.wrong.clear()  # the browser itself notes each 401
