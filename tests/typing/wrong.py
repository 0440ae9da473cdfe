"""What is wrong, and must be told: each line with `# wrong` has an error, and no other line has."""

from __future__ import annotations

from collections.abc import Iterator

from wholestack import (
    JSON,
    App,
    Body,
    File,
    HTTPError,
    Limits,
    NotFound,
    Redirect,
    Request,
    Response,
    Router,
    Text,
    wait,
)

app = App(title=3)  # wrong
App(limit=Limits())  # wrong
App(limits="1 MB")  # wrong
Limits(bodi=3)  # wrong
Limits(headers="many")  # wrong
router = Router(prefix=3)  # wrong


@app.get("/a", statuss=3)  # wrong
def unknown_option() -> str:
    return ""


@app.get("/b", status="201")  # wrong
def bad_option() -> str:
    return ""


@app.get(3)  # wrong
def bad_path() -> str:
    return ""


@app.get("/c")
def show(id: int, raw: Body[bytes]) -> str:
    raw.nothing()  # wrong
    return id  # wrong


@app.middleware  # wrong
def not_a_generator(request: Request) -> Response:
    return Text("x")


@app.middleware  # wrong
def yields_something(request: Request) -> Iterator[int]:
    yield 3


@app.on_error(int)  # wrong
def bad_kind() -> str:
    return ""


class NoPlugin:
    pass


app.use(NoPlugin())  # wrong
app.provide(print, scope="forever")  # wrong
app.mount("/x", print, interface="cgi")  # wrong
raise_me = NotFound("x", staus=3)  # wrong
HTTPError(3)  # wrong
Text("x", headers=3)  # wrong
Text("x").set_cookie("a", "b", samesite="none of it")  # wrong
Text("x").set_cookie("a", "b", max_ages=3)  # wrong
File(3)  # wrong
Redirect(None)  # wrong
JSON({}).status = "200"  # wrong
wait(3)  # wrong
show("x", b"")  # wrong
app.url_for(3)  # wrong
app.plugin(NoPlugin).setup(app)  # wrong
