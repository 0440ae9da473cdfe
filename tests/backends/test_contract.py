"""The same calls with the same results: on each database, and in `def` and in `async def` handlers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

import databases
from backends.models import Author, AuthorOut, Counter, Note, NoteOut, app_on
from wholestack import JSON, App, Conflict, Request
from wholestack.db import Database, ReadOnly, Session, func, insert, select, text, update
from wholestack.testing import Client

Colour = Callable[[Any], Any]


@pytest.fixture
def app(url: str) -> App:
    return app_on(url)


def test_what_is_added_is_answered_and_kept(app: App, colour: Colour, url: str) -> None:
    """It is flushed before the answer's body is built: the new rows have their keys."""

    @app.post("/authors", status=201)
    @colour
    def add(name: str, db: Session) -> AuthorOut:
        author = Author(name=name, notes=[Note(text="first"), Note(text="second")])
        db.add(author)
        return author  # type: ignore[return-value]

    with Client(app) as client:
        answer = client.post("/authors", query={"name": "ann"}).expect(201).json()
    assert [each["text"] for each in answer["notes"]] == ["first", "second"]
    assert databases.rows(url, "SELECT id, text FROM note ORDER BY id") == [
        (each["id"], each["text"]) for each in answer["notes"]
    ]


def test_lazy_loads(app: App, colour: Colour) -> None:
    """In the handler, and while the body is built."""
    with app.session() as db:
        db.add_all([Author(name=name, notes=[Note(text=f"of {name}")]) for name in ("ann", "bob")])

    @app.get("/authors", returns=list[AuthorOut])
    @colour
    def show(db: Session) -> Sequence[Author]:
        authors = db.scalars(select(Author).order_by(Author.name)).all()
        assert authors[1].notes[0].author is authors[1]
        return authors

    with Client(app) as client:
        assert [(each["name"], each["notes"][0]["text"]) for each in client.get("/authors").json()] == [
            ("ann", "of ann"),
            ("bob", "of bob"),
        ]


def test_a_provider_and_a_rule_have_the_same_session(app: App, colour: Colour) -> None:
    class Writer:
        def __init__(self, db: Session) -> None:
            self.db = db

    app.provide(Writer)

    def rule(db: Session) -> bool:
        return db.scalar(select(func.count()).select_from(Author)) == 0

    @app.post("/", needs=rule)
    @colour
    def add(db: Session, writer: Writer) -> bool:
        writer.db.add(Author(name="ann"))
        return db is writer.db and db.scalar(select(Author.name)) == "ann"

    with Client(app) as client:
        assert client.post("/").json() is True
        assert client.post("/").status == 403


def test_nested_transactions(app: App, colour: Colour, url: str) -> None:
    @app.post("/")
    @colour
    def nested(db: Session) -> list[str]:
        db.add(Author(name="ann"))
        for name in ("ann", "bob"):
            try:
                with db.begin_nested():
                    db.add(Author(name=name))
            except IntegrityError:
                pass
        point = db.begin_nested()
        db.add(Author(name="never"))
        db.flush()
        point.rollback()
        return list(db.scalars(select(Author.name).order_by(Author.name)))

    with Client(app) as client:
        assert client.post("/").json() == ["ann", "bob"]
    assert databases.rows(url, "SELECT name FROM author ORDER BY name") == [("ann",), ("bob",)]


def test_flush_refresh_and_expired_attributes(app: App, colour: Colour) -> None:
    @app.post("/")
    @colour
    def change(db: Session) -> list[Any]:
        counter = Counter(value=1)
        db.add(counter)
        assert counter.id is None
        db.flush()
        assert counter.id is not None
        db.execute(update(Counter).values(value=Counter.value + 1).execution_options(synchronize_session=False))
        seen = [counter.value]
        db.refresh(counter)
        seen.append(counter.value)
        db.execute(update(Counter).values(value=10).execution_options(synchronize_session=False))
        db.expire(counter)
        seen.append(counter.value)  # loaded anew, here
        db.expunge(counter)
        merged = db.merge(counter)
        merged.value += 1
        seen.append(db.scalar(select(Counter.value)))  # flushed before
        return seen

    with Client(app) as client:
        assert client.post("/").json() == [1, 2, 10, 11]


