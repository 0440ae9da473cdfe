"""What docs/guides/testing.md shows of factories, budgets, routes and contracts."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from wholestack import App, NotFound
from wholestack.testing import Client, Contract, OverBudget, Reached, budget, factory, make


class NewFilm(BaseModel):
    title: Annotated[str, Field(min_length=1, max_length=80)]
    year: Annotated[int, Field(ge=1888)]
    tags: list[str] = []


class Film(NewFilm):
    id: int


class Films:
    """All films, by their number."""

    def __init__(self) -> None:
        self.by_id: dict[int, Film] = {}


app = App(title="Films")
app.provide(Films, scope="app")


@app.post("/films", status=201)
async def add(new: NewFilm, films: Films) -> Film:
    film = Film(id=len(films.by_id) + 1, **new.model_dump())
    films.by_id[film.id] = film
    return film


@app.get("/films")
async def all_films(films: Films) -> list[Film]:
    return list(films.by_id.values())


@app.get("/films/{id}", errors=(NotFound,))
async def film(id: int, films: Films) -> Film:
    if id not in films.by_id:
        raise NotFound(f"There is no film {id}.")
    return films.by_id[id]


# [make]
def test_a_film_is_kept() -> None:
    new = make(NewFilm, tags=["sea"])
    with Client(app) as client:
        kept = client.post("/films", json=new).expect(201).json()
    assert kept == {"id": 1, **new.model_dump()}


# [/make]


# [factory]
def test_many_films() -> None:
    with Client(app) as client:
        for new in factory(NewFilm).many(20, year=1999):
            client.post("/films", json=new).expect(201)
        assert len(client.get("/films").json()) == 20


# [/factory]


# [budget]
def test_what_a_list_costs() -> None:
    with Client(app) as client:
        for new in factory(NewFilm).many(50):
            client.post("/films", json=new).expect(201)
        with budget(calls=20, bytes=4000):
            client.get("/films").expect(200)


# [/budget]


def test_over_it() -> None:
    with Client(app) as client, pytest.raises(OverBudget):
        client.post("/films", json=make(NewFilm)).expect(201)
        with budget(calls=3):
            client.get("/films").expect(200)


# [reached]
def test_what_was_reached() -> None:
    with Reached() as reached, Client(app) as client:
        client.post("/films", json=make(NewFilm)).expect(201)
        client.get("/films/1").expect(200)
    coverage = reached.coverage(app)
    assert coverage.percent == 50.0
    assert {gap.route: gap.missing for gap in coverage.gaps} == {
        "GET /films": (),
        "GET /films/{id}": ("404 not-found",),
    }


# [/reached]

# [contract]
contract = Contract(app, examples=20)


@pytest.mark.parametrize("operation", contract.operations)
def test_the_contract(operation: str) -> None:
    contract.check(operation)


# [/contract]
