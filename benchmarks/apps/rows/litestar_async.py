"""Litestar with advanced-alchemy's plugin, which provides the session."""

from advanced_alchemy.extensions.litestar import AsyncSessionConfig, SQLAlchemyAsyncConfig, SQLAlchemyPlugin
from litestar import Litestar, MediaType, get, post
from sqlalchemy.ext.asyncio import AsyncSession

from apps.rows import asynchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut


@get("/plaintext", media_type=MediaType.TEXT)
async def plaintext() -> str:
    return "Hello, World!"


@get("/key/{number:int}")
async def key(number: int, db_session: AsyncSession) -> WorldOut:
    return WorldOut.model_validate(await do.key(db_session, number))


@get("/keys/{number:int}")
async def keys(number: int, db_session: AsyncSession) -> list[WorldOut]:
    return [WorldOut.model_validate(each) for each in await do.keys(db_session, number)]


@get("/books")
async def books(db_session: AsyncSession) -> list[BookOut]:
    return [BookOut.model_validate(each) for each in await do.books(db_session)]


@post("/entries")
async def insert(data: EntryIn, db_session: AsyncSession) -> WorldOut:
    return WorldOut.model_validate(await do.insert(db_session, data.randomnumber))


@post("/updates/{number:int}", status_code=200)
async def updates(number: int, db_session: AsyncSession) -> list[WorldOut]:
    return [WorldOut.model_validate(each) for each in await do.updates(db_session, number)]


@get("/fortunes")
async def fortunes(db_session: AsyncSession) -> list[FortuneOut]:
    return [FortuneOut.model_validate(each) for each in await do.fortunes(db_session)]


config = SQLAlchemyAsyncConfig(engine_instance=do.engine, session_config=AsyncSessionConfig(expire_on_commit=False))
app = Litestar(
    [plaintext, key, keys, books, insert, updates, fortunes], plugins=[SQLAlchemyPlugin(config)], openapi_config=None
)
