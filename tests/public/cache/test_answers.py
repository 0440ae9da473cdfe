"""Answers of handlers that are kept: what is kept, what clients are told, and never another user's."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NewType

import pytest

from wholestack import (
    App,
    Cookie,
    Header,
    NotFound,
    Redirect,
    Request,
    Response,
    Router,
    SetupError,
    Stream,
    Text,
    wait,
)
from wholestack.cache import Cache, Caching, MemoryStore, cached
from wholestack.languages import Languages, current_timezone, gettext
from wholestack.middleware import CORS, Compression, SecurityHeaders
from wholestack.sessions import BrowserSession, MemorySessions, Messages, Sessions
from wholestack.templates import Page, Templates
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]
INTERFACES: list[Any] = ["asgi", "wsgi", "rsgi"]


@pytest.mark.parametrize("interface", INTERFACES)
def test_an_answer_is_kept_and_checked_by_its_tag(colour: Colour, interface: Any) -> None:
    app, made = App(docs=False), list[str]()
    app.use(Caching())

    @app.get("/posts/{id}")
    @cached(ttl=60, tags=["posts", "post:{id}"])
    @colour
    def show(id: int, q: str = "", *, cache: Cache) -> dict[str, Any]:
        made.append(f"{id}{q}")
        return {"id": id, "q": q, "made": len(made)}

    @app.post("/posts/{id}")
    @colour
    def change(id: int, cache: Cache) -> None:
        cache.invalidate(f"post:{id}")

    with Client(app, interface=interface) as client:
        first = client.get("/posts/1")
        assert first.json() == {"id": 1, "q": "", "made": 1}
        assert first.headers["cache-control"] == "private, no-cache"
        assert first.headers["vary"].lower() == "authorization, cookie"
        again = client.get("/posts/1")
        assert (again.json(), again.headers["content-type"]) == (first.json(), "application/json")
        for field in ("etag", "cache-control", "vary"):
            assert again.headers[field] == first.headers[field]
        same = client.get("/posts/1", headers={"if-none-match": first.headers["etag"]})
        assert (same.status, same.body) == (304, b"")
        assert client.get("/posts/1?q=a").json()["made"] == 2 and client.get("/posts/2").json()["made"] == 3
        assert client.head("/posts/1").status == 200
        assert client.get("/posts/x").status == 422, "arguments are checked first"
        client.post("/posts/1")
        assert client.get("/posts/1").json()["made"] == len(made) and client.get("/posts/2").json()["made"] == 3


def test_a_304_for_the_first_is_kept_whole() -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/")
    @cached()
    def page() -> Text:
        made.append(1)
        return Text("a page", headers={"x-kept": "1"})

    with Client(app) as client:
        tag = client.get("/").headers["etag"]
        app.plugin(Caching).cache().clear()
        assert client.get("/", headers={"if-none-match": tag}).status == 304
        answer = client.get("/")
        assert (answer.text, answer.headers["x-kept"], len(made)) == ("a page", "1", 2)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_clients_may_do_is_said_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    app, clock = App(docs=False), Clock()
    app.use(Caching(MemoryStore(clock=clock), ttl=100))

    @app.get("/public")
    @cached(cache_control="public", vary="accept-language")
    def public() -> str:
        return "a"

    @app.get("/private")
    @cached(ttl=60, cache_control="private", vary="cookie")
    def private() -> str:
        return "a"

    @app.get("/own")
    @cached(cache_control="public")
    def own() -> Text:
        return Text("a", headers={"cache-control": "max-age=5", "etag": '"1"'})

    begun = time.time()
    with Client(app) as client:
        for age, public_age, private_age in ((0, 100, 60), (50, 50, 10)):
            monkeypatch.setattr(time, "time", lambda age=age: begun + age)
            answer = client.get("/public")
            assert answer.headers["cache-control"] == f"public, max-age={public_age}"
            assert answer.headers["vary"].lower() == "accept-language, authorization, cookie"
            answer = client.get("/private", headers={"cookie": "a=1"})
            assert answer.headers["cache-control"] == f"private, max-age={private_age}"
            answer = client.get("/own")
            assert (answer.headers["cache-control"], answer.headers["etag"]) == ("max-age=5", '"1"')


def test_by_address_as_the_client_has_it() -> None:
    """No other host's links, no other mount's, no other query's."""
    app = App(docs=False)
    app.use(Caching())

    @app.get("/")
    @cached()
    def page(request: Request) -> str:
        return request.url

    with Client(app) as client:
        for host in ("a.example", "b.example", "a.example"):
            assert client.get("/", headers={"host": host}).text == f"http://{host}/"
        assert client.get("/?a=1").text.endswith("/?a=1")
    with Client(app, base_url="https://testserver") as client:
        assert client.get("/").text == "https://testserver/"


