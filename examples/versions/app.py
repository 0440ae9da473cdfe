"""Two versions of an API side by side: each with a document of its own, the old one on its way out."""

# [versions]
import datetime

from pydantic import BaseModel

from wholestack import App, Router
from wholestack.openapi import Deprecated, OpenAPI


class OldFilm(BaseModel):
    name: str


class Film(BaseModel):
    title: str
    year: int


v1 = Router("/v1", tags=("films",))
v2 = Router("/v2", tags=("films",))


@v1.get("/films")
def list_old_films() -> list[OldFilm]:
    """What is on."""
    return [OldFilm(name=film.title) for film in list_films()]


@v2.get("/films")
def list_films() -> list[Film]:
    """What is on."""
    return [Film(title="The Sea", year=2026)]


app = App(title="Cinema", version="2.0.0")
app.use(OpenAPI(versions={"/v1": "1.4.0", "/v2": "2.0.0"}))
app.include(v1)
app.include(v2)
# [/versions]

# [deprecated]
v1.middleware(
    Deprecated(
        since=datetime.date(2026, 1, 1),
        sunset=datetime.date(2027, 1, 1),
        successor="/v2",
        link="https://cinema.example.org/moving-to-2",
    )
)
# [/deprecated]