def test_core_and_text(app: App, colour: Colour) -> None:
    @app.post("/")
    @colour
    def run(db: Session) -> list[Any]:
        db.execute(insert(Counter), [{"value": number} for number in range(5)])
        done = db.execute(update(Counter).where(Counter.value < 2).values(value=100))
        total = db.execute(text("SELECT SUM(value) AS total FROM counter WHERE value > :least"), {"least": 2}).one()
        first = db.connection().execute(select(Counter.__table__.c.value).order_by(Counter.__table__.c.value)).first()
        assert first is not None
        none = db.execute(text("DELETE FROM counter WHERE value = 55"))
        return [done.rowcount, int(total.total), first.value, none.rowcount]

    with Client(app) as client:
        assert client.post("/").json() == [2, 207, 2, 0]


@pytest.mark.parametrize("size", [7, 1000])
def test_server_side_cursors(app: App, colour: Colour, size: int) -> None:
    with app.session() as db:
        db.execute(insert(Counter), [{"value": number} for number in range(1000)])

    @app.get("/")
    @colour
    def count(db: Session) -> list[int]:
        rows = db.scalars(select(Counter).order_by(Counter.value).execution_options(yield_per=size))
        orm = sum(row.value for row in rows)
        parts = db.execute(select(Counter.value).order_by(Counter.value).execution_options(yield_per=size)).partitions()
        core = [len(part) for part in parts]
        left = db.execute(select(Counter.value).order_by(Counter.value).execution_options(stream_results=True))
        first = left.fetchmany(3)
        left.close()
        return [orm, sum(core), len(core), len(first), db.scalar(select(func.count()).select_from(Counter)) or 0]

    with Client(app) as client:
        assert client.get("/").json() == [499_500, 1000, -(-1000 // size), 3, 1000]


def test_an_error_and_an_answer_of_400_or_more_roll_back(app: App, colour: Colour, url: str) -> None:
    @app.post("/{how}")
    @colour
    def write(how: str, db: Session) -> JSON:
        db.add(Author(name=how))
        db.flush()
        if how == "raises":
            raise Conflict("No.")
        if how == "breaks":
            raise ZeroDivisionError
        return JSON({}, {"answers": 404, "redirects": 303}.get(how, 200))

    with Client(app, raise_errors=False) as client:
        statuses = [client.post(f"/{how}").status for how in ("raises", "breaks", "answers", "redirects", "works")]
    assert statuses == [409, 500, 404, 303, 200]
    assert databases.rows(url, "SELECT name FROM author ORDER BY name") == [("redirects",), ("works",)]


def test_an_answer_that_cannot_be_built_rolls_back(app: App, colour: Colour, url: str) -> None:
    @app.post("/")
    @colour
    def write(db: Session) -> int:
        db.add(Author(name="ann"))
        db.flush()
        return "no number"  # type: ignore[return-value]

    with Client(app, raise_errors=False) as client:
        assert client.post("/").status == 500
    assert databases.rows(url, "SELECT name FROM author") == []


def test_a_value_that_is_there_already_is_a_conflict(app: App, colour: Colour) -> None:
    @app.post("/")
    @colour
    def add(db: Session) -> NoteOut:
        db.add(Author(name="ann"))
        return NoteOut(id=1, text="x")

    with Client(app) as client:
        assert client.post("/").status == 200
        answer = client.post("/")
    assert (answer.status, answer.json()["code"]) == (409, "duplicate")
    assert "ann" not in answer.text, "what is in the database is nobody's to read in an error"


def test_a_key_that_leads_nowhere_is_a_conflict(app: App, colour: Colour) -> None:
    @app.post("/")
    @colour
    def add(db: Session) -> None:
        db.add(Note(text="x", author_id=5))

    with Client(app) as client:
        answer = client.post("/")
    assert (answer.status, answer.json()["code"]) == (409, "constraint-failed")


def test_a_commit_that_fails_is_an_honest_answer_with_every_header(
    app: App, colour: Colour, url: str, kind: str
) -> None:
    """SQLite and PostgreSQL find it at the commit; MariaDB's connection is killed right before."""
    deferred = "REFERENCES author (id) DEFERRABLE INITIALLY DEFERRED" if kind != "mariadb" else ""
    with app.session() as db:
        db.execute(text("DROP TABLE IF EXISTS late"))
        db.execute(text(f"CREATE TABLE late (author_id INTEGER {deferred})"))

    @app.middleware
    def mark(request: Request) -> Any:
        response = yield
        response.headers.set("x-mark", "seen")
        return response

    @app.post("/")
    @colour
    def add(db: Session) -> str:
        db.execute(text("INSERT INTO late VALUES (12345)"))
        if kind == "mariadb":
            number = db.scalar(text("SELECT CONNECTION_ID()"))
            databases.ask(kind, f"KILL {number}")
        return "written"

    with Client(app) as client:
        answer = client.post("/")
        assert (answer.status, answer.headers["x-mark"]) == (503 if kind == "mariadb" else 409, "seen")
        assert "written" not in answer.text
        assert databases.rows(url, "SELECT * FROM late") == []
    with app.session() as db:
        db.execute(text("DROP TABLE late"))


def test_after_a_commit_or_a_failure(app: App, colour: Colour, url: str) -> None:
    """What is called has the connection's place free, and may open a session of its own."""
    called: list[str] = []

    def note(word: str) -> None:
        called.append(word)
        with app.session() as db:
            db.add(Counter(value=len(called)))

    @app.post("/{how}")
    @colour
    def write(how: str, db: Session) -> JSON:
        db.add(Author(name=how))
        db.after(commit=lambda: note(f"{how} committed"), failure=lambda: note(f"{how} failed"))
        if how == "by-hand":
            db.commit()
            assert called[-1] == "by-hand committed"
        return JSON({}, 409 if how == "refuses" else 200)

    with Client(app) as client:
        assert [client.post(f"/{how}").status for how in ("works", "refuses", "by-hand")] == [200, 409, 200]
    assert called == ["works committed", "refuses failed", "by-hand committed"]
    assert [value for (value,) in databases.rows(url, "SELECT value FROM counter ORDER BY value")] == [1, 2, 3]


def test_a_transaction_by_hand(app: App, colour: Colour, url: str) -> None:
    @app.post("/{how}", transaction="manual")
    @colour
    def write(how: str, db: Session) -> None:
        if how == "begin":
            with db.begin():
                db.add(Author(name="begun"))
        db.add(Author(name=f"added: {how}"))
        if how == "commit":
            db.commit()
        db.add(Author(name="forgotten"))
        db.flush()

    with Client(app) as client:
        assert [client.post(f"/{how}").status for how in ("nothing", "commit", "begin")] == [204, 204, 204]
    assert databases.rows(url, "SELECT name FROM author ORDER BY name") == [("added: commit",), ("begun",)]


def test_a_safe_method_reads_without_a_transaction_and_may_write(app: App, colour: Colour, url: str) -> None:
    @app.get("/{how}")
    @colour
    def read(how: str, db: Session) -> bool:
        before = db.scalar(select(func.count()).select_from(Author))
        began = db.connection().connection.dbapi_connection.lazy  # type: ignore[union-attr]
        if how == "write":
            db.add(Author(name="written by a GET"))
        assert before is not None
        return bool(began)

    with Client(app) as client:
        assert (client.get("/read").json(), client.get("/write").json()) == (True, True)
    assert databases.rows(url, "SELECT name FROM author") == [("written by a GET",)]


_LEVEL = {
    "sqlite": ("READ UNCOMMITTED", "PRAGMA read_uncommitted", 1),
    "postgresql": ("SERIALIZABLE", "SELECT current_setting('transaction_isolation')", "serializable"),
    "mariadb": ("SERIALIZABLE", "SELECT @@tx_isolation", "SERIALIZABLE"),
}


def test_a_level_of_isolation_for_one_request(url: str, kind: str, colour: Colour) -> None:
    """By SQLAlchemy's option; the next request has the usual one, and each is a transaction."""
    app = app_on(url, pool=1)
    level, question, expected = _LEVEL[kind]

    @app.post("/{how}")
    @colour
    def write(how: str, db: Session) -> list[Any]:
        if how == "asked":
            db.connection(execution_options={"isolation_level": level})
        db.add(Counter(value=1))
        db.flush()
        found = db.scalar(text(question))
        db.rollback()
        return [found, db.scalar(select(func.count()).select_from(Counter))]

    with Client(app) as client:
        before = client.post("/usual").json()
        assert client.post("/asked").json() == [expected, 0]
        assert client.post("/usual").json() == before != [expected, 0]


def said(url: str, statement: str) -> None:
    """Say it to the database, beside the app."""
    with contextlib.closing(databases.connect(url)) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        connection.commit()


_ALL_ALONG = {"sqlite": "SERIALIZABLE", "postgresql": "REPEATABLE READ", "mariadb": "REPEATABLE READ"}
"""The level at which a transaction sees one state from its beginning to its end."""


@pytest.mark.parametrize("asked", ["of the request", "of the engine", "of both"])
def test_a_level_of_isolation_holds_for_a_safe_method(url: str, kind: str, colour: Colour, asked: str) -> None:
    """What reads without a transaction else is one, and gives its connection back as it was."""
    if kind == "sqlite" and asked != "of the request":
        pytest.skip("there a whole engine at that level is one writer at a time, as SQLAlchemy's own would be")
    level, engine = _ALL_ALONG[kind], {"isolation_level": _ALL_ALONG[kind]}
    if asked == "of both":
        level, engine = (
            ("SERIALIZABLE", engine) if kind == "postgresql" else (level, {"isolation_level": "READ COMMITTED"})
        )
    app = app_on(url, pool=1, wait=1.0, engine={} if asked == "of the request" else engine)

    @app.get("/{how}")
    @colour
    def read(how: str, db: Session) -> list[int | None]:
        if how == "asked" and asked != "of the engine":
            db.connection(execution_options={"isolation_level": level})
        before = db.scalar(select(func.count()).select_from(Counter))
        if kind == "sqlite":
            return [int(db.connection().connection.dbapi_connection.in_transaction)]  # type: ignore[union-attr]
        said(url, "INSERT INTO counter (value) VALUES (1)")
        return [before, db.scalar(select(func.count()).select_from(Counter))]

    with Client(app) as client:
        usual = client.get("/usual").json()
        for _ in range(3):
            found = client.get("/asked").json()
            assert found == [1] if kind == "sqlite" else found[0] == found[1]
        if asked == "of the request":
            assert usual == [0] if kind == "sqlite" else usual[0] != usual[1]
            usual = client.get("/usual").json()
            assert usual == [0] if kind == "sqlite" else usual[0] != usual[1]
    assert app.plugin(Database).engine.pool.status().startswith("0 of 1")


def test_a_connection_that_cannot_be_put_in_order_is_thrown_away(url: str, colour: Colour) -> None:
    """The server may go while a level of isolation is taken back; the place in the pool does not go with it."""
    app, held = app_on(url, pool=1, wait=1.0), []

    @app.post("/{how}")
    @colour
    def write(how: str, db: Session) -> None:
        connection: Any = db.connection().connection
        held.append(connection.dbapi_connection)
        if how == "broken":
            connection._connection_record.finalize_callback.append(refuse)

    def refuse(_connection: Any) -> None:
        raise RuntimeError("The server has gone.")

    with Client(app) as client:
        for how in ("broken", "broken", "usual", "usual"):
            client.post(f"/{how}").expect(204)
    first, second, third, fourth = held
    assert first is not second and second is not third and third is fourth
    assert app.plugin(Database).engine.pool.checkedout() == 0


def test_who_is_told_of_a_connection_that_comes_back_costs_no_place(url: str, colour: Colour) -> None:
    app = app_on(url, pool=1, wait=1.0)

    @app.get("/")
    @colour
    def read(db: Session) -> int | None:
        return db.scalar(select(func.count()).select_from(Counter))

    def refuse(*_: Any) -> None:
        event.remove(pool, "checkin", refuse)
        raise RuntimeError("It listens in vain.")

    with Client(app) as client:
        pool = app.plugin(Database).engine.pool
        event.listen(pool, "checkin", refuse)
        for _ in range(3):
            client.get("/").expect(200)
        assert pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_level_among_the_engines_options_holds_for_each_mode(url: str, kind: str) -> None:
    """What may write without one can, and what only looks is refused by the database itself."""
    app = app_on(url, engine={"execution_options": {"isolation_level": _ALL_ALONG[kind]}})
    database = app.plugin(Database)
    with database.engine_for("lazy").begin() as connection:
        assert connection.scalar(select(func.count()).select_from(Counter)) == 0
        connection.execute(insert(Counter).values(value=1))
    with database.engine_for("look").connect() as connection:
        before = connection.scalar(select(func.count()).select_from(Counter))
        said(url, "INSERT INTO counter (value) VALUES (1)")
        assert connection.scalar(select(func.count()).select_from(Counter)) == before == 1
        with pytest.raises(ReadOnly):
            connection.execute(insert(Counter).values(value=1))
    database.dispose()


@pytest.mark.parametrize("kind", ["mariadb"], indirect=True)
def test_the_server_says_the_time_in_utc_wherever_it_stands(url: str) -> None:
    zone = databases.rows(url, "SELECT @@GLOBAL.time_zone")[0][0]
    said(url, "SET GLOBAL time_zone = '+05:00'")
    try:
        app = app_on(url)
        with app.session() as db:
            assert db.execute(text("SELECT NOW() = UTC_TIMESTAMP()")).scalar() == 1
    finally:
        said(url, f"SET GLOBAL time_zone = '{zone}'")


def test_outside_of_any_transaction(url: str, kind: str, colour: Colour) -> None:
    """SQLAlchemy's AUTOCOMMIT, for what may not run in one; the next request has its transaction again."""
    app = app_on(url, pool=1)

    @app.post("/{how}")
    @colour
    def write(how: str, db: Session) -> int:
        if how == "alone":
            db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            db.execute(text("ANALYZE TABLE counter" if kind == "mariadb" else "VACUUM"))
        db.execute(insert(Counter), {"value": 1})
        db.rollback()
        return db.scalar(select(func.count()).select_from(Counter)) or 0

    with Client(app) as client:
        assert [client.post(f"/{how}").json() for how in ("usual", "alone", "usual")] == [0, 1, 1]


def test_each_request_has_a_session_of_its_own(app: App, colour: Colour) -> None:
    kept: list[Session] = []

    @app.post("/")
    @colour
    def add(db: Session) -> int:
        kept.append(db)
        counter = Counter(value=1)
        db.add(counter)
        db.flush()
        return len(list(db))

    with Client(app) as client:
        assert [client.post("/").json() for _ in range(3)] == [1, 1, 1]
    assert len(set(map(id, kept))) == 3


@pytest.mark.parametrize("interface", ["wsgi", "rsgi"])
def test_the_same_on_the_other_interfaces(app: App, colour: Colour, url: str, interface: Any) -> None:
    @app.post("/")
    @colour
    def add(db: Session) -> list[str]:
        author = Author(name="ann", notes=[Note(text="x")])
        db.add(author)
        db.flush()
        db.expire_all()
        return [note.text for note in author.notes]

    with Client(app, interface=interface) as client:
        assert client.post("/").json() == ["x"]
        assert client.post("/").status == 409
    assert databases.rows(url, "SELECT name FROM author") == [("ann",)]