def test_by_header_fields_that_were_named_or_are_read(colour: Colour) -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/read")
    @cached()
    @colour
    def read(accept_language: Header[str] = "en") -> str:
        made.append(1)
        return accept_language

    @app.get("/named")
    @cached(vary=["X-Region", lambda request: request.query.get("a")])
    @colour
    def named(request: Request) -> str:
        made.append(1)
        return request.headers.get("x-region") or "none"

    with Client(app) as client:
        for path, field in (("/read", "accept-language"), ("/named", "x-region")):
            made.clear()
            seen = [client.get(path, headers={field: each}).text for each in ("de", "fr", "de", "fr")]
            assert seen == ["de", "fr", "de", "fr"] and len(made) == 2
            assert field in client.get(path).headers["vary"].lower()


def test_by_what_the_answer_itself_says_it_varies() -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/")
    @cached()
    def page(request: Request) -> Response:
        made.append(1)
        response = Text(request.headers.get("hx-request") or "whole")
        response.headers.add("vary", " HX-Request ,")
        response.headers.add("vary", "Cookie ,")
        return response

    with Client(app) as client:
        for _ in range(3):
            assert client.get("/").text == "whole"
            assert client.get("/", headers={"hx-request": "true"}).text == "true"
        assert len(made) == 2


def test_rules_come_first() -> None:
    app = App(docs=False)
    app.use(Caching())
    open_now = [True]

    def is_open() -> bool:
        return open_now[0]

    @app.get("/", needs=is_open)
    @cached()
    def page() -> str:
        return "inside"

    with Client(app) as client:
        assert client.get("/").text == "inside" == client.get("/").text
        open_now[0] = False
        assert client.get("/").status == 403


# -- what is not kept --------------------------------------------------------------------------------------------


def answering(**fields: str) -> Callable[[str], Response]:
    def answer(body: str) -> Response:
        response = Text(body)
        for name, value in fields.items():
            response.headers.add(name.replace("_", "-"), value)
        return response

    return answer


C17: dict[str, tuple[Callable[[str], Response], dict[str, str]]] = {
    "Set-Cookie": (answering(set_cookie="id=A"), {}),
    "Authorization": (answering(), {"authorization": "Bearer {user}"}),
    "Cookie": (answering(), {"cookie": "id={user}"}),
    "an empty Cookie": (answering(), {"cookie": ""}),
    "Cookie and Vary: Cookie ,": (answering(vary="Cookie ,"), {"cookie": "id={user}"}),
    "Vary: *": (answering(vary="*"), {}),
    "Vary: accept, *": (answering(vary="accept, *"), {}),
    "cache-control: PRIVATE": (answering(cache_control="PRIVATE"), {}),
    "cache-control: max-age=9, Private": (answering(cache_control="max-age=9, Private"), {}),
    "cache-control: private=x": (answering(cache_control='private="x"'), {}),
    "cache-control: No-Store": (answering(cache_control="No-Store"), {}),
    "Authorization and public": (answering(cache_control="public"), {"authorization": "Basic {user}"}),
    "a nonce": (answering(content_security_policy="script-src 'nonce-abc'"), {}),
}


