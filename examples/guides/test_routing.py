"""What docs/guides/routing.md shows, and the tests that hold it."""

from __future__ import annotations

import datetime
import enum
from typing import Any
from uuid import UUID

import pytest

from wholestack import App, Header, Router, SetupError, Unauthorized, rule
from wholestack.testing import Client

app = App(docs=False)


# [paths]
@app.get("/posts/{id}")
def post(id: int) -> str:
    return f"post {id}"


@app.get("/posts/latest")
def latest() -> str:
    return "the latest post"


@app.get("/posts/{slug}.html")
def page(slug: str) -> str:
    return f"page of {slug}"


@app.get("/files/{rest:path}")
def file(rest: str) -> str:
    return f"file {rest}"


# [/paths]
def test_paths() -> None:
    client = Client(app)
    # [paths-asked]
    assert client.get("/posts/7").text == "post 7"
    assert client.get("/posts/latest").text == "the latest post"
    assert client.get("/posts/hello.html").text == "page of hello"
    assert client.get("/files/a/b.txt").text == "file a/b.txt"
    assert client.get("/posts/seven").status == 422  # the path is there, but `seven` is no number
    # [/paths-asked]


# [converters]
class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


app.converter("colour", Colour)
app.converter("code", "[A-Z]{3}")


@app.get("/archive/{day:date}")
def archive(day: datetime.date) -> str:
    return f"{day:%A}"


@app.get("/paint/{colour:colour}")
def paint(colour: Colour) -> str:
    return colour.name


@app.get("/airports/{code:code}")
def airport(code: str) -> str:
    return code


# [/converters]
def test_converters() -> None:
    client = Client(app)
    # [converters-asked]
    assert client.get("/archive/2026-11-23").text == "Monday"
    assert client.get("/archive/today").status == 404
    assert client.get("/paint/blue").text == "BLUE"
    assert client.get("/airports/jfk").status == 404
    # [/converters-asked]


# [methods]
@app.get("/note")
def read() -> str:
    return "a note"


@app.put("/note")
def write() -> None:
    """Write the note."""


@app.route("/search", methods=["GET", "POST"])
def search(q: str = "") -> str:
    return q


# [/methods]
def test_methods() -> None:
    client = Client(app)
    # [methods-asked]
    assert client.head("/note").headers["content-length"] == "6"
    assert client.options("/note").headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    refused = client.delete("/note")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    # [/methods-asked]


def test_slashes() -> None:
    # [slashes]
    answer = Client(app).get("/note/?x=1", follow=False)
    assert (answer.status, answer.headers["location"]) == (308, "/note?x=1")
    # [/slashes]
    strict = App(slashes="strict", docs=False)
    strict.get("/note")(read)
    assert Client(strict).get("/note/").status == 404


# [routers]
blog = Router(tags=["blog"])
admin = Router("/admin")


@blog.get("/")
def list_posts() -> list[str]:
    return ["hello"]


@admin.get("/drafts")
def list_drafts() -> list[str]:
    return ["soon"]


blog.include(admin)
app.include(blog, at="/blog")


# [/routers]
def test_routers() -> None:
    client = Client(app)
    assert client.get("/blog/").json() == ["hello"]
    assert client.get("/blog/admin/drafts").json() == ["soon"]
    assert [route.tags for route in app.describe().routes if route.path.startswith("/blog")] == [("blog",), ("blog",)]


# [rules]
@rule
def has_key(x_key: Header[str] = "") -> None:
    if x_key != "open sesame":
        raise Unauthorized("Send the key.")


@rule
def is_local(host: Header[str] = "") -> bool:
    return host.startswith("localhost")


cave = Router("/cave", needs=has_key)


@cave.get("/gold")
def gold() -> str:
    return "gold"


@cave.delete("/gold", needs=is_local)
def take() -> None:
    """Take the gold."""


@app.get("/lamp", needs=has_key | is_local)
def lamp() -> str:
    return "lamp"


app.include(cave)


# [/rules]
def test_rules() -> None:
    client = Client(app)
    key = {"x-key": "open sesame"}
    assert client.get("/cave/gold").status == 401
    assert client.get("/cave/gold", headers=key).text == "gold"
    assert client.delete("/cave/gold", headers={**key, "host": "example.org"}).status == 403
    assert client.delete("/cave/gold", headers={**key, "host": "localhost"}).status == 204
    assert client.get("/lamp", headers={"host": "localhost"}).text == "lamp"
    assert client.get("/lamp", headers={"host": "example.org"}).status == 401


# [hosts]
tenants = Router(host="{tenant}.example.org")


@tenants.get("/")
def home(tenant: str) -> str:
    return f"home of {tenant}"


app.include(tenants)


# [/hosts]
def test_hosts() -> None:
    client = Client(app)
    assert client.get("/", headers={"host": "ada.example.org"}).text == "home of ada"
    assert client.get("/", headers={"host": "example.org"}).status == 404
    assert client.get("/note", headers={"host": "ada.example.org"}).text == "a note"


# [url-for]
@app.get("/users/{id}/orders", name="orders")
def orders(id: UUID, page: int = 1, tag: list[str] | None = None) -> list[Any]:
    return []


def test_url_for() -> None:
    ada = UUID("12345678-1234-5678-1234-567812345678")
    path = f"/users/{ada}/orders"
    assert app.url_for(orders, id=ada) == path
    assert app.url_for("orders", id=ada, page=2, tag=["a", "b"]) == f"{path}?page=2&tag=a&tag=b"
    with pytest.raises(ValueError, match="does not fit the types"):
        app.url_for(orders, id="somebody")


# [/url-for]
def test_a_method_twice_is_a_fault() -> None:
    twice = App(docs=False)
    twice.get("/note")(read)
    twice.get("/note")(latest)
    with pytest.raises(SetupError, match="same-route"):
        twice.seal()
