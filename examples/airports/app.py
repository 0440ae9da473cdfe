"""Airports: an API over 3,364 real airports, in one file, pages for visitors in another (`airport_pages.py`), members in a third
(`airport_members.py`).

Run it with `wholestack dev examples/airports/app.py`.

The data lies in airports.db beside this file, or where DATABASE_URL says: sqlite:///…, postgresql://…, mariadb://….
"""

import csv
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import nsmallest
from hmac import compare_digest
from io import StringIO
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal, NewType

from airport_members import use_members
from airport_pages import pages
from airport_tables import Row
from pydantic import BaseModel, Field, SecretStr, StringConstraints, ValidationError

from wholestack import (
    JSON,
    App,
    File,
    Header,
    Limits,
    Partial,
    Query,
    Request,
    Response,
    Router,
    Settings,
    Upload,
    rule,
    wait,
)
from wholestack.auth import permission
from wholestack.db import Database, IntegrityError, Session, func, select
from wholestack.errors import Conflict, FieldFault, NotFound, PreconditionFailed, Unauthorized, ValidationFailed
from wholestack.files import Files, LocalStorage
from wholestack.http import etag_of
from wholestack.languages import Languages
from wholestack.middleware import SecurityHeaders
from wholestack.outbox import Outbox
from wholestack.realtime import Channel, Events, LastEventId, Socket
from wholestack.static import Static

HERE = Path(__file__).parent
MOST_AIRPORTS, MOST_FAULTS = 10_000, 100
LATITUDE, LONGITUDE = r"-?(90|[0-8]?[0-9])(\.[0-9]{1,6})?", r"-?(180|1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,6})?"

Code = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]{3,4}$", to_upper=True), Field(examples=["JFK"])]
State = Annotated[str, Field(pattern="^[A-Z]{2}$", description="Postal code of a state or territory", examples=["NY"])]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Unit = Literal["km", "mi", "nmi"]
PER_KM: dict[Unit, float] = {"km": 1, "mi": 1 / 1.609344, "nmi": 1 / 1.852}


class Coded(BaseModel):
    code: Code


class Details(BaseModel, extra="forbid"):
    """What can be changed of an airport."""

    name: Name
    city: Name
    state: State
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


