"""SQLAlchemy's engine and the six answers over a `Session`, for every peer that blocks a thread; and for Wholestack."""

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, selectinload, sessionmaker

from apps.rows.tables import EXTRA, POOL, SYNC, WORLDS, Book, Entry, Fortune, World, twenty

engine = create_engine(SYNC, pool_size=POOL, max_overflow=0)
sessions = sessionmaker(engine, expire_on_commit=False)


def key(db: Session, number: int) -> World:
    return db.get_one(World, number)


def keys(db: Session, number: int) -> list[World]:
    return [db.get_one(World, each) for each in twenty(number)]


def books(db: Session) -> list[Book]:
    wanted = select(Book).options(selectinload(Book.author)).order_by(Book.id).limit(100)
    return list(db.scalars(wanted))


def insert(db: Session, randomnumber: int) -> Entry:
    entry = Entry(randomnumber=randomnumber)
    db.add(entry)
    db.commit()
    return entry


def updates(db: Session, number: int) -> list[World]:
    found = [db.get_one(World, each) for each in sorted(twenty(number))]
    for world in found:
        world.randomnumber = world.randomnumber % WORLDS + 1
    db.commit()
    return found


def fortunes(db: Session) -> list[Fortune]:
    found = list(db.scalars(select(Fortune)))
    return sorted([*found, Fortune(id=0, message=EXTRA)], key=lambda each: each.message)