@pytest.mark.parametrize("case", C17)
@pytest.mark.parametrize("cache_control", ["no-cache", "public"])
def test_c17_nobody_gets_anothers_answer(colour: Colour, case: str, cache_control: Any) -> None:
    """Row C17: two users, what tells that an answer is one's own, in every spelling."""
    answer, sends = C17[case]
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/")
    @cached(ttl=60, cache_control=cache_control)
    @colour
    def page(x_user: str = "") -> Response:
        made.append(1)
        return answer(f"the page of {len(made)}")

    def ask(user: str) -> Any:
        with Client(app) as client:
            return client.get("/", headers={name: value.format(user=user) for name, value in sends.items()})

    a, b, a_again = ask("A"), ask("B"), ask("A")
    assert [each.text for each in (a, b, a_again)] == ["the page of 1", "the page of 2", "the page of 3"]
    for each in (a, b):
        if not {"Authorization and public"} & {case}:
            assert "public" not in each.headers["cache-control"].lower()


@pytest.mark.parametrize("vary", ["cookie", ("Accept", "COOKIE"), lambda request: request.cookies.get("id")])
def test_c17_what_tells_users_apart(colour: Colour, vary: Any) -> None:
    app, made = App(docs=False), list[str]()
    app.use(Caching())

    @app.get("/")
    @cached(vary=vary)
    @colour
    def page(request: Request) -> Text:
        made.append(request.cookies.get("id", ""))
        return Text(f"for {made[-1]}", headers={"cache-control": "private"})

    with Client(app) as client:
        seen = [client.get("/", headers={"cookie": f"id={each}"}).text for each in "ABABA"]
        assert seen == ["for A", "for B", "for A", "for B", "for A"] and made == ["A", "B"]
        if not callable(vary):  # Of the other credentials it has said nothing.
            for _ in range(2):
                client.get("/", headers={"cookie": "id=A", "authorization": "Bearer x"})
            assert len(made) == 4


def test_c17_by_what_the_handler_knows_of_its_user() -> None:
    app, made = App(docs=False), list[str]()
    app.use(Caching())
    User = NewType("User", str)

    def user(request: Request) -> User:
        return User(request.headers.get("authorization") or "nobody")

    app.provide(user)

    @app.get("/")
    @cached(vary=lambda user: user)
    def page(user: User) -> str:
        made.append(user)
        return f"for {user}"

    with Client(app) as client:
        seen = [client.get("/", headers={"authorization": each}).text for each in ("A", "B", "A")]
        assert seen == ["for A", "for B", "for A"] and made == ["A", "B"]


def test_c17_a_cookie_that_is_added_last() -> None:
    """By a middleware, after the handler's own answer was made: to the first, and to one who gets a kept answer."""
    app, made, adds = App(docs=False), list[int](), [True]
    app.use(Caching(), Compression())

    @app.middleware
    def cookies(request: Request) -> Any:
        response = yield
        if adds[0]:
            response.set_cookie("id", "A")
        return response

    @app.get("/")
    @cached(cache_control="public")
    def page() -> str:
        made.append(1)
        return "page"

    with Client(app) as client:
        client.cookies.clear()
        answer = client.get("/")
        assert (
            answer.headers["set-cookie"].startswith("id=A") and answer.headers["cache-control"] == "private, no-cache"
        )
    adds[0] = False
    for expected in (2, 2):
        with Client(app) as client:
            answer = client.get("/")
            assert len(made) == expected and "set-cookie" not in answer.headers
            assert answer.headers["cache-control"] == "public, max-age=300" or expected == len(made)
    adds[0] = True
    with Client(app) as client:
        answer = client.get("/")
        assert len(made) == 2 and answer.headers["cache-control"] == "private, no-cache"


PERSONAL = {
    "a token": "{{ csrf }}",
    "a token's text": '<meta content="{{ csrf_token }}">',
    "a nonce": '<script nonce="{{ nonce }}"></script>',
    "messages": "{% for each in messages %}{{ each.text }}{% endfor %}",
}


