"""The page for an error, in development: what it shows, what it hides (row C27), and from whom."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from wholestack import JSON, App, Header, Query, Request, Response, Secret, Settings, wait
from wholestack.debug import show_errors
from wholestack.middleware import CORS, Compression, SecurityHeaders, TrustedProxies
from wholestack.observe import MASK
from wholestack.testing import Client

HERE = {"host": "localhost:8000"}
BROWSER = {**HERE, "accept": "text/html"}


class Shop(Settings):
    database_url: str = "postgres://shop:pa55w0rd@db/shop"
    key: Secret = Secret("open sesame")


@dataclasses.dataclass
class Login:
    user: str
    password: str


class Broken:
    def __repr__(self) -> str:
        raise SystemExit("no")


def divided(prices: list[float], api_token: str) -> float:
    try:
        return sum(prices) / len(prices)
    except ZeroDivisionError as error:
        error.add_note("<b>no prices</b>")
        raise ValueError(f"<i>nothing</i> for {api_token}") from error


@pytest.fixture
def app() -> App:
    app = App(Shop())
    show_errors(app)

    @app.get("/orders/{number}")
    def total(number: int, token: str, tags: Query[list[str]], agent: Header[str] = "x") -> float:
        login = Login("ann", "hunter2hunter2")  # noqa: F841
        settings = app.settings  # noqa: F841
        statement = {"sql": "INSERT", "parameters": [("card_number", "4111111111111111")]}  # noqa: F841
        everything = os.environ  # noqa: F841
        broken, long = Broken(), "y" * 10_000  # noqa: F841
        return divided([], token)

    @app.get("/async")
    async def waiting() -> str:
        future = __import__("asyncio").get_running_loop().create_future()
        wait(future)
        return "never"

    @app.get("/deep")
    def deep(number: int = 0) -> int:
        return deep(number + 1)

    @app.get("/group")
    def group() -> None:
        raise ExceptionGroup("two", [KeyError("first"), OSError("second")])

    @app.get("/reset/{token}")
    def reset(token: str) -> None:
        raise LookupError(token)

    return app


def ask(app: App, path: str, headers: Any = BROWSER, **options: Any) -> Any:
    with Client(app, raise_errors=False, **options) as client:
        return client.get(path, headers=headers)


PATH = "/orders/7?token=tok3ntok3n&tags=a"


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def page(app: App, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(
        os, "environ", {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "awsawsaws", "DJANGO_KEY": "keykeykey"}
    )
    cookies = {
        "cookie": "sid=c00kiec00kie; theme=dark",
        "authorization": "Bearer b3arerb3arer",
        "x-api-key": "k1k1k1k1",
    }
    answer = ask(app, PATH, {**BROWSER, **cookies}, interface=request.param)
    assert answer.status == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return str(answer.text)


def test_what_it_shows(page: str) -> None:
    assert "<title>ValueError: GET /orders/7</title>" in page
    assert re.search(r"<mark>▶ \d+\s+return divided\(\[\], token\)", page)
    assert re.search(r"<mark>▶ \d+\s+return sum\(prices\) / len\(prices\)", page)
    assert "<h3>ZeroDivisionError: division by zero</h3>" in page
    assert "was the cause of this one" in page
    assert "<td>Login(user=&#x27;ann&#x27;, password=***)</td>" in page
    assert "test_error_page.py" in page
    assert "path &#x27;number&#x27;" in page and "header &#x27;agent&#x27;" in page and "a fault" in page
    assert "<li>answer      float</li>" in page
    assert "Broken: its repr raises SystemExit" in page
    assert "more" in page and "y" * 400 not in page
    assert "theme" not in page.partition("Header fields")[0]


def test_it_is_only_text(page: str) -> None:
    assert "&lt;i&gt;nothing&lt;/i&gt; for ***" in page
    assert "&lt;b&gt;no prices&lt;/b&gt;" in page
    assert not re.search(r"<i>|<b>|<script|<form|<style|<iframe|javascript:|\son\w+=|\sstyle=|https?://", page)


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "pa55w0rd",
        "open sesame",
        "tok3n",
        "awsawsaws",
        "keykeykey",
        "c00kie",
        "b3arer",
        "k1k1k1k1",
        "41111111",
    ],
)
def test_C27_no_secret_is_shown(page: str, secret: str) -> None:
    source_apart = re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert secret not in source_apart
    assert MASK in page


def test_C27_a_secret_is_hidden_wherever_it_stands(app: App) -> None:
    page = ask(app, "/reset/abcdef123456").text
    assert "abcdef123456" not in page
    assert "LookupError" in page and "GET /reset/***" in page
    assert "GET /reset/***" in ask(app, "/reset/ab1").text


def test_C27_secrets_of_the_request_and_of_models_in_the_words_of_an_error() -> None:
    class Mailer(Settings):
        smtp_password: str = "smtpsmtp"

    app = App()
    show_errors(app)

    @app.get("/")
    def handler(request: Request) -> None:
        mailer = Mailer()
        bearer = request.headers["authorization"].removeprefix("Bearer ")
        raise ValueError(f"{request.cookies['sid']}, {bearer}, {mailer.smtp_password}: no")

    fields = {**BROWSER, "cookie": "sid=c00kiec00kie", "authorization": "Bearer b3arerb3arer"}
    page = ask(app, "/", fields).text
    assert "<h1>***, ***, ***: no</h1>" in page
    assert "smtpsmtp" not in page and "c00kie" not in page and "b3arer" not in page


def test_the_policy_and_the_style(app: App) -> None:
    answer = ask(app, PATH)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy and "script" not in policy
    assert answer.headers["cache-control"] == "no-store"
    style = ask(app, re.findall(r'rel="stylesheet" href="([^"]+)"', answer.text)[0])
    assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert ask(app, "/_wholestack/debug.css", {"host": "example.org"}).status == 404


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "192.0.2.7"),
        ({}, "::ffff:192.0.2.7"),
        ({"host": "shop.example.org"}, "127.0.0.1"),  # a name that leads here: DNS rebinding
        ({"host": "localhost.example.org"}, "127.0.0.1"),
        ({"origin": "https://example.org"}, "127.0.0.1"),
        ({"origin": "null"}, "127.0.0.1"),
        ({"x-forwarded-for": "127.0.0.1"}, "127.0.0.1"),
        ({"X_Forwarded_For": "127.0.0.1"}, "127.0.0.1"),
        ({"forwarded": "for=127.0.0.1"}, "127.0.0.1"),
        ({"via": "1.1 proxy"}, "127.0.0.1"),
        ({"x-real-ip": "127.0.0.1"}, "127.0.0.1"),
        ({"cf-connecting-ip": "127.0.0.1"}, "127.0.0.1"),
    ],
)
def test_C27_nobody_else_sees_it(app: App, headers: dict[str, str], address: str) -> None:
    for accept in ("text/html", "application/json"):
        answer = ask(app, PATH, {**HERE, **headers, "accept": accept}, address=address)
        assert answer.status == 500
        assert "ZeroDivisionError" not in answer.text
        assert "Traceback" not in answer.text


@pytest.mark.parametrize("networks", ["127.0.0.1", "10.0.0.0/8"])
def test_C27_not_even_by_a_proxy_that_the_app_trusts_or_does_not(networks: str) -> None:
    app = App()
    app.use(TrustedProxies(networks))
    show_errors(app)
    app.get("/")(lambda: 1 / 0)
    assert "ZeroDivisionError" in ask(app, "/").text
    assert "ZeroDivisionError" not in ask(app, "/", {**BROWSER, "x-forwarded-for": "127.0.0.1"}).text


@pytest.mark.parametrize("host", ["localhost", "shop.localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.8.8.8"])
def test_hosts_of_this_machine(app: App, host: str) -> None:
    assert "ZeroDivisionError" in ask(app, PATH, {**BROWSER, "host": host}).text


def test_a_client_that_reads_json(app: App) -> None:
    answer = ask(app, PATH, {**HERE, "origin": "http://localhost:5173"})
    problem = answer.json()
    assert (problem["code"], problem["request_id"]) == ("internal-error", answer.headers["x-request-id"])
    assert problem["debug"]["error"] == "ValueError: <i>nothing</i> for ***"
    assert problem["debug"]["traceback"][-1].endswith('raise ValueError(f"<i>nothing</i> for {api_token}") from error')
    assert "what_to_do" not in problem["debug"]
    assert "tok3n" not in answer.text


def test_what_to_do_about_an_error_of_ours(app: App) -> None:
    words = "In an <code>async def</code> function use <code>await</code>."
    assert words in ask(app, "/async").text
    assert "use `await`" in ask(app, "/async", HERE).json()["debug"]["what_to_do"]
    assert "What to do" not in ask(app, PATH).text


def test_the_words_are_those_of_the_errors_pages() -> None:
    from wholestack.errors import WholestackError

    checked = 0
    for page in sorted((Path(__file__).parents[3] / "docs" / "errors").glob("*.md")):
        error = type("Any", (WholestackError,), {"code": page.stem})()
        app = App()
        show_errors(app)
        app.get("/")(_raising(error))
        found = ask(app, "/", HERE).json()["debug"].get("what_to_do")
        if found is not None:
            text = page.read_text(encoding="utf-8").partition("**What to do.** ")[2].partition("\n\n")[0]
            assert found == " ".join(text.split()), f"src/wholestack/debug/_cures.py differs from {page.name}"
            checked += 1
    assert checked >= 5


def _raising(error: Exception) -> Any:
    def handler() -> None:
        raise error

    return handler


def test_endless_recursion_and_groups(app: App) -> None:
    page = ask(app, "/deep").text
    assert "calls are left out" in page
    assert len(page) < 300_000
    page = ask(app, "/group").text
    assert "KeyError" in page and "OSError: second" in page and "is in the group of this one" in page


def test_errors_that_are_answers_stay_as_they_are(app: App) -> None:
    assert "Nothing is here." in ask(app, "/nowhere").text
    assert ask(app, "/orders/x?token=1", HERE).json()["code"] == "validation-failed"
    assert "debug" not in ask(app, "/orders/x?token=1", HERE).json()


def test_a_handler_of_the_apps_own_goes_before(app: App) -> None:
    @app.on_error(ValueError)
    def sorry(error: ValueError) -> JSON:
        return JSON({"sorry": True}, 500)

    assert ask(app, PATH).json() == {"sorry": True}


def test_errors_in_middleware_and_beside_other_plugins() -> None:
    app = App()
    app.use(SecurityHeaders(), Compression(), CORS(["http://localhost:5173"]))
    show_errors(app)

    @app.middleware
    def failing(request: Request) -> Generator[None, Response, Response]:
        response = yield
        if request.path == "/late":
            raise RuntimeError("in the middleware")
        response.headers.set("x-own", "kept")
        if request.wants_html:
            response.headers.set("content-encoding", "gzip")
        return response

    app.get("/late")(lambda: "x")
    app.get("/big")(lambda: 1 / 0)
    assert "RuntimeError: in the middleware" in ask(app, "/late").text
    headers = {**HERE, "origin": "http://localhost:5173", "accept-encoding": "gzip"}
    answer = ask(app, "/big", headers)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert answer.headers["x-own"] == "kept"
    assert answer.json()["debug"]["error"] == "ZeroDivisionError: division by zero"
    page = ask(app, "/big", {**BROWSER, "accept-encoding": "gzip"})
    assert "content-encoding" not in page.headers
    assert page.text.startswith("<!doctype html>")


def test_the_log_has_it_as_always(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        ask(app, "/deep")
    assert [record.message for record in caplog.records] == ["unhandled error"]
    with pytest.raises(RecursionError):
        Client(app).get("/deep", headers=HERE)


def test_a_format_of_the_apps_own_keeps_its_shape() -> None:
    class Plain:
        media_type = "application/json"
        model: type = list

        def body(self, error: Exception, request_id: str) -> Any:
            return ["oh no"]

    app = App(errors=Plain())
    show_errors(app)
    app.get("/")(lambda: 1 / 0)
    assert json.loads(ask(app, "/", HERE).body) == ["oh no"]


# -- the style ---------------------------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 §1.4.3."""

    def light(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_every_text_can_be_read(app: App) -> None:
    style = ask(app, "/_wholestack/debug.css").text
    schemes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in style.split("@media (prefers-color-scheme")[:2]
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for ink, ground in [
            ("ink", "ground"),
            ("ink", "raised"),
            ("ink", "marked"),
            ("ink", "cure"),
            ("quiet", "ground"),
            ("quiet", "raised"),
            ("alarm", "ground"),
        ]:
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["focus"], colours["ground"]) >= 3
