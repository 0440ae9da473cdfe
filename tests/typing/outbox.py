"""What users write of tasks: what is put is compared with what the function takes, without what the framework gives."""

from __future__ import annotations

import datetime
from typing import assert_type

import pydantic

from wholestack import App
from wholestack.db import Database, Session
from wholestack.outbox import Entry, Outbox, Progress, Queue, State, given, settle, settled, task
from wholestack.realtime import Channel

app = App()


class Line(pydantic.BaseModel):
    text: str


@task
def tell(post_id: int, *, db: Session = given) -> str:
    assert_type(db, Session)
    return "told"


@task(retries=3, wait=0.5, longest=60, timeout=30, name="mail")
async def mail(to: str, text: str = "", *, progress: Progress = given) -> None:
    progress(1, of=2, note="half")
    progress("half")  # wrong


@task(retry=3)  # wrong
def other() -> None: ...


@app.post("/posts")
def publish(queue: Queue, db: Session, lines: Channel[Line]) -> None:
    assert_type(queue.put(tell, 7), int)
    queue.put(tell, post_id=7)
    queue.put(mail, "ann", text="hello")
    queue.put(tell, "seven")  # wrong
    queue.put(tell)  # wrong
    queue.put(mail, "ann", more=1)  # wrong
    queue.put(7)  # wrong
    queue.put(tell, 7, at=datetime.timedelta(minutes=5))
    queue.put(tell, 7, at=datetime.datetime.now(datetime.UTC), key="7")
    queue.put(tell, 7, key="7")
    queue.put(tell, 7, at="tomorrow")  # wrong
    assert_type(queue.publish(lines, Line(text="hello"), room="hall"), int)
    queue.publish(lines, "hello")  # wrong
    assert_type(queue.cancel(7), bool)
    assert_type(queue.retry(7), bool)
    entry = db.get_one(Entry, 7)
    assert_type(entry.state, State)
    assert_type(entry.due, datetime.datetime | None)


assert_type(tell(1), str)  # By hand it is the function that it was.
app.use(Database(), Outbox(tell, mail, concurrency=8, lease=60, embedded=False))
Outbox(tell, threads=8)  # wrong
assert_type(settle(app, datetime.timedelta(hours=1)), list[Entry])


async def later() -> None:
    assert_type(await settled(app), list[Entry])
    await mail("ann")