@pytest.mark.parametrize("case", PERSONAL)
@pytest.mark.parametrize("report_only", [False, True])
def test_c17_a_page_with_what_is_its_readers_own(tmp_path: Path, case: str, report_only: bool) -> None:
    """Also where `vary` says that users do not differ, and where the policy only reports."""
    (tmp_path / "page.html").write_text(PERSONAL[case])
    app, made = App(docs=False), list[int]()
    app.use(SecurityHeaders(report_only=report_only), Sessions(), Caching(), Templates(str(tmp_path)))

    @app.post("/")
    def begin(messages: Messages, session: BrowserSession) -> None:
        session.data["begun"] = True
        messages.success("Saved.")

    @app.get("/")
    @cached(ttl=60, vary=lambda request: "all", cache_control="private")
    def page() -> Page:
        made.append(1)
        return Page("page.html")

    with Client(app) as one, Client(app) as other:
        for client in (one, other):
            client.post("/")
        first, again = one.get("/"), other.get("/")
        assert len(made) == 2 and "max-age" not in first.headers["cache-control"]
        assert first.text != again.text or case == "messages"
        for client in (one, other):
            client.get("/")
        # Without a message a page is the same for all.
        assert len(made) == (3 if case == "messages" else 4)
        other.post("/")
        shown = other.get("/?a", headers={"sec-purpose": "prefetch"}).text
        assert (one.get("/?a").text, shown) == ("", "Saved.") or case != "messages", "seen beforehand, and not kept"


def test_a_nonce_in_a_policy_that_only_reports() -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/")
    @cached()
    def page() -> Text:
        made.append(1)
        return Text("a", headers={"content-security-policy-report-only": "script-src 'nonce-abc'"})

    with Client(app) as client:
        assert client.get("/").text == client.get("/").text and len(made) == 2


def speaking(**options: Any) -> tuple[App, list[int]]:
    app, made = App(docs=False), list[int]()
    app.use(Caching(), Languages("en", "de"), Compression(), CORS(origins=["https://shop.example"]))

    @app.get("/")
    @cached(ttl=60, **options)
    def page() -> str:
        made.append(1)
        return gettext("Send")

    return app, made


@pytest.mark.parametrize("cache_control", ["no-cache", "private", "public"])
def test_by_what_middleware_says_it_varies(cache_control: Any) -> None:
    """A language, which is told after the handler's answer is made; not the way on which it goes out."""
    app, made = speaking(cache_control=cache_control)
    with Client(app) as client:
        for language, text in (("de", "Senden"), ("en", "Send")) * 2:
            answer = client.get("/", headers={"accept-language": language})
            assert (answer.text, answer.headers["content-language"]) == (text, language)
            assert "accept-language" in answer.headers["vary"]
        assert len(made) == 2
        for more in ({"origin": "https://shop.example"}, {"accept-encoding": "br"}):
            answer = client.get("/", headers={"accept-language": "de", **more})
            assert (answer.text, len(made)) == ("Senden", 2)
        assert "accept-language" in client.get("/").headers["vary"]


def test_by_a_language_that_a_cookie_chose() -> None:
    """Where `vary` says that users do not differ, their languages still do; and their time zones."""
    app, made = speaking(vary=lambda request: "all")

    @app.get("/zone")
    @cached(vary=lambda request: "all")
    def zone() -> str:
        made.append(1)
        return str(current_timezone())

    with Client(app) as client:
        seen = [client.get("/", headers={"cookie": f"language={each}"}) for each in ("de", "en", "de", "en")]
        assert [each.text for each in seen] == ["Senden", "Send"] * 2 and len(made) == 2
        assert [each.headers["content-language"] for each in seen] == ["de", "en"] * 2
        made.clear()
        zones = ["Europe/Berlin", "Asia/Tokyo"] * 2
        assert [client.get("/zone", headers={"cookie": f"timezone={each}"}).text for each in zones] == zones
        assert len(made) == 2


