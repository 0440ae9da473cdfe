"""One app that has about everything a document must describe."""

import datetime
import decimal
import enum
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

from pydantic import BaseModel, ConfigDict, Field, computed_field
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
    Gone,
    Header,
    NotFound,
    Partial,
    Query,
    Redirect,
    Request,
    Response,
    Router,
    Stream,
    Text,
    Unauthorized,
    Upload,
    rule,
)
from wholestack.openapi import OpenAPI

T = TypeVar("T")
NoteId = NewType("NoteId", int)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Note(BaseModel):
    """Something to remember."""

    text: Annotated[str, Field(min_length=1, max_length=200, description="What to remember.", examples=["milk"])]
    done: bool = False
    price: decimal.Decimal = decimal.Decimal("1.50")
    due: datetime.datetime | None = None
    tags: set[str] = {"one", "two", "three", "four"}
    colour: Colour = Colour.RED
    owner: Annotated[str, Field(alias="ownerName")] = "nobody"

    @computed_field
    def shout(self) -> str:
        """The text, louder."""
        return self.text.upper()


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: Annotated[int, Field(ge=0, le=9)] = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    good: bool = True


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0


class Words(BaseModel):
    """Sets as defaults, deep inside: their order must not depend on the hash seed."""

    usual: Note = Note(text="milk")
    by_name: dict[str, list[frozenset[str]]] = {"a": [frozenset({"x", "y", "z", "w"})]}
    where: Point = Point(1.0)


class Totals(TypedDict):
    count: int
    sum: float


class Search(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(description="Part of the text.", examples=["milk"])] = ""
    tag: Annotated[list[str], Field(max_length=5)] = []
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    colour: Colour | None = None


class Trace(BaseModel):
    x_trace_id: uuid.UUID
    x_tries: int = 0


class Session(BaseModel):
    sid: str
    theme: Literal["light", "dark"] = "light"


class Upgrade(BaseModel):
    name: Annotated[str, Field(description="Who asks.")]
    level: int = 1


def namesake() -> type[BaseModel]:
    """A second model called Note, of another module."""
    return type("Note", (BaseModel,), {"__annotations__": {"melody": str}, "__module__": "music.notes"})


class NoteGone(Gone):
    """The note was thrown away."""

    code = "note-gone"


class TooSoon(Conflict):
    """Somebody else is writing."""

    code = "too-soon"

    def __init__(self, who: str) -> None:
        super().__init__(f"{who} is writing.")


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "X-Key", "description": "Ask the office."}})
def has_key(x_key: Header[str] = "") -> None:
    if x_key != "secret":
        raise Unauthorized("Send the key.", challenge="Key")


@rule(scheme={"bearer": {"type": "http", "scheme": "bearer"}})
def has_token(authorization: Header[str] = "") -> bool:
    if not authorization:
        raise Unauthorized("Send the token.")
    return authorization == "Bearer secret"


@rule
def is_weekday() -> bool:
    return True


class Paging:
    def __init__(self, page: int) -> None:
        self.page = page


def paging(page: Annotated[int, Field(ge=1)] = 1) -> Paging:
    return Paging(page)


Namesake = namesake()
notes = Router("/notes", tags=["notes"])
admin = Router("/admin", tags=["admin"], needs=has_key)
other_host = Router(host="{tenant}.example.org")


@notes.get("/")
def search(find: Query[Search], paging: Paging, page: int = 1) -> Page[Note]:
    """Search the notes.

    Every word must be in the text.

    - a list
    """
    return Page(items=[Note(text=find.q or "milk")])


@notes.post("/", status=201, errors=(TooSoon,))
def create(new: Note) -> Note:
    return new


@notes.get("/{id}", errors=(NotFound, NoteGone), etag=True)
def show(id: NoteId, if_none_match: Header[str | None] = None) -> Note:
    if id == 404:
        raise NotFound("There is no such note.")
    if id == 410:
        raise NoteGone("It was thrown away.")
    return Note(text=str(id))


@notes.patch("/{id}")
def change(id: int, some: Partial[Note]) -> Note:
    return some.apply(Note(text="milk"))


@notes.delete("/{id}", deprecated=True, needs=has_token, answers={404: None})
def remove(id: int) -> None:
    raise NotFound("There is no such note.")


@notes.post("/{id}/files")
def attach(id: int, file: Upload, more: list[Upload] | None = None, title: Form[str] = "") -> Totals:
    return {"count": id, "sum": 1.0}


@admin.get("/report", needs=is_weekday, answers={202: Totals, 404: None, 409: Point})
def report(x_trace: Header[list[str]] = []) -> Totals | Redirect:  # noqa: B006
    return {"count": 1, "sum": 2.0}


@admin.get("/either", needs=(has_token | is_weekday, ~is_weekday))
def either() -> str:
    return "ok"


@admin.route("/several", methods=["GET", "POST"])
def several() -> int:
    return 1


@other_host.get("/home")
def home(tenant: str) -> str:
    return tenant


app = App(title="Broad", version="2.0")
app.use(
    OpenAPI(
        summary="About everything",
        terms_of_service="https://example.org/terms",
        tags={"notes": "What to remember.", "admin": "For the office."},
    )
)
app.provide(paging)
app.include(notes)
app.include(admin)
app.include(other_host)


@app.on_error(KeyError)
def missing_key(error: KeyError) -> dict[str, str]:
    return {"missing": "key"}


@app.get("/home")
def plain_home() -> str:
    return "home"


@app.post("/tree")
def tree(tree: Tree) -> Tree:
    return tree


@app.post("/words")
def words(words: Words) -> None: ...


@app.post("/pets")
def pets(
    pet: Body[Annotated[Pet, Field(description="A cat or a dog.", examples=[{"kind": "cat"}])]],
) -> list[Cat | Dog]:
    return [pet]


@app.post("/points")
async def points(points: Body[list[Point]]) -> Iterator[Point]:
    return iter(points)


@app.post("/songs")
def songs(song: Namesake) -> dict[str, Namesake]:  # type: ignore[valid-type]
    return {"a": song}


@app.put("/raw")
def raw(body: Body[bytes]) -> bytes:
    return body


@app.put("/text")
def text(body: Body[str]) -> str:
    return body


@app.put("/stream")
def stream(body: Body[Iterator[bytes]]) -> Stream:
    return Stream(body)


@app.post("/form")
def form(upgrade: Form[Upgrade]) -> HTML:
    return HTML("")


@app.post("/fields")
def fields(name: Form[str], upgrade: Form[Upgrade], tag: Form[list[str]] = []) -> Text:  # noqa: B006
    return Text("")


@app.get("/headers")
def headers(trace: Header[Trace], session: Cookie[Session], theme: Cookie[str] = "dark") -> JSON:
    return JSON({})


@app.get("/colours/{colour}/{day:date}/{key:uuid}.json")
def colours(colour: Colour, day: datetime.date, key: uuid.UUID) -> Colour:
    return colour


@app.get("/files/{rest:path}")
def files(rest: str) -> File:
    return File(rest)


@app.get("/unasked/{id}")
def unasked(request: Request) -> Response:
    return Response()


@app.get("/loose")
def loose(number: int | str = 3, day: datetime.date = datetime.date(2026, 1, 2)):  # type: ignore[no-untyped-def]
    return {}


@app.get("/any", media="application/vnd.api+json")
def anything() -> Any:
    return None


@app.get("/secret", hidden=True)
def secret() -> str:
    return ""
