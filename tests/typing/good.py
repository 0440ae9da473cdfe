"""What users write: clean under `mypy --strict` and pyright, with no plugin."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import enum
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Annotated, Any, Literal, NewType, Protocol, assert_type

import pydantic
from typing_extensions import TypedDict

from wholestack import (
    HTML,
    JSON,
    App,
    Body,
    Conflict,
    Cookie,
    File,
    Form,
    Header,
    HTTPError,
    Limits,
    NotFound,
    Partial,
    Plugin,
    Query,
    Redirect,
    Request,
    Response,
    Router,
    Rule,
    Secret,
    Settings,
    Stream,
    Text,
    Upload,
    rule,
    wait,
)
from wholestack.errors import FieldFault, ProblemDetails, ValidationFailed

Primary = NewType("Primary", str)


class Colour(enum.Enum):
    RED = "red"


class Shop(Settings, prefix="SHOP_"):
    name: str = "shop"
    key: Secret = Secret("development")


class NewNote(pydantic.BaseModel):
    text: Annotated[str, pydantic.Field(min_length=1)]
    done: bool = False


@dataclasses.dataclass
class Note:
    id: int
    text: str


class Movie(TypedDict):
    title: str


class Mailer(Protocol):
    def send(self, to: str) -> None: ...


class Clock:
    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)


settings = Shop.read({})
app = App(
    settings, title="Notes", limits=Limits(body="1 MB"), headers={"x-frame-options": None}, errors=ProblemDetails()
)
router = Router("/notes", tags=["notes"])


@router.get("/{id}", errors=[NotFound], summary="One note", returns=NewNote)
def show(id: int, q: str | None = None, tag: list[str] = [], page: Annotated[int, pydantic.Field(ge=1)] = 1) -> Note:  # noqa: B006
    return Note(id, q or "")


@router.post("", status=201, timeout=5, limits=Limits(body=100))
async def make(new: NewNote, x_token: Header[str], theme: Cookie[str] = "light") -> Note:
    await asyncio.sleep(0)
    return Note(1, new.text + x_token + theme)


@router.patch("/{id}")
def change(id: int, changes: Partial[NewNote]) -> Note:
    note = changes.apply(Note(id, ""))
    sent: dict[str, Any] = changes.sent
    return note if "text" in changes and sent else Note(id, "")


@router.put("/{id}")
def replace(id: uuid.UUID, movie: Movie, colour: Colour, kind: Literal["a", 1] = 1) -> Movie:
    return {"title": movie["title"] + colour.value}


@app.post("/forms")
def form(contact: Form[NewNote], photo: Upload, more: list[Upload], search: Query[NewNote]) -> Redirect:
    photo.read(3)
    return Redirect(f"/{contact.text}{len(more)}{search.done}")


@app.post("/bodies")
async def bodies(items: Body[list[Note]]) -> int:
    return items[0].id


@app.post("/stream")
async def stream(chunks: Body[AsyncIterator[bytes]]) -> int:
    return sum([len(chunk) async for chunk in chunks])


@app.route("/purge", methods=["PURGE"])
def plain(chunks: Body[Iterator[bytes]]) -> Response | None:
    return Text("x").after(print, "done") if list(chunks) else None


@app.get("/files/{path:path}")
def file(path: str) -> File | Stream | HTML | JSON:
    if path == "stream":
        return Stream(str(n) for n in range(3))
    if path == "json":
        return JSON({"a": 1}, status=202, headers={"x-a": "b"})
    return File(path, below="static", inline=True)


@app.provide
def clock() -> Clock:
    return Clock()


def mailer(clock: Clock) -> Generator[Mailer, Response, None]:
    class Sends:
        def send(self, to: str) -> None: ...

    response = yield Sends()
    response.headers.set("x-mail", str(clock.now()))


async def primary(shop: Shop) -> AsyncIterator[Primary]:
    yield Primary(shop.name)


def waiting() -> Note:
    return wait(asyncio.sleep(0, Note(1, "")))


app.provide(mailer)
app.provide(primary, scope="app")
app.provide(waiting, waits=True)


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "x-key"}})
def has_key(x_key: Header[str] = "") -> bool:
    return x_key == "k"


@rule
def is_open() -> None: ...


combined: Rule = has_key & (is_open | ~has_key)


@app.get("/guarded", needs=[combined, has_key])
def guarded(request: Request, mailer: Mailer, primary: Primary, clock: Clock | None) -> str:
    mailer.send(request.headers.get("to", "nobody"))
    return primary


@app.middleware
def timed(request: Request) -> Generator[None, Response, Response]:
    if request.path == "/closed":
        return Text("closed", status=503)
    response = yield
    response.set_cookie("seen", "1", max_age=60, samesite="strict")
    return response.filter(bytes.upper)


@app.on_error(Conflict)
def conflict(error: Conflict, request: Request) -> dict[str, str]:
    return {"code": error.code, "path": request.path}


@app.on_error(ValidationFailed)
async def invalid(error: ValidationFailed) -> JSON:
    faults: list[FieldFault] = list(error.faults)
    return JSON([fault.pointer for fault in faults], status=422)


@app.lifespan
@contextlib.asynccontextmanager
async def opened(primary: Primary) -> AsyncIterator[None]:
    yield


class Teapot(HTTPError):
    code, status = "teapot", 418


class Counter:
    def __init__(self, start: int = 0) -> None:
        self.count = start

    def setup(self, app: App) -> None:
        app.include(router, at="/v1")
        app.get("/count")(self.current)

    def current(self) -> int:
        return self.count


plugin: Plugin = Counter()
app.use(plugin)
count: int = app.plugin(Counter).count
assert_type(clock(), Clock)
assert_type(show(1), Note)
assert_type(is_open, Rule)
url: str = app.url_for(show, id=3) + app.url_for("show", id=4)
with app.replace(Clock, Clock()) as twin:
    description = twin.describe()
    paths: list[str] = [route.path for route in description.routes]
kept: int = show(1).id
