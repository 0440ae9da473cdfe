"""Rules (`needs=`): who may come in."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import pytest

from wholestack import App, Conflict, Cookie, Header, HTTPError, Router, Rule, ServiceUnavailable, Unauthorized, rule


@dataclasses.dataclass
class User:
    name: str


def user(x_user: Header[str] = "") -> User:
    if not x_user:
        raise Unauthorized("Log in.")
    return User(x_user)


@rule
def is_ann(user: User) -> bool:
    return user.name == "ann"


@rule
def is_bob(user: User) -> bool:
    return user.name == "bob"


def has_theme(theme: Cookie[str] = "") -> None:
    if not theme:
        raise Conflict("Choose a theme.")


def app_with(needs: object, colour: Any) -> App:
    app = App(docs=False)
    app.provide(user)

    @app.get("/", needs=needs)
    @colour
    def show() -> str:
        return "in"

    return app


def statuses(client: Any, *users: str) -> list[int]:
    return [client.get("/", headers={"x-user": name} if name else {}).status for name in users]


def test_false_is_403_and_an_error_is_itself(serve: Any, colour: Any) -> None:
    client = serve(app_with(is_ann, colour))
    assert statuses(client, "ann", "bob", "") == [200, 403, 401]
    assert client.get("/", headers={"x-user": "bob"}).json()["code"] == "forbidden"


def test_a_plain_function_and_a_list_of_rules(serve: Any, colour: Any) -> None:
    client = serve(app_with([is_ann, has_theme], colour))
    assert client.get("/", headers={"x-user": "ann"}).status == 409
    assert client.get("/", headers={"x-user": "ann", "cookie": "theme=dark"}).status == 200
    assert client.get("/", headers={"x-user": "bob", "cookie": "theme=dark"}).status == 403


@pytest.mark.parametrize(
    ("needs", "ann", "bob", "eve", "nobody"),
    [
        (is_ann & is_bob, 403, 403, 403, 401),
        (is_ann | is_bob, 200, 200, 403, 401),
        (~is_ann, 403, 200, 200, 401),
        (~(is_ann | is_bob), 403, 403, 200, 401),
        (is_ann | ~is_bob, 200, 403, 200, 401),
        (~is_ann & ~is_bob, 403, 403, 200, 401),
        (is_bob | (is_ann & Rule(has_theme)), 403, 200, 403, 401),
    ],
)
def test_combined(serve: Any, colour: Any, needs: object, ann: int, bob: int, eve: int, nobody: int) -> None:
    client = serve(app_with(needs, colour))
    # Nobody: the user's provider refuses, so no rule that asks for a user can judge, nor pass the other way round.
    assert statuses(client, "ann", "bob", "eve", "") == [ann, bob, eve, nobody]


def test_the_names_say_how_they_are_combined(serve_one: Any) -> None:
    combined = ~(is_ann & is_bob) | is_ann
    assert combined.name == "(~(is_ann & is_bob) | is_ann)"
    assert [leaf.name for leaf in combined.leaves()] == ["is_ann", "is_bob", "is_ann"]
    client = serve_one(app_with(is_ann & is_bob, lambda function: function))
    assert "is_bob" in client.get("/", headers={"x-user": "ann"}).json()["detail"]


def test_on_an_app_a_router_and_a_route(serve: Any, colour: Any) -> None:
    asked: list[str] = []

    def asks(name: str, answer: bool = True) -> Rule:
        def check() -> bool:
            asked.append(name)
            return answer

        return Rule(check)

    app, outer, inner = (
        App(docs=False),
        Router(needs=asks("outer")),
        Router(needs=[asks("inner one"), asks("inner two")]),
    )

    @colour
    def show() -> str:
        asked.append("handler")
        return "in"

    outer.get("/a")(show)
    inner.get("/b", needs=asks("route"))(show)
    inner.get("/c", needs=asks("no", answer=False))(show)
    app.get("/free")(show)
    outer.include(inner)
    app.include(outer)
    client = serve(app)

    def order(path: str) -> list[str]:
        asked.clear()
        client.get(path)
        return [*asked]

    assert order("/a") == ["outer", "handler"]
    assert order("/b") == ["outer", "inner one", "inner two", "route", "handler"]
    assert order("/c") == ["outer", "inner one", "inner two", "no"]
    assert order("/free") == ["handler"]


def test_before_what_only_the_handler_needs(serve: Any, colour: Any) -> None:
    @dataclasses.dataclass
    class Costly:
        value: int

    def costly() -> Costly:
        raise AssertionError("made")

    app = App(docs=False)
    app.provide(user)
    app.provide(costly)

    @app.get("/", needs=is_ann)
    @colour
    def show(costly: Costly) -> str:
        raise AssertionError("called")

    assert statuses(serve(app), "bob", "") == [403, 401]


def test_async_rules_in_an_async_plan(serve: Any) -> None:
    @rule
    async def later(user: User) -> bool:
        return user.name == "ann"

    app = App(docs=False)
    app.provide(user)

    @app.get("/", needs=later | is_bob)
    async def show() -> str:
        return "in"

    assert statuses(serve(app), "ann", "bob", "eve") == [200, 200, 403]


def test_an_error_that_is_no_refusal_goes_through_or_and_not(serve: Any, colour: Any, caplog: Any) -> None:
    @rule
    def broken() -> bool:
        raise ZeroDivisionError

    assert statuses(serve(app_with(broken | is_ann, colour)), "ann") == [500]
    assert statuses(serve(app_with(~broken, colour)), "ann") == [500]


def test_with_a_scheme() -> None:
    @rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "x-key"}})
    def has_key(x_key: Header[str] = "") -> bool:
        return x_key == "k"

    assert isinstance(has_key, Rule)
    assert has_key.scheme["key"]["in"] == "header"
    assert issubclass(Unauthorized, HTTPError)


def test_what_gives_an_awaitable_is_awaited(serve: Any, colour: Any) -> None:
    async def nobody() -> bool:
        return False

    for needs in (functools.partial(nobody), lambda: nobody()):
        assert statuses(serve(app_with(needs, colour)), "ann") == [403]


def test_a_rule_that_cannot_judge_lets_nobody_pass_the_other_way_round(serve: Any, colour: Any) -> None:
    @rule
    def banned() -> bool:
        raise ServiceUnavailable("The list is away.")

    assert statuses(serve(app_with(~banned, colour)), "ann") == [503]


def test_of_a_router_hold_for_what_is_mounted_in_it(serve: Any) -> None:
    def plain(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"in"]

    async def newer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})

    app, guarded = App(docs=False), Router("/guarded", needs=is_ann)
    app.provide(user)
    guarded.mount("/plain", plain)
    guarded.mount("/newer", newer)
    app.include(guarded)
    client = serve(app)
    for path in ("/guarded/plain/x", "/guarded/newer"):
        assert [client.get(path, headers={"x-user": name}).status for name in ("ann", "bob")] == [200, 403]
    assert app.seal().sockets("/guarded/newer") is None


def test_the_parts_of_or_ask_for_their_providers_in_turn(serve: Any, colour: Any) -> None:
    asked: list[str] = []

    def noting_user(x_user: Header[str] = "") -> User:
        asked.append("user")
        return user(x_user)

    @rule
    def is_public(x_public: Header[str] = "") -> bool:
        return bool(x_public)

    app = App(docs=False)
    app.provide(noting_user)

    @app.get("/", needs=is_public | is_ann)
    @colour
    def show() -> str:
        return "in"

    @app.get("/me", needs=is_public | is_ann | is_bob)
    @colour
    def me(user: User) -> str:
        return user.name

    client = serve(app)

    def get(path: str, **headers: str) -> tuple[int, int]:
        asked.clear()
        fields = {f"x-{name}": value for name, value in headers.items()}
        return client.get(path, headers=fields).status, len(asked)

    assert get("/", public="yes") == (200, 0)
    assert get("/", user="ann") == (200, 1)
    assert get("/", user="bob") == (403, 1)
    assert get("/") == (401, 1)  # Asked once, though: the first error says what would help.
    # The handler's own need is there whatever a rule has asked for, and asked once.
    assert get("/me", public="yes", user="eve") == (200, 1)
    assert get("/me", public="yes") == (401, 1)
    assert get("/me", user="bob") == (200, 1)
    assert get("/me") == (401, 1)


def test_what_a_provider_in_a_part_needs_is_there(serve: Any, colour: Any) -> None:
    log: list[str] = []

    @dataclasses.dataclass
    class Session:
        user: User

    @dataclasses.dataclass
    class Profile:
        session: Session

    def session(user: User) -> Iterator[Session]:
        log.append("open")
        try:
            yield Session(user)
        finally:
            log.append("close")

    def profile(session: Session) -> Profile:
        return Profile(session)

    @rule
    def has_session(session: Session) -> bool:
        return session.user.name == "bob"

    @rule
    def has_profile(profile: Profile) -> bool:
        return profile.session.user.name == "ann"

    app = App(docs=False)
    for provider in (user, session, profile):
        app.provide(provider)

    @app.get("/", needs=[~is_ann | has_profile, has_session | has_profile])
    @colour
    def show(profile: Profile, session: Session) -> str:
        assert profile.session is session
        return session.user.name

    client = serve(app)
    assert statuses(client, "ann", "bob", "eve", "") == [200, 200, 403, 401]
    assert log == ["open", "close"] * 3


def test_a_rule_after_one_that_may_have_asked(serve: Any, colour: Any) -> None:
    @rule
    def is_public(x_public: Header[str] = "") -> bool:
        return bool(x_public)

    client = serve(app_with([is_public | is_ann, is_ann], colour))
    assert statuses(client, "ann", "bob", "") == [200, 403, 401]
    for name, status in {"ann": 200, "bob": 403, "": 401}.items():
        assert client.get("/", headers={"x-public": "yes", "x-user": name}).status == status


def test_and_asks_in_turn(serve: Any, colour: Any) -> None:
    @rule
    def closed() -> bool:
        return False

    assert statuses(serve(app_with(closed & is_ann, colour)), "") == [403]


def test_no_part_of_not_passes_because_another_could_not_judge(serve: Any, colour: Any) -> None:
    @rule
    def never() -> bool:
        return False

    @rule
    def away() -> bool:
        raise ServiceUnavailable("The list is away.")

    assert statuses(serve(app_with(~(never | away), colour)), "ann") == [503]
    assert statuses(serve(app_with(~(never | is_ann), colour)), "") == [401]
    assert statuses(serve(app_with(~(never & away), colour)), "") == [200]


def test_explain_shows_what_is_asked_in_turn() -> None:
    app = app_with(is_ann | is_bob, lambda function: function)
    steps = [" ".join(step.split(" (/")[0].split()) for step in app.describe().routes[0].steps]
    assert steps[steps.index("rule (is_ann | is_bob)") + 1].startswith("provide user")
    assert sum("provide" in step for step in steps) == 1
