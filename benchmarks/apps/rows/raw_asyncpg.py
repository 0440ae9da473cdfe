"""A bare ASGI callable over asyncpg: what the driver alone costs. PostgreSQL only."""

import json

import asyncpg

from apps.rows.tables import EXTRA, POOL, URL, WORLDS, twenty

pools = []
HEADERS = [(b"content-type", b"application/json")]


async def pool():
    if not pools:
        pools.append(await asyncpg.create_pool(URL, min_size=POOL, max_size=POOL))
    return pools[0]


async def key(db, number, body):
    return dict(await db.fetchrow("SELECT id, randomnumber FROM world WHERE id = $1", number))


async def keys(db, number, body):
    prepared = await db.prepare("SELECT id, randomnumber FROM world WHERE id = $1")
    return [dict(await prepared.fetchrow(each)) for each in twenty(number)]


async def books(db, number, body):
    rows = await db.fetch(
        "SELECT book.id, title, author.id AS a, name FROM book JOIN author ON author.id = author_id "
        "ORDER BY book.id LIMIT 100"
    )
    return [{"id": row[0], "title": row[1], "author": {"id": row[2], "name": row[3]}} for row in rows]


async def entries(db, number, body):
    randomnumber = int(json.loads(body)["randomnumber"])
    row = await db.fetchrow("INSERT INTO entry (randomnumber) VALUES ($1) RETURNING id, randomnumber", randomnumber)
    return dict(row)


async def updates(db, number, body):
    async with db.transaction():
        prepared = await db.prepare("SELECT id, randomnumber FROM world WHERE id = $1")
        found = [dict(await prepared.fetchrow(each)) for each in sorted(twenty(number))]
        for world in found:
            world["randomnumber"] = world["randomnumber"] % WORLDS + 1
        await db.executemany(
            "UPDATE world SET randomnumber = $2 WHERE id = $1", [(each["id"], each["randomnumber"]) for each in found]
        )
    return found


async def fortunes(db, number, body):
    found = [dict(row) for row in await db.fetch("SELECT id, message FROM fortune")]
    return sorted([*found, {"id": 0, "message": EXTRA}], key=lambda each: each["message"])


DO = {"key": key, "keys": keys, "books": books, "entries": entries, "updates": updates, "fortunes": fortunes}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    name, _, number = scope["path"][1:].partition("/")
    body = (await receive())["body"] if scope["method"] == "POST" else b""
    if name == "plaintext":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"Hello, World!"})
        return
    async with (await pool()).acquire() as db:
        found = await DO[name](db, int(number or 0), body)
    status = 201 if name == "entries" else 200
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})