def km_between(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    north, south = radians(latitude), radians(other_latitude)
    turn = sin((north - south) / 2) ** 2
    turn += cos(north) * cos(south) * sin(radians(longitude - other_longitude) / 2) ** 2
    return 12_742 * asin(sqrt(min(1.0, turn)))  # the haversine; rounding may push it past 1 for opposite points


class Airport(Details, Coded):
    """An airport, under its FAA code."""


class Search(BaseModel):
    """Every filter given must hold; with `near`, the nearest come first."""

    state: State | None = None
    q: Annotated[str, Field(max_length=60, description="Part of a code, a name or a city")] = ""
    near: Annotated[str, Field(pattern=f"^{LATITUDE},{LONGITUDE}$", examples=["40.7,-74.0"])] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    offset: Annotated[int, Field(ge=0, le=MOST_AIRPORTS)] = 0


@dataclass(frozen=True)
class Found:
    total: int
    airports: list[Airport]


@dataclass(frozen=True)
class Neighbour:
    km: float
    airport: Airport


@dataclass(frozen=True)
class Distance:
    distance: float
    unit: Unit


@dataclass(frozen=True)
class Imported:
    added: int
    replaced: int


class Change(Coded):
    """What happened to an airport."""

    action: Literal["added", "changed", "removed"]


class Say(BaseModel):
    """A line that a visitor of an airport's page says to the others there."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class Said(Say):
    kind: Literal["said"] = "said"
    name: str


class Here(BaseModel):
    """Who is there, each time somebody comes or leaves."""

    kind: Literal["here"] = "here"
    names: list[str]


Line = Annotated[Said | Here, Field(discriminator="kind")]


class NoSuchAirport(NotFound):
    code = "no-such-airport"


class CodeTaken(Conflict):
    code = "code-taken"


class Full(Conflict):
    code = "full"


def find(db: Session, code: str) -> Airport:
    if (row := db.get(Row, code)) is None:
        raise NoSuchAirport("No airport has this code. `GET /airports?q=` finds codes by name and city.")
    return Airport.model_validate(row, from_attributes=True)


def put(db: Session, airports: list[Airport]) -> Imported:
    """Add and replace airports, as far as there is room for them."""
    new = {airport.code: airport for airport in airports}
    known = len(set(db.scalars(select(Row.code))) & new.keys())
    for airport in new.values():
        db.merge(Row(**airport.model_dump()))
    db.flush()
    if (db.scalar(select(func.count()).select_from(Row)) or 0) > MOST_AIRPORTS:
        raise Full(f"This demonstration keeps at most {MOST_AIRPORTS} airports. `DELETE` one first.")
    return Imported(added=len(new) - known, replaced=known)


def read_rows(text: str, where: str) -> list[Airport]:
    """The airports of a CSV text, or one error that lists the faults of all rows (it stops at a hundred)."""
    airports: list[Airport] = []
    faults: list[FieldFault] = []
    try:
        for number, row in enumerate(csv.DictReader(StringIO(text, newline=""), restkey="more")):
            try:
                airports.append(Airport.model_validate(row))
            except ValidationError as error:
                for fault in error.errors(include_url=False, include_input=False):
                    pointer = "/".join(("", where, str(number), *map(str, fault["loc"])))
                    faults.append(FieldFault("form", pointer, fault["type"], fault["msg"]))
            if len(faults) >= MOST_FAULTS:
                break
    except csv.Error:
        faults.append(FieldFault("form", f"/{where}", "csv", "This is not a CSV file."))
    if faults:
        raise ValidationFailed(faults)
    return airports


class Keys(Settings):
    """From the environment: `WRITE_KEY`, the key that writers must show."""

    write_key: SecretStr = SecretStr("demo")


@rule(scheme={"writing-key": {"type": "apiKey", "in": "header", "name": "x-api-key"}})
def writer(keys: Keys, x_api_key: Header[str | None] = None) -> None:
    if not compare_digest((x_api_key or "").encode(), keys.write_key.get_secret_value().encode()):
        raise Unauthorized("Writing needs the key in the header `x-api-key`.", challenge="ApiKey")


app = App(Keys.read(), title="Airports", version="1.0.0")
app.use(Database(os.environ.get("DATABASE_URL") or f"sqlite:///{HERE / 'airports.db'}"))
app.use(
    Outbox(),
    SecurityHeaders(),
    Languages("en", "de"),
    Static(),
    Files(LocalStorage(os.environ.get("AIRPORTS_UPLOADS") or HERE / "uploads"), public=True),
)
reading = Router(tags=("reading",))
writing = Router(tags=("writing",), needs=writer | permission("airport.write"))


@app.lifespan
@contextmanager
def shipped() -> Iterator[None]:
    """Fill an empty table with the airports that are shipped."""
    try:
        with app.session() as db:
            if db.scalar(select(Row.code).limit(1)) is None:
                airports = read_rows((HERE / "airports.csv").read_text("utf-8"), "airports.csv")
                db.add_all(Row(**airport.model_dump()) for airport in airports)
    except IntegrityError:
        pass  # Another worker was faster.
    yield


@app.middleware
def timing(request: Request) -> Generator[None, Response, Response]:
    begun = perf_counter()
    response = yield
    response.headers.set("server-timing", f"app;dur={(perf_counter() - begun) * 1000:.2f}")
    return response


def tagged(airport: Airport, status: int = 200, **headers: str) -> JSON:
    return JSON(airport, status=status, headers={"etag": etag_of(airport.model_dump_json().encode()), **headers})


@app.get("/", hidden=True)
def home() -> File:
    return File(HERE / "index.html", inline=True)


@app.get("/style.css", hidden=True)
def style() -> File:
    return File(HERE / "style.css", inline=True)


@app.get("/live", hidden=True)
def live() -> File:
    return File(HERE / "live.html", inline=True)


@app.get("/live.js", hidden=True)
def script() -> File:
    return File(HERE / "live.js", inline=True)


@app.get("/icon.svg", hidden=True)
def icon() -> File:
    return File(HERE / "icon.svg", inline=True)


@reading.get("/airports")
def list_airports(search: Query[Search], db: Session) -> Found:
    """Find airports by state, by words and by place."""
    wanted = select(Row).order_by(Row.code)
    if search.state:
        wanted = wanted.where(Row.state == search.state)
    if search.q:
        text = func.lower(Row.code + " " + Row.name + " " + Row.city)
        wanted = wanted.where(text.contains(search.q.lower(), autoescape=True))
    total = db.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    if search.near:
        latitude, longitude = map(float, search.near.split(","))
        places = db.execute(wanted.with_only_columns(Row.code, Row.latitude, Row.longitude)).all()
        places = sorted(places, key=lambda place: km_between(latitude, longitude, place.latitude, place.longitude))
        codes = [place.code for place in places[search.offset : search.offset + search.limit]]
        rows = sorted(db.scalars(select(Row).where(Row.code.in_(codes))), key=lambda row: codes.index(row.code))
    else:
        rows = list(db.scalars(wanted.offset(search.offset).limit(search.limit)))
    return Found(total, [Airport.model_validate(row, from_attributes=True) for row in rows])


@reading.get("/airports.csv", media="text/csv")
def download() -> File:
    """The whole data set as it is shipped; ranges and conditional requests work."""
    return File(HERE / "airports.csv", media_type="text/csv; charset=utf-8")


@reading.get("/airports/{code}", returns=Airport, errors=(NoSuchAirport,))
async def read_airport(code: Code, db: Session) -> JSON:
    """One airport, with an `ETag`: `If-None-Match` saves the body, `If-Match` on `PATCH` prevents lost updates."""
    return tagged(find(db, code))


@reading.get("/airports/{code}/nearest", errors=(NoSuchAirport,))
def nearest(code: Code, db: Session, count: Annotated[int, Field(ge=1, le=50)] = 5) -> list[Neighbour]:
    """The airports nearest to this one, the nearest first."""
    here = find(db, code)
    places = db.execute(select(Row.code, Row.latitude, Row.longitude).where(Row.code != code)).all()
    away = [(km_between(here.latitude, here.longitude, it.latitude, it.longitude), it.code) for it in places]
    return [Neighbour(round(km, 1), find(db, other)) for km, other in nsmallest(count, away)]


@reading.get("/distance", errors=(NoSuchAirport,))
async def distance(a: Code, b: Code, db: Session, unit: Unit = "km") -> Distance:
    """The distance between two airports along a great circle."""
    start, end = find(db, a), find(db, b)
    km = km_between(start.latitude, start.longitude, end.latitude, end.longitude)
    return Distance(round(km * PER_KM[unit], 1), unit)


@reading.get("/states")
def states(db: Session) -> dict[str, int]:
    """How many airports each state and territory has."""
    counted = select(Row.state, func.count()).group_by(Row.state).order_by(Row.state)
    return {state: count for state, count in db.execute(counted)}  # noqa: C416  (a Row is no pair to mypy)


@reading.get("/changes")
async def changes(news: Channel[Change], last: LastEventId) -> Events[Change]:
    """What is added, changed and removed, as it happens; who comes back gets what happened meanwhile."""
    return Events(news.subscribe(after=last))


Known = NewType("Known", Airport)


@app.provide
def known(code: Code, db: Session) -> Known:
    """The airport of the path: who asks for it is called with one that is there, or not at all."""
    return Known(find(db, code))


@app.socket("/airports/{code}/talk")
async def talk(code: Code, name: Name, socket: Socket[Say, Line], lines: Channel[Line], airport: Known) -> None:
    """Talk with the others who look at this airport."""
    try:
        async with lines.join(code, socket, name):
            await lines.publish(Here(names=await lines.here(code)), code)
            async for said in socket:
                await lines.publish(Said(name=name, text=said.text), code)
    finally:
        await lines.publish(Here(names=await lines.here(code)), code)


def tell(db: Session, news: Channel[Change], change: Change) -> None:
    """Tell who listens, once it is true."""
    db.after(commit=lambda: wait(news.publish(change)))


@writing.post("/airports", status=201, returns=Airport, errors=(CodeTaken, Full))
def create_airport(airport: Airport, db: Session, news: Channel[Change]) -> JSON:
    """Add an airport."""
    if db.get(Row, airport.code) is not None:
        raise CodeTaken("An airport with this code exists already. `PATCH` changes it.")
    put(db, [airport])
    tell(db, news, Change(code=airport.code, action="added"))
    return tagged(airport, 201, location=app.url_for(read_airport, code=airport.code))


@writing.patch("/airports/{code}", returns=Airport, errors=(NoSuchAirport, PreconditionFailed))
def change_airport(code: Code, change: Partial[Details], request: Request, db: Session, news: Channel[Change]) -> JSON:
    """Change what is sent and nothing else."""
    airport = find(db, code)
    request.precondition(tagged(airport).headers["etag"])
    changed = change.apply(airport)
    db.merge(Row(**changed.model_dump()))
    tell(db, news, Change(code=code, action="changed"))
    return tagged(changed)


@writing.delete("/airports/{code}", errors=(NoSuchAirport,))
def delete_airport(code: Code, db: Session, news: Channel[Change]) -> None:
    """Remove an airport."""
    find(db, code)
    db.delete(db.get_one(Row, code))
    tell(db, news, Change(code=code, action="removed"))


@writing.post("/import", limits=Limits(body="1 MB"), errors=(Full,))
def import_airports(file: Upload, db: Session) -> Imported:
    """Add and replace airports from a file like `/airports.csv`: all of its rows, or none and the faults of each."""
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationFailed([FieldFault("form", "/file", "utf-8", "The file is not UTF-8.")]) from None
    return put(db, read_rows(text, "file"))


app.include(reading)
app.include(writing)
app.include(pages, at="/visit")
use_members(app)