def test_the_way_of_an_answer_counts_where_its_handler_says_so() -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/")
    @cached()
    def page(request: Request) -> Text:
        made.append(1)
        return Text(request.headers.get("origin") or "none", headers={"vary": "origin", "content-language": "fr"})

    with Client(app) as client:
        for _ in range(2):
            for origin in ("https://a.example", "https://b.example"):
                assert client.get("/", headers={"origin": origin}).text == origin
    assert len(made) == 2


@pytest.mark.parametrize("kind", ["error", "missing", "redirect", "stream", "created"])
def test_only_whole_answers_of_status_200(kind: str) -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.get("/")
    @cached()
    def page() -> Response:
        made.append(1)
        if kind == "error":
            raise OSError
        if kind == "missing":
            raise NotFound
        if kind == "redirect":
            return Redirect("/there")
        return Stream(iter(["a", "b"])) if kind == "stream" else Text("made", 201)

    with Client(app, raise_errors=False) as client:
        for _ in range(2):
            answer = client.get("/")
            assert "cache-control" not in answer.headers
    assert len(made) == 2


def test_one_answer_that_is_given_again_and_again() -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())
    constant = Text("a")

    @app.get("/")
    @cached(cache_control="public")
    def page() -> Response:
        made.append(1)
        return constant

    with Client(app) as client:
        for _ in range(2):
            assert client.get("/").headers["cache-control"].startswith("public, max-age=")
            assert client.get("/").headers["cache-control"].startswith("public, max-age=")
            app.plugin(Caching).cache().clear()
    assert len(made) == 2


