"""FastAPI, `def` handlers with SQLAlchemy's session as a dependency."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.datastructures import FormData

from apps.pages.fastapi_shared import application, check_token, show_form, show_fortunes
from apps.pages.tables import POOL, SYNC, Feedback, Fortune, Member, by_field

app = application()
sessions = sessionmaker(create_engine(SYNC, pool_size=POOL, max_overflow=0), expire_on_commit=False)


def session() -> Iterator[Session]:
    with sessions() as db:
        yield db


Db = Annotated[Session, Depends(session)]


def current(request: Request, db: Db) -> Member:
    return db.get_one(Member, request.session["member"])


async def fields(request: Request) -> FormData:
    return await request.form()


Current = Annotated[Member, Depends(current)]
Fields = Annotated[FormData, Depends(fields)]


@app.get("/fortunes")
def fortunes(request: Request, db: Db):
    return show_fortunes(request, list(db.scalars(select(Fortune))))


@app.get("/form")
def form(request: Request, member: Current):
    return show_form(request, member, {}, {})


@app.post("/form")
def send(request: Request, member: Current, sent: Fields):
    check_token(request, sent.get("csrf_token"))
    try:
        feedback = Feedback.model_validate(dict(sent))
    except ValidationError as error:
        return show_form(request, member, sent, by_field(error))
    return RedirectResponse(f"/thanks?age={feedback.age + 1}", 303)
