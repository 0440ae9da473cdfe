"""Row C9: security headers on every answer, and a nonce for the page that asks for one."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from wholestack import (
    HTML,
    JSON,
    App,
    Conflict,
    File,
    NotFound,
    Redirect,
    Request,
    Response,
    Router,
    SetupError,
    Stream,
    Text,
)
from wholestack.middleware import Nonce, SecurityHeaders, security
from wholestack.templates import Page, Templates
from wholestack.testing import Client

ClientOf = Callable[..., Client]
CSP = "content-security-policy"
DEFAULT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def foreign(environ: Any, start_response: Any) -> list[bytes]:
    headers = [("Content-Type", "text/html")]
    if environ["PATH_INFO"] == "/own":
        headers.append(("Content-Security-Policy", "default-src 'none'"))
    start_response("200 OK", headers)
    return [b"<p>old</p>"]


def app_of_everything(folder: Path) -> App:
    app = App()
    app.use(SecurityHeaders())
    (folder / "a.txt").write_text("file")
    app.get("/json")(lambda: {"a": 1})
    app.get("/redirect")(lambda: Redirect("/json"))
    app.get("/stream")(lambda: Stream(["a", "b"]))
    app.get("/file")(lambda: File(folder / "a.txt"))
    app.get("/no-file")(lambda: File(folder / "b.txt"))
    app.get("/nothing")(lambda: None)
    app.get("/broken")(lambda: 1 / 0)
    app.get("/tagged", etag=True)(lambda: Text("tagged"))
    app.mount("/old", foreign)

    @app.get("/conflict")
    def conflict() -> str:
        raise Conflict("Taken.")

    @app.get("/number")
    def number(value: int) -> int:
        return value

    @app.middleware
    def closed(request: Request) -> Generator[None, Response, Response]:
        return Text("closed", 503) if request.path == "/closed" else (yield)

    return app


def test_C9_on_every_answer(client_of: ClientOf, tmp_path: Path) -> None:
    client = client_of(app_of_everything(tmp_path), raise_errors=False)
    tag = client.get("/tagged").headers["etag"]
    answers = [
        *(client.get(path) for path in ("/json", "/redirect", "/stream", "/file", "/no-file", "/nothing", "/broken")),
        *(client.get(path) for path in ("/conflict", "/number?value=x", "/closed", "/nowhere", "/old/a", "/docs")),
        *(client.get("/conflict", headers={"accept": "text/html"}), client.get("/openapi.json")),
        *(client.delete("/json"), client.options("/json"), client.head("/json"), client.head("/file")),
        client.get("/tagged", headers={"if-none-match": tag}),
        client.get("/file", headers={"range": "bytes=0-1"}),
        client.get("/json", headers={"host": "a/b"}),
        client.get(f"/{'a' * 9000}"),
    ]
    statuses = {answer.status for answer in answers}
    assert statuses == {200, 204, 206, 303, 304, 400, 404, 405, 409, 414, 422, 500, 503}
    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff", answer
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin", answer
        # The login of an API opens in a window of its own, which must be able to answer /docs.
        opener = "same-origin-allow-popups" if answer.request.path == "/docs" else "same-origin"
        assert headers["cross-origin-opener-policy"] == opener, answer
        assert headers["cross-origin-resource-policy"] == "same-origin", answer
        assert "camera=()" in headers["permissions-policy"], answer
        if answer.request.path != "/docs":  # It has a policy of its own, as strict.
            assert headers.get_all(CSP) == [DEFAULT], answer
        assert "default-src" in headers[CSP]


def test_a_policy_of_its_own_goes_before(client_of: ClientOf, tmp_path: Path) -> None:
    client = client_of(app_of_everything(tmp_path))
    assert client.get("/old/own").headers.get_all(CSP) == ["default-src 'none'"]


def test_what_differs(client_of: ClientOf) -> None:
    app = App(docs=False, headers={"Permissions-Policy": "camera=(self)"})
    app.use(
        SecurityHeaders(
            csp={"img-src": "'self' https://images.example.org", "object-src": None, "upgrade-insecure-requests": ""},
            report_only=True,
            resource_policy="cross-origin",
        )
    )
    headers = client_of(app).get("/").headers
    assert headers["content-security-policy-report-only"] == (
        "default-src 'self'; img-src 'self' https://images.example.org; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; upgrade-insecure-requests"
    )
    assert CSP not in headers
    assert headers["permissions-policy"] == "camera=(self)"
    assert headers["cross-origin-resource-policy"] == "cross-origin"


def test_none_at_all(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders(csp=None, permissions_policy=None, resource_policy=None))
    app.get("/page")(page)
    headers = client_of(app).get("/page").headers
    assert not {CSP, "permissions-policy", "cross-origin-resource-policy"} & set(headers)


def page(nonce: Nonce) -> HTML:
    return HTML(f"<script {nonce.attribute}>go()</script>")


def test_a_nonce_is_the_pages_own_and_new_each_time(client_of: ClientOf, colour: Any) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders(csp={"style-src": "'none'"}))
    app.get("/page")(colour(page))
    app.get("/other")(lambda: HTML("<p>other"))
    client = client_of(app)
    seen = set()
    for _ in range(3):
        answer = client.get("/page")
        found = re.fullmatch(r'<script nonce="([\w-]{22})">go\(\)</script>', answer.text)
        assert found is not None
        policy = answer.headers[CSP]
        assert f"script-src 'self' 'nonce-{found[1]}'" in policy
        assert f"style-src 'nonce-{found[1]}'" in policy
        assert answer.headers.get_all(CSP) == [policy]
        seen.add(found[1])
    assert len(seen) == 3
    assert "nonce" not in client.get("/other").headers[CSP]


def test_a_nonce_beside_a_policy_of_the_handlers_own(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders())

    @app.get("/own")
    def own(nonce: Nonce) -> HTML:
        return HTML("<p>own", headers={CSP: "default-src 'none'"})

    @app.get("/missing")
    def missing(nonce: Nonce) -> HTML:
        raise NotFound("No such page.")

    client = client_of(app)
    assert client.get("/own").headers.get_all(CSP) == ["default-src 'none'"]
    assert client.get("/missing").headers[CSP] == DEFAULT


def test_a_json_answer_may_hold_one(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders())

    @app.get("/")
    def word(nonce: Nonce) -> JSON:
        return JSON({"nonce": nonce})

    answer = client_of(app).get("/")
    assert f"'nonce-{answer.json()['nonce']}'" in answer.headers[CSP]


@pytest.mark.parametrize(
    "options",
    [
        {"csp": {"img-src": "'self'; script-src *"}},
        {"csp": {"img-src": "a, b"}},
        {"csp": {"img-src": "a\r\nx-evil: b"}},
        {"csp": {"img src": "'self'"}},
        {"csp": {"Img-Src": "'self'"}},
        {"resource_policy": "everybody"},
    ],
)
def test_faults(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        SecurityHeaders(**options)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_C8_every_cookie_is_guarded(client_of: ClientOf, scheme: str) -> None:
    """Wherever it is set: by a handler, a provider, middleware, on an error's answer; and when it is taken away."""
    app = App(docs=False)
    app.use(SecurityHeaders())

    class Visit:
        pass

    def visit() -> Generator[Visit, Response, None]:
        response = yield Visit()
        response.set_cookie("provider", "1")

    app.provide(visit)

    @app.middleware
    def outer(request: Request) -> Generator[None, Response, Response]:
        response = yield
        response.set_cookie("middleware", "1")
        return response

    @app.get("/")
    def home(visit: Visit) -> Response:
        response = Text("home")
        response.set_cookie("handler", "1", max_age=60)
        response.delete_cookie("old")
        return response

    @app.get("/redirect")
    def away() -> Redirect:
        response = Redirect("/")
        response.set_cookie("handler", "1")
        return response

    client = client_of(app, base_url=f"{scheme}://example.org")
    fields = [
        field
        for path, method in (("/", "GET"), ("/redirect", "GET"), ("/nowhere", "GET"), ("/", "DELETE"))
        for field in client.request(method, path).headers.get_all("set-cookie")
    ]
    assert len(fields) == 8
    for field in fields:
        attributes = {part.strip().lower() for part in field.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes, field


def test_what_differs_by_handler(client_of: ClientOf, colour: Any) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders())

    @app.get("/embedded")
    @security(csp={"frame-ancestors": "https://partner.example", "object-src": None}, referrer_policy="no-referrer")
    @colour
    def embedded() -> HTML:
        return HTML("<p>in a frame")

    @app.get("/marked")
    @security(csp={"img-src": "'none'"})
    @colour
    def marked(nonce: Nonce) -> HTML:
        return HTML(f"<script {nonce.attribute}>go()</script>")

    @app.get("/own")
    @security(csp={"img-src": "'none'"})
    @colour
    def own() -> HTML:
        return HTML("", headers={CSP: "default-src 'none'"})

    app.get("/other")(lambda: HTML("<p>other"))
    client = client_of(app)
    answer = client.get("/embedded")
    assert answer.headers.get_all(CSP) == [
        DEFAULT.replace("object-src 'none'; ", "").replace("ancestors 'none'", "ancestors https://partner.example")
    ]
    assert answer.headers.get_all("referrer-policy") == ["no-referrer"]
    assert client.get("/other").headers[CSP] == DEFAULT
    (policy,) = client.get("/marked").headers.get_all(CSP)
    assert "img-src 'none'" in policy
    assert "'nonce-" in policy
    assert client.get("/own").headers.get_all(CSP) == ["default-src 'none'"]


