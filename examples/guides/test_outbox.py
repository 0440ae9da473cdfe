"""What docs/guides/outbox.md shows."""

from __future__ import annotations

import datetime

import pydantic
import pytest
from sqlalchemy import MetaData

from wholestack import App, Body, NotFound, Response
from wholestack.db import Database, Mapped, Model, Session, Table, mapped_column, select
from wholestack.outbox import Entry, Outbox, Progress, Queue, State, given, settle, task
from wholestack.testing import Client


class Base(Model):
    """Of this guide only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Mailer:
    """Sends mail; here it keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def send(self, to: str, text: str, key: str) -> None:
        self.sent.append((to, text, key))


class Follower(Base):
    name: Mapped[str]


class NewPost(pydantic.BaseModel):
    title: str


mailer = Mailer()


def the_mailer() -> Mailer:
    return mailer


# [first]
class Post(Base):
    title: Mapped[str]
    told: Mapped[int] = mapped_column(default=0)


@task(retries=5)
def tell_followers(post_id: int, *, db: Session = given, mailer: Mailer = given, progress: Progress = given) -> None:
    post = db.get_one(Post, post_id)
    for follower in db.scalars(select(Follower)):
        mailer.send(follower.name, post.title, key=f"{progress.id}-{follower.id}")
        post.told += 1


app = App()
app.use(Database("sqlite://", models=Base), Outbox())
app.provide(the_mailer, scope="app")


@app.post("/posts", status=201)
def publish(new: NewPost, db: Session, queue: Queue) -> int:
    post = Post(title=new.title)
    db.add(post)
    db.flush()
    queue.put(tell_followers, post.id)  # Run only if this transaction commits.
    return post.id


# [/first]


# [in-time]
@app.post("/posts/{number}/remind")
def remind(number: int, db: Session, queue: Queue) -> int:
    if db.get(Post, number) is None:
        raise NotFound
    tomorrow = datetime.timedelta(days=1)
    return queue.put(tell_followers, number, at=tomorrow, key=f"remind-{number}")


@app.delete("/reminders/{number}")
def forget(number: int, queue: Queue) -> bool:
    return queue.cancel(number)


# [/in-time]


# [progress]
@task(retries=2, timeout=600)
async def count_words(texts: list[str], *, progress: Progress = given) -> None:
    for number, text in enumerate(texts):
        progress(number, of=len(texts), note=f"{text[:20]} …")


@app.get("/entries/{number}")
def entry(number: int, db: Session) -> dict[str, str | float | None]:
    found = db.get(Entry, number)
    if found is None:
        raise NotFound
    return {"state": found.state, "progress": found.progress, "note": found.note}


# [/progress]


# [own-steps]
@task(name="posts.recount")
def recount(*, db: Session = given, progress: Progress = given) -> None:
    numbers = db.scalars(select(Post.id)).all()
    db.commit()  # Nothing is locked while the slow part runs.
    for done, number in enumerate(numbers):
        db.get_one(Post, number).told = 0
        db.commit()
        progress(done, of=len(numbers))


# [/own-steps]


@app.post("/count")
def count(texts: Body[list[str]], queue: Queue) -> int:
    queue.put(recount)
    return queue.put(count_words, texts)


# [after]
@app.get("/posts/{number}")
def show(number: int, db: Session) -> Response:
    post = db.get(Post, number)
    if post is None:
        raise NotFound
    response = Response(post.title.encode(), media_type="text/plain")
    response.after(seen.append, number)  # Lost if the process ends just now, and nobody minds.
    return response


# [/after]

seen: list[int] = []


# [test]
def test_followers_are_told() -> None:
    with Client(app) as client:
        with app.session() as db:
            db.add(Follower(name="Ada"))
        client.post("/posts", json={"title": "Engines"}).expect(201)
        assert mailer.sent == []

        [entry] = settle(app)  # Run what is due.
        assert entry.state is State.DONE
        assert mailer.sent == [("Ada", "Engines", f"{entry.id}-1")]


# [/test]


def test_in_time() -> None:
    with Client(app) as client:
        post = client.post("/posts", json={"title": "Engines"}).json()
        settle(app)
        mailer.sent.clear()
        first = client.post(f"/posts/{post}/remind").json()
        assert client.post(f"/posts/{post}/remind").json() == first
        assert client.post("/posts/99/remind").status == 404
        # [ahead]
        assert settle(app) == []
        [entry] = settle(app, ahead=datetime.timedelta(days=1))
        # [/ahead]
        assert (entry.id, entry.state) == (first, State.DONE)
        assert client.delete(f"/reminders/{first}").json() is False


def test_progress() -> None:
    with Client(app) as client:
        number = client.post("/count", json=["a b", "c"]).json()
        assert client.get(f"/entries/{number}").json() == {"state": "waiting", "progress": None, "note": None}
        assert [each.state for each in settle(app)] == [State.DONE, State.DONE]
        assert client.get(f"/entries/{number}").json() == {"state": "done", "progress": 0.5, "note": "c …"}
        assert client.get("/entries/99").status == 404


def test_after() -> None:
    with Client(app) as client:
        post = client.post("/posts", json={"title": "Engines"}).json()
        assert client.get(f"/posts/{post}").text == "Engines"
        assert client.get("/posts/99").status == 404


# [by-hand]
def test_a_task_is_a_function(post: Post, session: Session) -> None:
    tell_followers(post.id, db=session, mailer=mailer, progress=Progress(id=1, attempt=1))
    assert post.told == 1


# [/by-hand]


@pytest.fixture
def session() -> Session:
    database = Database("sqlite://", models=Base)
    database.create_tables()
    session = Session(database.engine)
    session.add(Follower(name="Ada"))
    return session


@pytest.fixture
def post(session: Session) -> Post:
    post = Post(title="Engines")
    session.add(post)
    session.flush()
    return post
