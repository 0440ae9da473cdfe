"""A rule is judged before anything else of a request is looked at: who may not come in learns nothing of the handler."""

import dataclasses

import pytest

from wholestack import App, Form, Header, Limits, Unauthorized, rule
from wholestack.testing import Client


@dataclasses.dataclass
class New:
    number: int


@rule
def has_key(x_key: Header[str | None] = None) -> None:
    if x_key != "key":
        raise Unauthorized("Show the key.")


app = App(docs=False)


@app.post("/", needs=has_key)
def create(new: New, times: int = 1) -> int:
    return new.number * times


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_a_rule_comes_before_body_and_query(interface):
    client = Client(app, interface=interface)
    for options in ({"json": {"number": "x"}}, {"body": b"{", "headers": {"content-type": "text/plain"}}):
        assert client.post("/?times=often", **options).status == 401
    known = {"x-key": "key"}
    assert client.post("/?times=often", json={"number": "x"}, headers=known).json()["errors"][1]["in"] == "body"
    assert client.post("/?times=3", json={"number": 2}, headers=known).json() == 6


@pytest.mark.parametrize("answer", [None, 0, "", []])
def test_only_a_yes_is_a_yes(answer):
    guarded = App(docs=False)

    def is_admin() -> bool:
        return answer

    @guarded.get("/", needs=is_admin)
    def secret() -> str:
        return "secret"

    assert Client(guarded).get("/").status == 403


def test_a_rule_that_gives_nothing_passes_by_not_raising():
    open_to_all = App(docs=False)

    def looks_on() -> None:
        return None

    @open_to_all.get("/", needs=looks_on)
    def page() -> str:
        return "page"

    assert Client(open_to_all).get("/").status == 200


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
@pytest.mark.parametrize("kind", ["length", "chunked", "coded", "form"])
def test_a_rule_comes_before_what_is_wrong_with_the_body_as_such(interface, kind):
    limited = App(docs=False, limits=Limits(body=10))

    @limited.post("/", needs=has_key)
    def create(new: New) -> int:
        return new.number

    @limited.post("/form", needs=has_key)
    def form(name: Form[str]) -> str:
        return name

    client = Client(limited, interface=interface)
    headers = {"content-encoding": "gzip"} if kind == "coded" else {}
    body = {"length": b"x" * 11, "chunked": [b"x" * 6, b"x" * 6], "coded": b"x", "form": b"x"}[kind]
    path, status = {"coded": ("/", 415), "form": ("/form", 415)}.get(kind, ("/", 413))
    refused = client.post(path, body=body, headers=headers)
    assert refused.status == 401
    if status == 413 and interface != "wsgi":
        assert refused.headers["connection"] == "close"
    assert client.post(path, body=body, headers={"x-key": "key", **headers}).status == status


def test_a_rule_that_judges_by_a_form_comes_after_the_form():
    def is_short(name: Form[str]) -> bool:
        return len(name) < 3

    limited = App(docs=False, limits=Limits(body=10))

    @limited.post("/", needs=is_short)
    def show(name: Form[str]) -> str:
        return name

    client = Client(limited)
    assert [client.post("/", data={"name": name}).status for name in ("ab", "abcd", "abcdefg")] == [200, 403, 413]