@pytest.mark.parametrize("options", [{"csp": {"a": "x; y"}}, {"referrer_policy": "a\r\nb: c"}])
def test_faults_of_what_differs(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        security(**options)


def test_isolated_pages(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders(embedder_policy="require-corp"))
    assert client_of(app).get("/").headers["cross-origin-embedder-policy"] == "require-corp"
    for options in ({"embedder_policy": "all"}, {"reports": "reports"}):
        with pytest.raises(SetupError, match="bad-guard"):
            SecurityHeaders(**options)  # type: ignore[arg-type]


def test_reports(client_of: ClientOf, caplog: pytest.LogCaptureFixture) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders(reports="/-/reports"))
    client = client_of(app)
    headers = client.get("/").headers
    assert headers["reporting-endpoints"] == 'reports="/-/reports"'
    assert headers[CSP].endswith("report-uri /-/reports; report-to reports")
    old = {"csp-report": {"effective-directive": "script-src", "blocked-uri": "inline", "x": "y", "line-number": 3}}
    new = [
        {"type": "csp-violation", "body": {"documentURL": "https://a.example/p?token=s3cret", "blockedURL": ["x"]}},
        {"type": "deprecation", "body": {"id": "old", "sourceFile": "a" * 5000}},
        {"type": "broken", "body": None},
        "nothing",
    ]
    for body in (old, new):
        assert client.post("/-/reports", json=body).status == 204
    assert client.post("/-/reports", body=b"{").status == 400
    assert client.post("/-/reports", body=b"[" * 60_000).status == 400
    assert client.post("/-/reports", body=b"x" * 70_000).status == 413
    found = [vars(each) for each in caplog.records if each.name == "wholestack.reports"]
    assert [each["report"] for each in found] == ["csp-violation", "csp-violation", "deprecation"]
    assert (found[0]["directive"], found[0]["blocked"], found[0]["line"]) == ("script-src", "inline", "3")
    assert "x" not in found[0]
    assert (found[1]["page"], found[1]["blocked"]) == ("https://a.example/p", "")
    assert len(found[2]["source_file"]) == 200
    assert "s3cret" not in caplog.text


