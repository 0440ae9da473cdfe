"""FastAPI, `async def` handlers with SQLAlchemy's async session as a dependency."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from apps.pages.fastapi_shared import application, check_token, show_form, show_fortunes
from apps.pages.tables import ASYNC, POOL, Feedback, Fortune, Member, by_field

app = application()
sessions = async_sessionmaker(create_async_engine(ASYNC, pool_size=POOL, max_overflow=0), expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as db:
        yield db


Db = Annotated[AsyncSession, Depends(session)]


async def current(request: Request, db: Db) -> Member:
    return await db.get_one(Member, request.session["member"])


Current = Annotated[Member, Depends(current)]


@app.get("/fortunes")
async def fortunes(request: Request, db: Db):
    return show_fortunes(request, list(await db.scalars(select(Fortune))))


@app.get("/form")
async def form(request: Request, member: Current):
    return show_form(request, member, {}, {})


@app.post("/form")
async def send(request: Request, member: Current):
    sent = await request.form()
    check_token(request, sent.get("csrf_token"))
    try:
        feedback = Feedback.model_validate(dict(sent))
    except ValidationError as error:
        return show_form(request, member, sent, by_field(error))
    return RedirectResponse(f"/thanks?age={feedback.age + 1}", 303)
