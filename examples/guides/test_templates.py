"""What docs/guides/templates.md shows, and the tests that hold it."""

from __future__ import annotations

import dataclasses

from wholestack import App, NotFound, Redirect, Request
from wholestack.templates import Page, Templates
from wholestack.testing import Client

BROWSER = {"accept": "text/html"}


# [first]
@dataclasses.dataclass
class Post:
    id: int
    title: str
    text: str = ""


posts = {1: Post(1, "Hello"), 2: Post(2, "<script>alert(1)</script>")}

app = App(docs=False)


@app.get("/posts")
def list_posts(word: str = "") -> Page:
    found = [post for post in posts.values() if word in post.title]
    return Page("posts/list.html", posts=found, fragment="rows")


# [/first]
# [typed]
@dataclasses.dataclass
class PostPage:
    post: Post
    comments: int = 0


@app.get("/posts/{id}")
def show_post(id: int) -> Page | Redirect:
    if id == 0:
        return Redirect("/posts")
    if id not in posts:
        raise NotFound("There is no such post.")
    return Page("posts/show.html", PostPage(posts[id], comments=3))


# [/typed]
# [helpers]
def shop_name(request: Request) -> str:
    return f"the shop at {request.host}"


templates = Templates()
templates.helpers["shop_name"] = shop_name
app.use(templates)
# [/helpers]


def test_a_page_is_escaped_and_links() -> None:
    text = Client(app).get("/posts").text
    assert "<!doctype html>" in text
    assert '<a href="/posts/2">&lt;script&gt;alert(1)&lt;/script&gt;</a>' in text


def test_a_fragment() -> None:
    # [fragment]
    answer = Client(app).get("/posts?word=Hello", headers={"hx-request": "true"})
    assert answer.text.split() == ["<ul>", "<li><a", 'href="/posts/1">Hello</a></li>', "</ul>"]
    assert "hx-request" in answer.headers["vary"]
    # [/fragment]


def test_a_typed_context_and_a_helper() -> None:
    client = Client(app)
    assert "<p>3 comments, says the shop at testserver.</p>" in client.get("/posts/1").text.replace("&lt;", "<")
    assert client.get("/posts/0").status in {302, 303, 307}


def test_an_error_page_of_its_own() -> None:
    # [error]
    client = Client(app, raise_errors=False)
    page = client.get("/posts/7", headers={"accept": "text/html"})
    assert page.status == 404 and "<p>There is no such post.</p>" in page.text
    assert client.get("/posts/7").json()["detail"] == "There is no such post."
    # [/error]
