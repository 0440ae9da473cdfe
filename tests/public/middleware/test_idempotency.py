"""Idempotency keys: done once, told again to the same caller, and to nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from middleware.store_contracts import ANSWER, IdempotencyStoreContract
from middleware.test_rate_limit import Clock
from wholestack import (
    JSON,
    App,
    Body,
    Conflict,
    File,
    Form,
    Response,
    Router,
    SetupError,
    Stream,
    Text,
    Upload,
    rule,
    wait,
)
from wholestack.middleware import (
    Attempt,
    Idempotency,
    IdempotencyStore,
    MemoryIdempotencyStore,
    RateLimit,
    idempotent,
    rate_limit,
)
from wholestack.testing import AsyncClient, Client

ClientOf = Callable[..., Client]
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


class TestMemoryIdempotencyStore(IdempotencyStoreContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, clock: Clock) -> IdempotencyStore:
        return MemoryIdempotencyStore(clock=clock)

    @pytest.fixture
    def pass_time(self, clock: Clock) -> Callable[[float], None]:
        return clock.pass_time


class Payments:
    """An app that counts how often it has paid."""

    def __init__(self, colour: Any = lambda function: function, *, needs: Any = None, **options: Any) -> None:
        self.app = app = App(docs=False)
        app.use(Idempotency(**options))
        self.paid: list[Any] = []
        needs = needs if needs is not None else idempotent()

        @colour
        def pay(amount: Body[int]) -> Response:
            self.paid.append(amount)
            return JSON({"payment": len(self.paid)}, 201, headers={"location": f"/payments/{len(self.paid)}"})

        app.post("/payments", needs=needs)(pay)


def pay(client: Client, amount: int = 5, key: str | None = KEY, path: str = "/payments", **headers: str) -> Any:
    fields = {"idempotency-key": key} if key is not None else {}
    return client.post(path, json=amount, headers={**fields, **headers})


def test_the_first_answer_again(client_of: ClientOf, colour: Any) -> None:
    payments = Payments(colour)
    client = client_of(payments.app)
    first, again = pay(client), pay(client)
    assert first.status == again.status == 201
    assert first.json() == again.json() == {"payment": 1}
    assert again.headers["location"] == "/payments/1"
    assert again.headers["content-type"] == "application/json"
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert first.request_id != again.request_id
    assert pay(client, key="another").json() == {"payment": 2}
    assert pay(client, key=None).json() == {"payment": 3}
    assert len(payments.paid) == 3


def test_the_same_key_with_another_request(client_of: ClientOf) -> None:
    payments = Payments()
    client = client_of(payments.app)
    pay(client)
    other = pay(client, 6)
    assert (other.status, other.json()["code"]) == (422, "idempotency-key-reused")
    assert pay(client, path="/payments?a=b").status == 422
    assert payments.paid == [5]
    assert pay(client).status == 201


@pytest.mark.parametrize("handler", ["def", "async"])
def test_while_the_first_is_running(interface: Any, handler: str) -> None:
    started, go_on = threading.Event(), threading.Event()
    app = App(docs=False)
    app.use(Idempotency())

    def slow() -> str:
        started.set()
        go_on.wait(5)
        return "done"

    async def slow_async() -> str:
        started.set()
        await asyncio.to_thread(go_on.wait, 5)
        return "done"

    app.post("/slow", needs=idempotent())(slow if handler == "def" else slow_async)

    async def main() -> tuple[Any, Any]:
        headers = {"idempotency-key": KEY}
        async with AsyncClient(app, interface=interface) as client:
            first = asyncio.create_task(client.post("/slow", headers=headers))
            assert await asyncio.to_thread(started.wait, 5)
            second = await client.post("/slow", headers=headers)
            go_on.set()
            return await first, second

    first, second = asyncio.run(main())
    assert (second.status, second.json()["code"], second.headers["retry-after"]) == (409, "idempotency-key-in-use", "1")
    assert (first.status, first.text) == (200, "done")


def test_what_came_to_nothing_may_be_sent_again(client_of: ClientOf, colour: Any) -> None:
    app = App(docs=False)
    app.use(Idempotency())
    left = ["raise", "return", "broken", "fine"]

    @app.post("/try", needs=idempotent())
    @colour
    def attempt(amount: Body[int]) -> Response:
        word = left.pop(0)
        if word == "raise":
            raise Conflict("Not now.")
        if word == "broken":
            raise ZeroDivisionError
        return Text(word, 400 if word == "return" else 200)

    client = client_of(app, raise_errors=False)
    assert client.post("/try", json="x", headers={"idempotency-key": KEY}).status == 422  # never got to the handler
    answers = [pay(client, path="/try") for _ in range(5)]
    assert [answer.status for answer in answers] == [409, 400, 500, 200, 200]
    assert answers[4].headers["idempotent-replayed"] == "true"


def test_a_client_that_left_leaves_no_key_behind() -> None:
    """Cancelled by the time limit, the key is free again."""
    app = App(docs=False)
    app.use(Idempotency())
    runs: list[int] = []

    @app.post("/slow", needs=idempotent(), timeout=0.1)
    async def slow() -> str:
        runs.append(1)
        if len(runs) == 1:
            await asyncio.sleep(60)
        return "done"

    with Client(app) as client:
        assert client.post("/slow", headers={"idempotency-key": KEY}).status == 503
        assert client.post("/slow", headers={"idempotency-key": KEY}).text == "done"


# -- whose key it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "yours"),
    [
        ({"authorization": "Bearer a"}, {"authorization": "Bearer b"}),
        ({"cookie": "session=a"}, {"cookie": "session=b"}),
        ({"authorization": "Bearer a"}, {"cookie": "Bearer a"}),
        ({"authorization": "Bearer a"}, {"authorization": "Bearer a", "cookie": "session=b"}),
        ({"authorization": "Bearer a"}, {}),
    ],
)
def test_nobody_sees_an_answer_to_another(client_of: ClientOf, mine: Any, yours: Any) -> None:
    payments = Payments()
    client = client_of(payments.app)
    assert pay(client, **mine).json() == {"payment": 1}
    client.cookies.clear()
    assert pay(client, **yours).json() == {"payment": 2}
    client.cookies.clear()
    assert pay(client, **mine).headers["idempotent-replayed"] == "true"


def test_without_credentials_an_address_is_a_caller(interface: str) -> None:
    payments = Payments()
    clients = [Client(payments.app, interface=interface, address=f"192.0.2.{n}") for n in (1, 2)]  # type: ignore[arg-type]
    assert [pay(client).json()["payment"] for client in clients] == [1, 2]


def test_by_something_else(client_of: ClientOf) -> None:
    payments = Payments(needs=idempotent(by=lambda request: request.headers.get("x-account") or ""))
    client = client_of(payments.app)
    assert pay(client, **{"x-account": "a", "cookie": "visit=1"}).json() == {"payment": 1}
    assert pay(client, **{"x-account": "a", "cookie": "visit=2"}).json() == {"payment": 1}
    assert pay(client, **{"x-account": "b"}).json() == {"payment": 2}


def test_each_route_has_keys_of_its_own(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(Idempotency())
    done: list[str] = []
    router = Router("/r", needs=idempotent())

    @router.post("/{name}")
    def make(name: str) -> str:
        done.append(name)
        return name

    @router.patch("/{name}")
    def change(name: str) -> str:
        done.append(f"{name}!")
        return f"{name}!"

    @router.get("/{name}")
    def show(name: str) -> str:
        done.append(f"{name}?")
        return f"{name}?"

    app.include(router)
    client = client_of(app)
    headers = {"idempotency-key": KEY}
    for _ in range(2):
        assert client.post("/r/a", headers=headers).text == "a"
        assert client.post("/r/b", headers=headers).text == "b"
        assert client.patch("/r/a", headers=headers).text == "a!"
        assert client.get("/r/a", headers=headers).text == "a?"  # safe already
    assert done == ["a", "b", "a!", "a?", "a?"]


def test_other_rules_come_first(client_of: ClientOf) -> None:
    allowed = [True, False]

    @rule
    def may_pay() -> bool:
        return allowed.pop(0)

    payments = Payments(needs=[may_pay, idempotent()])
    client = client_of(payments.app)
    assert [pay(client).status, pay(client).status] == [201, 403]


# -- the key -----------------------------------------------------------------------------------------------------


def test_a_key_may_be_quoted(client_of: ClientOf) -> None:
    payments = Payments()
    client = client_of(payments.app)
    assert pay(client, key=f'"{KEY}"').json() == pay(client, key=KEY).json() == {"payment": 1}


@pytest.mark.parametrize("key", ["", '""', "a b", "a" * 256, '"a', "a,b", '"a", "b"', "é"])
def test_what_is_no_key(client_of: ClientOf, key: str) -> None:
    payments = Payments()
    answer = client_of(payments.app).post("/payments", json=5, headers=[("idempotency-key", key)])
    assert (answer.status, answer.json()["code"]) == (400, "bad-idempotency-key")
    assert payments.paid == []


def test_a_key_may_be_required(client_of: ClientOf) -> None:
    payments = Payments(needs=idempotent(required=True))
    client = client_of(payments.app)
    assert pay(client, key=None).json()["code"] == "bad-idempotency-key"
    assert pay(client).status == 201


def test_the_document_shows_it() -> None:
    from wholestack.openapi import document

    app = App()
    app.use(Idempotency())
    app.post("/pay", needs=idempotent())(lambda: "paid")
    (parameter,) = document(app)["paths"]["/pay"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter.get("required", False)) == (
        "idempotency-key",
        "header",
        False,
    )


# -- bodies and answers ------------------------------------------------------------------------------------------


def upload_app(runs: list[str], colour: Any) -> App:
    app = App(docs=False)
    app.use(Idempotency())

    @app.post("/files", needs=idempotent())
    @colour
    def take(file: Upload, title: Form[str]) -> str:
        data = file.read()
        runs.append(title)
        return f"{title} {len(data)}"

    return app


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_form_with_files(client_of: ClientOf, colour: Any, size: int) -> None:
    runs: list[str] = []
    client = client_of(upload_app(runs, colour))

    def send(data: bytes, title: str = "t", name: str = "a.bin") -> Any:
        return client.post(
            "/files", data={"title": title}, files={"file": (name, data)}, headers={"idempotency-key": KEY}
        )

    data = b"x" * size
    assert send(data).text == f"t {size}"
    assert send(data).headers["idempotent-replayed"] == "true"
    assert [send(data[:-1] + b"y").status, send(data, "u").status, send(data, name="b").status] == [422] * 3
    assert runs == ["t"]


def test_a_stream_cannot_be_guarded(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(Idempotency())

    @app.post("/", needs=idempotent())
    def take(body: Body[Iterator[bytes]]) -> int:
        return sum(map(len, body))

    with pytest.raises(RuntimeError, match="take it whole"):
        client_of(app).post("/", body=b"x", headers={"idempotency-key": KEY})


def test_what_cannot_be_kept_is_done_again(client_of: ClientOf, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("file")
    app = App(docs=False)
    app.use(Idempotency(largest=1000))
    answers = {
        "stream": lambda: Stream(["a"]),
        "file": lambda: File(tmp_path / "a.txt"),
        "large": lambda: Text("a" * 1001),
    }
    runs: list[str] = []

    @app.post("/{name}", needs=idempotent())
    def make(name: str) -> Response:
        runs.append(name)
        return answers[name]()

    client = client_of(app)
    for name in answers:
        for _ in range(2):
            assert "idempotent-replayed" not in client.post(f"/{name}", headers={"idempotency-key": KEY}).headers
    assert len(runs) == 6


def test_answers_expire(client_of: ClientOf) -> None:
    clock = Clock()
    payments = Payments(expires=100, store=MemoryIdempotencyStore(clock=clock))
    client = client_of(payments.app)
    assert pay(client).json() == pay(client).json()
    clock.pass_time(101)
    assert pay(client).json() == {"payment": 2}


def test_cookies_are_not_kept(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(Idempotency())

    @app.post("/", needs=idempotent())
    def enter() -> Text:
        answer = Text("in")
        answer.set_cookie("session", "s3cr3t")
        return answer

    client = client_of(app)
    assert client.post("/", headers={"idempotency-key": KEY}).headers["set-cookie"].startswith("session=s3cr3t")
    client.cookies.clear()
    again = client.post("/", headers={"idempotency-key": KEY})
    assert (again.text, again.headers["idempotent-replayed"], again.headers.get("set-cookie")) == ("in", "true", None)


def test_what_is_counted_is_not_kept(client_of: ClientOf) -> None:
    payments = Payments(needs=[idempotent(), rate_limit("5/hour")])
    payments.app.use(RateLimit())
    client = client_of(payments.app)
    assert ("ratelimit" in pay(client).headers, "ratelimit" in pay(client).headers) == (True, False)


def test_an_empty_answer(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(Idempotency())
    runs: list[int] = []
    app.post("/", needs=idempotent())(lambda: runs.append(1))
    client = client_of(app)
    answers = [client.post("/", headers={"idempotency-key": KEY}) for _ in range(2)]
    assert answers[0].status == answers[1].status
    assert answers[0].body == answers[1].body
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert runs == [1]


class Waiting(MemoryIdempotencyStore):
    """A store that has to wait for something, as one behind a network does."""

    def begin(self, key: str, fingerprint: str, seconds: float) -> Attempt | None:
        wait(asyncio.sleep(0.001))
        return super().begin(key, fingerprint, seconds)

    def finish(self, key: str, attempt: Attempt, seconds: float) -> None:
        wait(asyncio.sleep(0.001))
        super().finish(key, attempt, seconds)

    def forget(self, key: str) -> None:
        wait(asyncio.sleep(0.001))
        super().forget(key)


def test_a_store_that_waits(client_of: ClientOf, colour: Any) -> None:
    payments = Payments(colour, store=Waiting())
    client = client_of(payments.app)
    assert client.post("/payments", json="x", headers={"idempotency-key": KEY}).status == 422
    assert [pay(client).json()["payment"] for _ in range(2)] == [1, 1]


def test_memory_is_bounded() -> None:
    clock = Clock()
    store = MemoryIdempotencyStore(most=100_000, clock=clock)
    assert store.begin("running", "print", 10_000) is None
    big = Attempt("print", type(ANSWER)(200, None, (("x-a", "1"),), b"a" * 10_000))
    for number in range(100):
        assert store.begin(f"k{number}", "print", 60) is None
        store.finish(f"k{number}", big, 60)
        assert store.size <= 100_000
    assert store.begin("k99", "print", 60) == big
    assert store.begin("running", "print", 60) == Attempt("print")  # never one that is being answered
    assert store.begin("k0", "print", 60) is None
    for key in ["running", *(f"k{number}" for number in range(100))]:
        store.forget(key)
    assert store.size == 0


@pytest.mark.parametrize("options", [{"expires": 0}, {"lease": -1}])
def test_faults(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        Idempotency(**options)


def test_without_the_plugin_the_fault_says_what_to_type() -> None:
    app = App(docs=False)
    app.post("/", needs=idempotent())(lambda: "home")
    with pytest.raises(SetupError, match=r"idempotent\(…\), which needs app\.use\(Idempotency\(\)\)"):
        app.seal()