def test_fifty_at_once_make_one(colour: Colour) -> None:
    app = App(docs=False, threads=60)
    app.use(Caching())
    made: list[int] = []
    there, go = threading.Semaphore(0), threading.Event()

    @app.middleware
    def arrive(request: Request) -> Any:
        there.release()
        return (yield)

    def make() -> str:
        made.append(1)
        assert go.wait(30)
        return "page"

    @app.get("/def")
    @cached()
    def plain() -> str:
        return make()

    @app.get("/async")
    @cached()
    async def later() -> str:
        return await asyncio.to_thread(make)

    path = "/def" if colour.__name__ == "_plain" else "/async"

    async def ask() -> list[str]:
        async with AsyncClient(app) as client:
            asked = [asyncio.ensure_future(client.get(path)) for _ in range(50)]
            for _ in range(50):
                await asyncio.to_thread(there.acquire, timeout=30)
            go.set()
            return [answer.text for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == ["page"] * 50
    assert len(made) == 1


def test_those_who_waited_for_an_answer_that_is_not_kept_make_their_own() -> None:
    looked = threading.Semaphore(0)

    class Watched(MemoryStore):
        def get(self, names: Any) -> list[bytes | None]:
            looked.release()
            return super().get(names)

    app = App(docs=False)
    app.use(Caching(Watched()))
    made: list[int] = []
    at_once, lock = [0, 0], threading.Lock()

    @app.get("/")
    @cached()
    def page() -> Text:
        with lock:
            made.append(1)
            number = len(made)
            at_once[0] += 1
            at_once[1] = max(at_once)
        if number == 1:
            for _ in range(6):  # The first has looked twice, each of the others once.
                assert looked.acquire(timeout=30)
        time.sleep(0.2)
        with lock:
            at_once[0] -= 1
        return Text("a", headers={"cache-control": "no-store"})

    async def ask() -> list[int]:
        async with AsyncClient(app) as client:
            return [answer.status for answer in await asyncio.gather(*(client.get("/") for _ in range(5)))]

    # The first is alone; the others wait for it, and then make theirs at the same time.
    assert asyncio.run(ask()) == [200] * 5 and len(made) == 5
    assert at_once[1] >= 2


class Waiting(MemorySessions):
    """Sessions whose first one is written for very long, in a middleware, when the answer is made already."""

    waits = True

    def __init__(self) -> None:
        super().__init__()
        self.slow, self.writes = True, threading.Event()

    def create(self, key: Any, kept: Any) -> None:
        if self.slow:
            self.slow = False
            self.writes.set()
            wait(asyncio.sleep(60))
        super().create(key, kept)


def visited(**options: Any) -> tuple[App, Waiting]:
    """An app whose kept answer to the first reader has a session as well."""
    app, sessions, made = App(docs=False), Waiting(), list[int]()
    app.use(Caching(patience=60), Sessions(sessions))

    @app.get("/", **options)
    @cached(vary=lambda request: 1)
    async def page(request: Request, session: BrowserSession) -> str:
        if not made:
            session.data["a"] = 1
        made.append(1)
        return str(len(made))

    return app, sessions


@pytest.mark.parametrize("interface", INTERFACES)
def test_nobody_waits_for_a_request_that_a_time_limit_has_ended_after_its_handler(interface: Any) -> None:
    app, _ = visited(timeout=0.2)
    with Client(app, interface=interface) as client:
        assert client.get("/").status == 503
        begun = time.monotonic()
        assert [client.get("/").text for _ in range(2)] == ["2", "2"], "the next one makes it, and it is kept"
        assert time.monotonic() - begun < 20


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_nobody_waits_for_a_request_that_was_cancelled_after_its_handler(interface: Any) -> None:
    app, sessions = visited()

    async def ask() -> str:
        async with AsyncClient(app, interface=interface) as client:
            asked = asyncio.ensure_future(client.get("/"))
            assert await asyncio.to_thread(sessions.writes.wait, 30)
            waiting = [asyncio.ensure_future(client.get("/")) for _ in range(5)]
            await asyncio.sleep(0.05)
            asked.cancel()
            texts = {answer.text for answer in await asyncio.wait_for(asyncio.gather(*waiting), 20)}
            return texts.pop() if len(texts) == 1 else f"not one: {texts}"

    assert asyncio.run(ask()) == "2", "one of those who waited has made it for all"


def test_nobody_waits_for_the_first_try_of_a_handler_that_is_called_again(colour: Colour) -> None:
    class Unit:
        pass

    class Met(Exception):
        """As a commit that another transaction was faster than."""

    app, made = App(docs=False), list[int]()
    app.use(Caching(patience=60))

    def unit() -> Generator[Unit, Response, None]:
        yield Unit()
        if len(made) == 1:
            raise Met

    vars(unit)["passing"] = lambda error: isinstance(error, Met)
    app.provide(unit, outermost=True)

    @app.get("/", retries=3)
    @cached()
    @colour
    def page(unit: Unit) -> str:
        made.append(1)
        time.sleep(0.1)
        return str(len(made))

    async def ask() -> list[str]:
        async with AsyncClient(app) as client:
            first = await client.get("/")
            app.plugin(Caching).store.clear()
            # In other threads and tasks than the first one's, which would not wait for itself.
            asked = asyncio.gather(*(client.get("/") for _ in range(5)))
            return [first.text, *(answer.text for answer in await asyncio.wait_for(asked, 20))]

    assert asyncio.run(ask()) == ["2", *["3"] * 5], "one of them makes it for all"


# -- what is wrong -----------------------------------------------------------------------------------------------


def checked(app: App) -> list[tuple[str, str]]:
    app.seal()
    return [(fault.code, fault.message) for check in app.checks for fault in check() or ()]


def test_check_finds_handlers_that_know_their_user() -> None:
    app = App(docs=False)
    app.use(Caching())

    class CurrentUser:
        pass

    class UserAgent:
        pass

    def user() -> CurrentUser:
        return CurrentUser()

    def agent() -> UserAgent:
        return UserAgent()

    app.provide(user)
    app.provide(agent)

    def signed_in(id: Cookie[str] = "") -> bool:
        return bool(id)

    @app.get("/knows")
    @cached()
    def knows(user: CurrentUser) -> str:
        return ""

    @app.get("/reads")
    @cached(cache_control="public")
    def reads(id: Cookie[str] = "") -> str:
        return ""

    @app.get("/header")
    @cached(vary="cookie")
    def header(authorization: Header[str] = "") -> str:
        return ""

    @app.get("/ruled", needs=signed_in)
    @cached()
    def ruled() -> str:
        return ""

    @app.get("/fine")
    @cached(vary="cookie")
    def fine(user: CurrentUser, id: Cookie[str] = "") -> str:
        return ""

    @app.get("/fine2")
    @cached(vary=lambda user: user)
    def fine2(user: CurrentUser, authorization: Header[str] = "") -> str:
        return ""

    @app.get("/fine3")
    @cached()
    def fine3(agent: UserAgent, cache: Cache) -> str:
        return ""

    found = checked(app)
    assert {code for code, _ in found} == {"cached-user"}
    assert [message.partition(", and its")[0] for _, message in found] == [
        "knows is @cached and asks for CurrentUser",
        "reads is @cached and reads cookie",
        "header is @cached and reads authorization",
        "ruled is @cached and reads cookie",
    ]


def test_only_answers_to_get() -> None:
    app = App(docs=False)
    app.use(Caching())

    @app.post("/")
    @cached()
    def change() -> str:
        return ""

    with pytest.raises(SetupError, match=r"POST / is @cached"):
        app.seal()


def test_without_the_plugin_it_is_told() -> None:
    app = App(docs=False)

    @app.get("/")
    @cached()
    def page() -> str:
        return ""

    with pytest.raises(SetupError, match=r"app\.use\(Caching\(\)\)"):
        app.seal()


def test_in_routers_under_decorators_and_with_stand_ins() -> None:
    app, router, made = App(docs=False), Router("/in"), list[int]()
    app.use(Caching())

    def loud(function: Any) -> Any:
        @functools.wraps(function)
        def louder(**arguments: Any) -> Any:
            return function(**arguments)

        return louder

    class Greeting(str):
        __slots__ = ()

    def greeting() -> Greeting:
        return Greeting("hello")

    app.provide(greeting)

    @router.get("/{name}")
    @loud
    @cached()
    @loud
    def page(name: str, greeting: Greeting) -> str:
        made.append(1)
        return f"{greeting} {name}"

    app.include(router)
    with Client(app) as client:
        assert [client.get("/in/a").text for _ in range(2)] == ["hello a"] * 2 and len(made) == 1
    app.plugin(Caching).cache().clear()
    with app.replace(Greeting, Greeting("bye")) as twin, Client(twin) as client:
        assert client.get("/in/a").text == "bye a"


def test_documents_do_not_change() -> None:
    """What a handler asks for and answers with is what it was without the cache."""

    def document(*decorators: Any) -> Any:
        app = App()
        app.use(Caching())

        def show(id: int, q: str = "", accept_language: Header[str] = "en") -> list[int]:
            """What is there."""
            return [id]

        for each in decorators:
            show = each(show)
        app.get("/{id}")(show)
        with Client(app) as client:
            return client.get("/openapi.json").json()

    assert document(cached()) == document()


def test_a_forged_answer_is_made_anew() -> None:
    values: list[bytes] = []

    class Forged(MemoryStore):
        def get(self, names: Any) -> list[bytes | None]:
            return [values[0] for _ in names]

    app = App(docs=False)
    app.use(Caching(Forged()))

    @app.get("/")
    @cached()
    def page() -> str:
        return "true"

    with Client(app) as client:
        for head in (
            b"",
            b"{}x",
            b'{"headers":[["a b","c"]]}',
            b'{"headers":[["a","b\\r\\nc"]]}',
            b'{"differs":["a"]}',
        ):
            values[:] = [b"w1{}\n" + head + b"\nforged"]
            assert client.get("/").text == "true", head