def test_a_report_is_one_line_of_what_can_be_printed(client_of: ClientOf, caplog: pytest.LogCaptureFixture) -> None:
    app = App(docs=False)
    app.use(SecurityHeaders(reports="/-/reports"))
    body = {"documentURL": "https://a.example/ü\nERROR root: forged", "disposition": "\u2028\x1b[31m\r\x00ok"}
    assert client_of(app).post("/-/reports", json=[{"type": "csp\nforged \u202e", "body": body}]).status == 204
    (found,) = [vars(each) for each in caplog.records if each.name == "wholestack.reports"]
    assert (found["report"], found["page"]) == ("cspforged ", "https://a.example/üERROR root: forged")
    assert found["disposition"] == "[31mok"


def test_pages_are_guarded_by_themselves(client_of: ClientOf, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("hello")

    def made(*plugins: Any) -> Client:
        app = App(docs=False)
        app.use(Templates(str(tmp_path)), *plugins)
        app.get("/")(shown)
        return client_of(app)

    assert made().get("/").headers.get_all(CSP) == [DEFAULT]
    assert made().get("/nowhere").headers.get_all(CSP) == [DEFAULT]
    assert CSP not in made(SecurityHeaders(csp=None)).get("/").headers


def shown() -> Page:
    return Page("page.html")


def test_an_app_that_answers_with_html_has_them_by_itself() -> None:
    def page() -> HTML:
        return HTML("<p>hello")

    def either() -> Redirect | HTML:
        return HTML("<p>hello")

    def data() -> str:
        return "hello"

    def broken(request: Request, error: LookupError) -> HTML:
        return HTML("<p>gone", 404)

    def answers(
        *, returns: Any = None, handler: Any = data, error: Any = None, inner: bool = False, csp: Any = 0
    ) -> Any:
        app, router = App(), Router()
        (router if inner else app).get("/", **({} if returns is None else {"returns": returns}))(handler)
        app.include(router)
        if error is not None:
            app.on_error(LookupError)(error)
        if csp is None:
            app.use(SecurityHeaders(csp=None))
        return Client(app).get("/")

    for found in (
        answers(handler=page),
        answers(handler=either),
        answers(handler=page, inner=True),
        answers(returns=HTML, handler=lambda: HTML("")),
        answers(error=broken),
    ):
        assert found.headers[CSP] == DEFAULT and "permissions-policy" in found.headers
    # Neither an app without pages, for all that its documentation is one, nor one that says otherwise.
    assert CSP not in answers().headers
    assert CSP not in answers(handler=page, csp=None).headers
