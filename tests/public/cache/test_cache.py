"""The cache that handlers ask for: values, tags, one maker at a time; in both colours."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import math
import pickle
import threading
import time
import uuid
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
import pytest
from sqlalchemy import MetaData

from wholestack import App, Conflict, NotFound, Secret, SetupError
from wholestack.cache import Cache, CacheFault, Caching, MemoryStore, cached
from wholestack.db import Database, Mapped, Model, Session, Table
from wholestack.languages import Languages, current_timezone, gettext, language
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]


class Post(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(from_attributes=True)
    id: int
    title: str
    made: datetime.date = datetime.date(2026, 11, 1)


@dataclasses.dataclass
class Row:
    id: int
    title: str


@pytest.fixture
def cache() -> Cache:
    return Caching().cache()


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_handler_asks_for_it_by_type(colour: Colour) -> None:
    app = App(docs=False)
    app.use(Caching())

    @app.get("/{name}")
    @colour
    def count(name: str, cache: Cache) -> dict[str, Any]:
        seen = cache.get(name)
        cache.set(name, "seen", ttl=60)
        return {"seen": seen, "times": cache.increment(("times", name))}

    with Client(app) as client:
        assert client.get("/a").json() == {"seen": None, "times": 1}
        assert client.get("/a").json() == {"seen": "seen", "times": 2}
        assert client.get("/b").json() == {"seen": None, "times": 1}


def test_values_are_json_and_read_by_their_type(cache: Cache) -> None:
    post = Post(id=1, title="Cats")
    cache.set("post", post)
    assert cache.get("post") == {"id": 1, "title": "Cats", "made": "2026-11-01"}
    assert cache.get("post", type=Post) == post
    assert cache.get("post", type=list[int]) is None, "another form is as if nothing were there"
    for value in (None, True, 0, -5, 2**80, 1.5, "é\n", [1, [2]], {"a": None}):
        cache.set("plain", value)
        assert cache.get("plain") == value
    cache.delete("plain", "post")
    assert cache.get("plain") is None and cache.get("post") is None


def test_a_made_value_is_the_same_the_first_time_and_later(cache: Cache) -> None:
    rows = [Row(1, "Cats"), Row(2, "Dogs")]
    first = cache.get_or_set("posts", lambda: rows, type=list[Post])
    assert first == [Post(id=1, title="Cats"), Post(id=2, title="Dogs")]
    assert cache.get_or_set("posts", lambda: pytest.fail("it is kept"), type=list[Post]) == first
    assert cache.get_or_set("plain", lambda: (1, 2)) == [1, 2] == cache.get_or_set("plain", lambda: 0)
    assert cache.get_or_set("nothing", lambda: None) is None
    assert cache.get_or_set("nothing", lambda: 1) is None, "None is a value"


def test_a_maker_may_be_async_def(cache: Cache) -> None:
    async def make() -> int:
        await asyncio.sleep(0)
        return 7

    assert cache.get_or_set("a", make) == 7 == cache.get("a")


@pytest.mark.parametrize("value", [object(), b"\xff", {"f": print}, {1: object()}])
def test_what_is_no_json_is_refused(cache: Cache, value: Any) -> None:
    with pytest.raises(CacheFault):
        cache.set("a", value)
    with pytest.raises(CacheFault):
        cache.get_or_set("b", lambda: value)
    with pytest.raises(CacheFault, match="Input should be a valid integer"):
        cache.get_or_set("c", lambda: "secret", type=int)
    assert cache.get("a") is None and cache.get("b") is None


class Login(pydantic.BaseModel):
    name: str
    token: pydantic.SecretStr


class Told(Login):
    @pydantic.field_serializer("token")
    def _kept(self, secret: pydantic.SecretStr) -> str:
        return secret.get_secret_value()


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ({"a": [pydantic.SecretStr("x")]}, None),
        (pydantic.SecretStr("x"), pydantic.SecretStr),
        ([Login(name="a", token=pydantic.SecretStr("x"))], list[Login]),
        ([Login(name="a", token=pydantic.SecretStr("x"))], None),
        ({"a": Login(name="a", token=pydantic.SecretStr("x"))}, dict[str, Any]),
    ],
)
def test_a_value_keeps_no_secret_as_asterisks(value: Any, type: Any) -> None:
    cache = Caching().cache()
    for _ in range(2):
        with pytest.raises(CacheFault, match="would come back as asterisks") as fault:
            cache.get_or_set("a", lambda: value, type=type)
        assert "'x'" not in str(fault.value)
    assert cache.get("a") is None
    for _ in range(2):
        told = cache.get_or_set("a", lambda: Told(name="a", token=pydantic.SecretStr("x")), type=Told)
        assert told.token.get_secret_value() == "x"
    cache.set("b", "*" * 10)
    assert cache.get("b") == "*" * 10


def test_errors_hold_no_values(cache: Cache) -> None:
    with pytest.raises(CacheFault) as fault:
        cache.get_or_set("c", lambda: "secret", type=int)
    assert "secret" not in str(fault.value)


def test_d6_any_key_is_hashed_and_none_is_taken_for_another(cache: Cache) -> None:
    """Row D6: spaces, 300 bytes, a newline, other types, lone surrogates."""
    day = datetime.date(2026, 1, 1)
    keys: list[Any] = [
        "a b",
        "a\nb",
        "a\r\nset x 0 0 1",
        "x" * 300,
        "x" * 301,
        "é",
        "\udc80",
        "",
        1,
        "1",
        ("a", "b"),
        ("ab",),
        ("a", ("b",)),
        ("a", 1),
        ("a", "1"),
        day,
        uuid.UUID(int=1),
        b"\xff",
        True,
        None,
    ]
    for number, key in enumerate(keys):
        cache.set(key, number)
    assert [cache.get(key) for key in keys] == [*range(len(keys))]
    for key in (object(), {"a": object()}, ("a", print)):
        with pytest.raises(CacheFault):
            cache.get(key)


class Hidden(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    id: int = pydantic.Field(default=0, exclude=True)
    name: str = "a"
    _own: int = pydantic.PrivateAttr(default=0)

    @functools.cached_property
    def reckoned(self) -> object:
        return object()

    def owning(self, number: int) -> Hidden:
        self._own = number
        return self


@dataclasses.dataclass(slots=True, weakref_slot=True)
class Slotted:
    __id: int
    name: str = dataclasses.field(default="a", repr=False, compare=False)


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Ways(enum.Flag):
    IN = 1
    OUT = 2


class Place(NamedTuple):
    x: int
    y: int


class Tagged(str):  # noqa: SLOT000  (what it holds itself counts)
    tag: str = ""

    def with_tag(self, tag: str) -> Tagged:
        self.tag = tag
        return self


DAY = datetime.datetime.fromisoformat("2026-01-01T12:00")
PAIRS: list[tuple[Any, Any]] = [
    (pydantic.SecretStr("a"), pydantic.SecretStr("b")),
    (pydantic.SecretStr("a"), "a"),
    (pydantic.SecretBytes(b"a"), pydantic.SecretBytes(b"b")),
    (pydantic.Secret[int](1), pydantic.Secret[int](2)),
    (Secret("a"), Secret("b")),
    ({"token": Secret("a")}, {"token": Secret("b")}),
    (Hidden(id=1), Hidden(id=2)),
    (Hidden(), Hidden(id=0)),
    (Hidden(), Hidden.model_validate({"more": 1})),
    (Hidden(), Hidden().owning(1)),
    (Hidden(), Post(id=0, title="a")),
    (Slotted(1), Slotted(2)),
    (Slotted(1), Slotted(1, "b")),
    (Row(1, "a"), Row(1, "b")),
    (Row(1, "a"), {"id": 1, "title": "a"}),
    (decimal.Decimal(1), "1"),
    (decimal.Decimal(1), decimal.Decimal("1.0")),
    (1, 1.0),
    (1, True),
    (0, False),
    ("None", None),
    ({1: 2}, {"1": 2}),
    ({1: 2}, {1: 3}),
    ([1, 2], (1, 2)),
    ([[1], 2], [1, [2]]),
    ({1, 2}, frozenset({1, 2})),
    ({1, 2}, {1, 3}),
    (b"a", "61"),
    (b"a", {"bytes": "61"}),
    (uuid.UUID(int=1), str(uuid.UUID(int=1))),
    (DAY, DAY.isoformat()),
    (DAY, DAY.replace(tzinfo=datetime.UTC)),
    (DAY.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), DAY.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))),
    (DAY, DAY.replace(fold=1)),
    (DAY.date(), DAY),
    (DAY.time(), DAY.time().replace(microsecond=1)),
    (datetime.timedelta(1), datetime.timedelta(0, 1)),
    (Level.LOW, Level.HIGH),
    (Level.LOW, 1),
    (Ways.IN | Ways.OUT, Ways.IN),
    (Place(1, 2), (1, 2)),
    (Place(1, 2), Place(2, 1)),
    (Tagged("a"), "a"),
    (Tagged("a").with_tag("b"), Tagged("a").with_tag("c")),
]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=range(len(PAIRS)))
def test_d6_by_all_that_a_key_holds_and_by_its_type(cache: Cache, one: Any, other: Any) -> None:
    """What a form for show masks (`SecretStr`) or leaves out (`exclude=True`) tells keys apart as well."""
    cache.set(one, "one's own")
    assert cache.get(one) == "one's own" and cache.get(copy.deepcopy(one)) == "one's own"
    assert cache.get(other) is None
    assert cache.get((other, 1)) is cache.get([other]) is None


def test_d6_the_same_key_whenever_it_is_asked_for(cache: Cache) -> None:
    hidden = Hidden(id=1)
    cache.set(hidden, 1)
    assert hidden.reckoned is not None and cache.get(hidden) == 1, "what is reckoned from the rest does not count"
    cache.set({"a": 1, "b": {"x", "y", "z"}}, 2)
    assert cache.get({"b": {"z", "y", "x"}, "a": 1}) == 2, "nor does an order that is none"


class Shelf(Model):
    __abstract__ = True
    metadata = MetaData()


class Book(Shelf):
    title: Mapped[str]


def holding_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ((each for each in [1]), "generator is none"),
        (iter([1]), "list_iterator is none"),
        (range(3), "range is none"),
        (int, "type is none"),
        (print, "builtin_function_or_method is none"),
        (Book(id=1, title="secret"), "Book is a row of the database"),
        ([{"a": (object(), "secret")}], "object is none"),
        (holding_itself(), "holds itself"),
        pytest.param(10**5000, "thousands of digits", id="large"),
    ],
)
def test_what_is_no_key_is_refused(cache: Cache, key: Any, why: str) -> None:
    with pytest.raises(CacheFault, match=why) as fault:
        cache.get(key)
    assert "@cached(vary=lambda post: post.id)" in str(fault.value) and "secret" not in str(fault.value)


class Danger:
    ran = 0

    def __reduce__(self) -> Any:
        return (_ran, ())


def _ran() -> None:
    Danger.ran += 1


@pytest.mark.parametrize(
    "forged",
    [
        pickle.dumps(Danger()),
        b"",
        b"w1",
        b"w1{}",
        b"w1[]\n1",
        b'w1{"a":1}\n1',
        b"w1{}\n",
        b"w1{}\n{",
        b"w2{}\n1",
        b"w1" + pickle.dumps(Danger()) + b"\n1",
        b"w1{}\n" + pickle.dumps(Danger()),
        b"9" * 40,
    ],
)
def test_d6_a_forged_value_is_a_miss_and_never_run(forged: bytes) -> None:
    class Forged(MemoryStore):
        def get(self, names: Any) -> list[bytes | None]:
            return [forged for _ in names]

    cache = Caching(Forged()).cache()
    assert cache.get("a") is None
    assert cache.get_or_set("a", lambda: 1, type=int) == 1
    assert Danger.ran == 0


def test_times_end_by_a_clock_that_never_goes_back() -> None:
    clock = Clock()
    cache = Caching(MemoryStore(clock=clock), ttl=100).cache()
    cache.set("a", 1, ttl=10)
    cache.set("b", 1)
    cache.set("c", 1, ttl=math.inf)
    cache.increment("n", ttl=10)
    clock.now += 9.9
    assert cache.get("a") == 1 and cache.increment("n", ttl=10) == 2
    clock.now += 0.2
    assert cache.get("a") is None
    assert cache.increment("n", ttl=10) == 1, "its time began with it"
    clock.now += 90
    assert cache.get("b") is None
    clock.now += 1e9
    assert cache.get("c") == 1
    for wrong in (0, -1, math.nan):
        with pytest.raises(CacheFault):
            cache.set("a", 1, ttl=wrong)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_e14_a_wall_clock_that_is_set_changes_no_time(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    """Row E14: a clock that jumps one hour."""
    cache = Caching().cache()
    cache.set("long", 1, ttl=60)
    cache.set("short", 1, ttl=0.001)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    time.sleep(0.002)
    assert cache.get("long") == 1 and cache.get("short") is None


def test_those_that_nobody_asked_for_go_first() -> None:
    store = MemoryStore(most=3 * (200 + 64 + 100 + 10))
    cache = Caching(store).cache()
    for key in "abc":
        cache.set(key, "x" * 100)
    assert cache.get("a") is not None
    cache.set("d", "x" * 100)
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert 0 < store.size <= store.most
    cache.set("e", "x" * 5000)
    assert cache.get("e") is None and store.size <= store.most, "larger than all there is room for"
    cache.clear()
    assert store.size == 0
    with pytest.raises(SetupError, match="bad-cache"):
        MemoryStore(0)


def test_what_is_too_large_is_made_each_time() -> None:
    cache = Caching(largest=100).cache()
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return "x" * 200

    assert cache.get_or_set("a", make) == cache.get_or_set("a", make) == "x" * 200
    assert len(made) == 2


def test_tags(cache: Cache) -> None:
    cache.set("a", 1, tags=["posts", "post:1"])
    cache.set("b", 2, tags=["posts"])
    cache.set("c", 3)
    cache.invalidate("post:1")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, 2, 3)
    cache.invalidate("posts", "nobody")
    assert (cache.get("b"), cache.get("c")) == (None, 3)
    cache.set("b", 4, tags=["posts"])
    assert cache.get("b") == 4


def test_what_is_declared_invalid_while_it_is_made_is_not_found(cache: Cache) -> None:
    def make() -> str:
        cache.invalidate("posts")
        return "old"

    assert cache.get_or_set("a", make, tags=["posts"]) == "old"
    assert cache.get("a") is None


def test_values_that_begin_a_tag_at_the_same_time(cache: Cache) -> None:
    assert cache.get_or_set("a", lambda: cache.get_or_set("b", lambda: 1, tags=["x"]), tags=["x"]) == 1
    assert cache.get("a") == cache.get("b") == 1
    cache.invalidate("x")
    assert cache.get("a") is None and cache.get("b") is None


def test_tags_of_what_is_not_kept_take_no_room() -> None:
    app, store = App(docs=False), MemoryStore()
    app.use(Caching(store))

    @app.get("/posts/{id}")
    @cached(tags=["post:{id}"])
    def show(id: int) -> str:
        raise NotFound

    with Client(app) as client:
        for number in range(20):
            assert client.get(f"/posts/{number}").status == 404
    assert store.size == 0 and repr(store) == "<MemoryStore 0 of 67108864 bytes>"


# -- one maker at a time -----------------------------------------------------------------------------------------


def test_fifty_askers_and_one_maker(colour: Colour) -> None:
    app = App(docs=False, threads=60)
    app.use(Caching())
    made: list[int] = []
    waiting = threading.Semaphore(0)

    def make() -> int:
        made.append(1)
        for _ in range(50):
            assert waiting.acquire(timeout=30)
        return len(made)

    @app.get("/")
    @colour
    def value(cache: Cache) -> int:
        waiting.release()
        return cache.get_or_set("a", make_in(colour), type=int)

    def make_in(colour: Colour) -> Callable[[], Any]:
        async def later() -> int:
            return await asyncio.to_thread(make)

        return make if colour.__name__ == "_plain" else later

    async def ask() -> list[Any]:
        async with AsyncClient(app) as client:
            return [answer.json() for answer in await asyncio.gather(*(client.get("/") for _ in range(50)))]

    assert asyncio.run(ask()) == [1] * 50
    assert len(made) == 1


def test_after_a_failed_maker_the_next_one_tries(cache: Cache) -> None:
    made: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def make() -> int:
        made.append(1)
        if len(made) == 1:
            begun.set()
            assert go.wait(30)
            raise OSError
        return 7

    results: list[Any] = []

    def ask() -> None:
        try:
            results.append(cache.get_or_set("a", make))
        except OSError as error:
            results.append(error)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    threads[0].start()
    assert begun.wait(30)
    for each in threads[1:]:
        each.start()
    go.set()
    for each in threads:
        each.join(30)
    assert sorted(map(str, results)) == ["", "7", "7", "7", "7"] and len(made) == 2


def test_who_makes_it_may_ask_for_it_and_nobody_waits_for_ever() -> None:
    cache = Caching(patience=0.05).cache()
    assert cache.get_or_set("a", lambda: cache.get_or_set("a", lambda: 1)) == 1
    begun, go = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go.wait(30)
        return 1

    thread = threading.Thread(target=lambda: cache.get_or_set("b", slow))
    thread.start()
    assert begun.wait(30)
    assert cache.get_or_set("b", lambda: 2) == 2, "after its patience it makes its own"
    go.set()
    thread.join(30)


def test_on_the_loop_nobody_waits(cache: Cache) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go.wait(30)
        return 1

    thread = threading.Thread(target=lambda: cache.get_or_set("b", slow))
    thread.start()
    assert begun.wait(30)

    async def plain() -> int:
        return cache.get_or_set("b", lambda: 2, type=int)

    assert asyncio.run(plain()) == 2
    go.set()
    thread.join(30)


# -- within a transaction ----------------------------------------------------------------------------------------


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


@pytest.fixture
def shop(tmp_path: Path, colour: Colour) -> Iterator[tuple[App, Client]]:
    app = App(docs=False)
    app.use(Database(f"sqlite:///{tmp_path / 'app.db'}", models=Base), Caching())

    @app.get("/")
    @colour
    def value(cache: Cache) -> int | None:
        return cache.get("a", type=int)

    @app.post("/{way}")
    @colour
    def change(way: str, db: Session, cache: Cache) -> list[int | None]:
        cache.set("a", 1, tags=["posts"])
        cache.invalidate("posts")
        mine, others = cache.get("a", type=int), app.plugin(Caching).cache().get("a", type=int)
        made = cache.get_or_set("a", lambda: 2, tags=["posts"])
        if way == "refused":
            raise Conflict
        return [mine, others, made]

    with Client(app) as client:
        yield app, client


def test_tags_are_invalid_after_the_commit(shop: tuple[App, Client]) -> None:
    _, client = shop
    # To the request itself at once; and what it makes meanwhile, of its own changes, is not kept.
    assert client.post("/done").json() == [None, 1, 2]
    assert client.get("/").json() is None


def test_tags_are_valid_after_a_roll_back(shop: tuple[App, Client]) -> None:
    _, client = shop
    assert client.post("/refused").status == 409
    assert client.get("/").json() == 1


def test_a_session_by_hand(shop: tuple[App, Client]) -> None:
    app, _ = shop
    with app.session() as db:
        cache = app.plugin(Caching).cache(db)
        cache.set("a", 1, tags=["x"])
        cache.invalidate("x")
        assert app.plugin(Caching).cache().get("a") == 1
    assert app.plugin(Caching).cache().get("a") is None


# -- functions ---------------------------------------------------------------------------------------------------


def test_a_function_by_its_arguments() -> None:
    app, made = App(docs=False), list[Any]()
    caching = Caching()
    app.use(caching)

    @cached(ttl=60, tags=["rates", "rate:{currency}"], name="rate")
    def rate(currency: str, day: datetime.date | None = None) -> Post:
        """What a unit costs."""
        made.append(currency)
        return Post(id=len(made), title=currency)

    assert rate.__doc__ == "What a unit costs." and rate("USD").id == 1, "without an app it is made each time"
    app.seal()
    assert [rate("USD").id, rate(currency="USD").id, rate("EUR").id, rate("USD", datetime.date(2026, 1, 1)).id] == [
        2,
        2,
        3,
        4,
    ]
    assert isinstance(rate("USD"), Post)
    caching.cache().invalidate("rate:USD")
    assert [rate("EUR").id, rate("USD").id] == [3, 5]


def test_an_async_function_makes_once_for_all() -> None:
    caching = Caching()
    made: list[int] = []

    @cached(ttl=60, caching=caching, name="slow")
    async def slow(number: int) -> list[int]:
        made.append(number)
        await asyncio.sleep(0.01)
        return [number]

    async def ask() -> list[list[int]]:
        return await asyncio.gather(*(slow(each % 2) for each in range(50)))

    assert asyncio.run(ask()) == [[each % 2] for each in range(50)]
    assert sorted(made) == [0, 1]


def test_what_tells_results_apart_may_be_said() -> None:
    caching = Caching()

    @cached(vary=lambda post: post.id, tags=lambda post: [f"post:{post.id}"], caching=caching)
    def shown(post: Row) -> Any:
        return {"title": post.title}

    assert shown(Row(1, "a")) == shown(Row(1, "b")) == {"title": "a"}
    assert shown(Row(2, "b")) == {"title": "b"}
    caching.cache().invalidate("post:1")
    assert shown(Row(1, "c")) == {"title": "c"}

    @cached(caching=caching)
    def unkeyed(post: object) -> int:
        return 1

    with pytest.raises(CacheFault, match="are no key; say what tells its results apart"):
        unkeyed(object())

    @cached(vary="cookie", caching=caching)
    def by_header(a: int) -> int:
        return a

    with pytest.raises(SetupError, match="was called as a plain function"):
        by_header(1)

    @cached(vary=lambda other: other, caching=caching)
    def by_nothing(a: int) -> int:
        return a

    with pytest.raises(SetupError, match="asks for 'other'"):
        by_nothing(1)


@pytest.mark.parametrize("later", [False, True])
def test_functions_that_a_function_makes_have_a_name_each(later: bool) -> None:
    caching = Caching()

    def made_with(factor: int, **options: Any) -> Any:
        @cached(caching=caching, **options)
        def times(number: int) -> int:
            return number * factor

        @cached(caching=caching, **options)
        async def times_later(number: int) -> int:
            return number * factor

        return (lambda number: asyncio.run(times_later(number))) if later else times

    twice, thrice = (made_with(each, name=f"times-{each}") for each in (2, 3))
    assert [twice(5), thrice(5), twice(5), made_with(2, name="times-2")(5)] == [10, 15, 10, 10]
    twice, thrice = (made_with(each, vary=functools.partial(apart, each)) for each in (2, 3))
    assert [twice(5), thrice(5)] == [10, 15]
    for nameless in (made_with(2), cached()(lambda number: number)):
        with pytest.raises(CacheFault, match=r"has no name: others have the same.*test_cache.py:"):
            nameless(5)


def apart(factor: int, number: int) -> Any:
    return factor, number


@pytest.mark.parametrize("later", [False, True])
def test_a_function_that_asks_for_the_language(later: bool) -> None:
    """It is kept in each language it was asked in; one that does not ask, and one that says it itself, once for all."""
    app, made = App(docs=False), list[str]()
    app.use(Caching(), Languages("en", "de"))

    def kept(function: Callable[[], str]) -> Callable[[], str]:
        @cached(name=function.__name__)
        def now() -> str:
            made.append(function.__name__)
            return function()

        @cached(name=f"{function.__name__} later")
        async def awaited() -> str:
            await asyncio.sleep(0)
            return now()  # What it asks for it asks for through the other, also where that is found.

        return (lambda: asyncio.run(awaited())) if later else now

    def translated() -> str:
        return gettext("Send")

    def timed() -> str:
        return str(current_timezone())

    def german() -> str:
        with language("de"):
            return gettext("Send")

    functions = [kept(each) for each in (translated, timed, german)]
    app.seal()
    seen = []
    for tag, zone in (("en", "UTC"), ("de", "UTC"), ("en", "Asia/Tokyo"), ("de", "UTC"), ("en", "UTC")):
        with language(tag, timezone=zone):
            seen.append([each() for each in functions])
    utc, tokyo = ("UTC", "Senden"), ("Asia/Tokyo", "Senden")
    assert seen == [["Send", *utc], ["Senden", *utc], ["Send", *tokyo], ["Senden", *utc], ["Send", *utc]]
    assert sorted(made) == ["german", "timed", "timed", "translated", "translated"]


def test_a_function_that_asks_in_a_request(colour: Colour) -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching(), Languages("en", "de"))

    @cached(name="word")
    def word() -> str:
        made.append(1)
        return gettext("Send")

    @app.get("/")
    @colour
    def show() -> str:
        return word()

    with Client(app) as client:
        for tag, text in (("en", "Send"), ("de", "Senden")) * 2:
            answer = client.get("/", headers={"accept-language": tag})
            assert (answer.text, answer.headers["content-language"]) == (text, tag), "also where it was found"
    assert len(made) == 2


def test_a_function_of_a_secret() -> None:
    @cached(caching=Caching())
    def profile(token: Secret) -> str:
        return f"the profile of {token.get_secret_value()}"

    assert [profile(Secret(each)) for each in ("a", "b")] == ["the profile of a", "the profile of b"]


def test_a_provider_that_is_cached(colour: Colour) -> None:
    app, made = App(docs=False), list[int]()
    app.use(Caching())

    @app.provide
    @cached(ttl=60, name="weather")
    def weather(place: str) -> Post:
        made.append(1)
        return Post(id=len(made), title=place)

    @app.get("/{place}")
    @colour
    def show(place: str, weather: Post) -> str:
        return f"{weather.title} {weather.id}"

    with Client(app) as client:
        assert [client.get(f"/{each}").text for each in ("a", "b", "a")] == ["a 1", "b 2", "a 1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": 0}, "seconds above 0"),
        ({"vary": "a b"}, "no name of a header"),
        ({"tags": ["post:{id}"]}, "names 'id'"),
        ({"cache_control": "no-store"}, "is unknown"),
        ({"name": ""}, "is no name"),
        ({"cache_control": "public", "vary": "Cookie"}, "one answer for all"),
        ({"cache_control": "public", "vary": lambda request: 1}, "one answer for all"),
    ],
)
def test_what_cannot_be_is_told_where_it_is_written(options: Any, message: str) -> None:
    with pytest.raises(SetupError, match=message) as fault:

        @cached(**options)
        def page() -> str:
            return ""

    assert "test_cache.py:" in str(fault.value) and "bad-cache" in str(fault.value)


def test_only_functions_that_return() -> None:
    def pieces() -> Iterator[int]:
        yield 1

    for each in (pieces, len, Row):
        with pytest.raises(SetupError, match="return something"):
            cached(ttl=1)(each)
    with pytest.raises(SetupError, match="above 0"):
        Caching(ttl=0)
