"""SQLAlchemy's async engine and the six answers over an `AsyncSession`, for every peer that awaits it."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from apps.rows.tables import ASYNC, EXTRA, POOL, WORLDS, Book, Entry, Fortune, World, twenty

engine = create_async_engine(ASYNC, pool_size=POOL, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def key(db: AsyncSession, number: int) -> World:
    return await db.get_one(World, number)


async def keys(db: AsyncSession, number: int) -> list[World]:
    return [await db.get_one(World, each) for each in twenty(number)]


async def books(db: AsyncSession) -> list[Book]:
    wanted = select(Book).options(selectinload(Book.author)).order_by(Book.id).limit(100)
    return list(await db.scalars(wanted))


async def insert(db: AsyncSession, randomnumber: int) -> Entry:
    entry = Entry(randomnumber=randomnumber)
    db.add(entry)
    await db.commit()
    return entry


async def updates(db: AsyncSession, number: int) -> list[World]:
    found = [await db.get_one(World, each) for each in sorted(twenty(number))]
    for world in found:
        world.randomnumber = world.randomnumber % WORLDS + 1
    await db.commit()
    return found


async def fortunes(db: AsyncSession) -> list[Fortune]:
    found = list(await db.scalars(select(Fortune)))
    return sorted([*found, Fortune(id=0, message=EXTRA)], key=lambda each: each.message)
