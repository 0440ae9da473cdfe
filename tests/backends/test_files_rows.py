"""Rows and their files: never a row without its file, and a file without a row only until it is swept."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import MetaData, String, inspect, type_coerce
from sqlalchemy.orm import Session as AlchemySession
from sqlalchemy.orm import deferred

import migrating
from wholestack import App, Conflict, SetupError, Text
from wholestack.crud import schema
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Table,
    ValueRefused,
    delete,
    mapped_column,
    relationship,
    select,
)
from wholestack.files import (
    Files,
    FileStore,
    FileTypeRefused,
    LocalStorage,
    MemoryStorage,
    StoredFile,
    StoredFileType,
    sweep,
)
from wholestack.outbox import Outbox, Queue, settle, task
from wholestack.testing import Client

Colour = Callable[[Any], Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Album(Base):
    name: Mapped[str] = mapped_column(unique=True)
    photos: Mapped[list[Photo]] = relationship(back_populates="album", cascade="all, delete-orphan")


class Photo(Base):
    title: Mapped[str] = mapped_column(unique=True)
    file: Mapped[StoredFile | None] = mapped_column(default=None)
    paper: Mapped[StoredFile | None] = deferred(mapped_column(StoredFileType(), default=None))
    album_id: Mapped[int | None] = mapped_column(ForeignKey("album.id"), default=None)
    album: Mapped[Album | None] = relationship(back_populates="photos")


_made: set[str] = set()


class Case:
    """An app with photos, and what its storage has."""

    def __init__(self, url: str, colour: Colour) -> None:
        self.storage = MemoryStorage()
        self.app = App(docs=False, checked=True)
        self.app.use(
            Files(self.storage, key="a key that nobody can guess"), Database(url, models=Base, migrations=None)
        )
        self.files: FileStore = self.app.plugins[0].store()  # type: ignore[attr-defined]
        self.does: Callable[[Session, FileStore], object] = lambda db, files: None
        database = self.app.plugin(Database)
        if url not in _made:
            database.create_tables()
            _made.add(url)
        with database.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())

        def handler(db: Session, files: FileStore, fail: str = "") -> Text:
            self.does(db, files)
            if fail == "raise":
                raise Conflict
            return Text("done", status=409 if fail == "answer" else 200)

        self.app.post("/")(colour(handler))
        self.client = Client(self.app)

    def run(self, does: Callable[[Session, FileStore], object], status: int = 200, fail: str = "") -> None:
        self.does = does
        self.client.post(f"/?fail={fail}").expect(status)

    def photo(self, title: str = "sea", **more: Any) -> StoredFile:
        """A row that was committed, and its file."""
        found: list[StoredFile] = []

        def add(db: Session, files: FileStore) -> None:
            found.append(files.save(PNG, filename=f"{title}.png"))
            db.add(Photo(title=title, file=found[0], **more))

        self.run(add)
        return found[0]

    @property
    def kept(self) -> set[str]:
        return {each.name for each in self.storage.names()}


@pytest.fixture
def case(url: str, colour: Colour) -> Iterator[Case]:
    case = Case(url, colour)
    with case.client:
        yield case


def the(db: Session, title: str = "sea") -> Photo:
    return db.scalars(select(Photo).where(Photo.title == title)).one()


def test_a_row_holds_a_file(case: Case) -> None:
    stored = case.photo()
    with case.app.session() as db:
        assert the(db).file == stored
        assert db.scalar(select(type_coerce(Photo.file, String))).startswith(f'{{"name":"{stored.name}"')
        assert db.scalars(select(Photo).where(Photo.file == stored)).one().title == "sea"
        assert db.scalar(select(Photo.paper)) is None
    assert case.kept == {stored.name}


@pytest.mark.parametrize("fail", ["raise", "answer"])
def test_a_transaction_that_is_rolled_back_leaves_no_file(case: Case, fail: str) -> None:
    def add(db: Session, files: FileStore) -> None:
        db.add(Photo(title="sea", file=files.save(PNG)))
        db.flush()
        assert len(case.kept) == 1

    case.run(add, 409, fail)
    assert case.kept == set()


def test_a_commit_that_fails_leaves_no_file(case: Case) -> None:
    stored = case.photo()
    case.run(lambda db, files: db.add(Photo(title="sea", file=files.save(PNG))), 409)
    assert case.kept == {stored.name}


def test_a_replaced_file_goes_after_the_commit(case: Case) -> None:
    old = case.photo()

    def replace(db: Session, files: FileStore) -> None:
        the(db).file = files.save(PNG)
        db.flush()
        assert case.storage.exists(old.name)

    case.run(replace, 409, "raise")
    assert case.kept == {old.name}
    case.run(replace)
    assert len(case.kept) == 1 and old.name not in case.kept


def test_what_was_replaced_before_it_was_ever_written(case: Case) -> None:
    def twice(db: Session, files: FileStore) -> None:
        photo = Photo(title="sea", file=files.save(PNG))
        db.add(photo)
        photo.file = files.save(PNG)
        photo.file = files.save(PNG)

    case.run(twice)
    assert len(case.kept) == 1


def test_a_deleted_rows_file_goes_after_the_commit(case: Case) -> None:
    stored = case.photo()
    case.run(lambda db, files: db.delete(the(db)), 409, "answer")
    assert case.kept == {stored.name}
    case.run(lambda db, files: db.delete(the(db)))
    assert case.kept == set()


def test_set_to_nothing(case: Case) -> None:
    case.photo()

    def unset(db: Session, files: FileStore) -> None:
        the(db).file = None

    case.run(unset)
    assert case.kept == set()


def test_a_column_that_was_not_loaded(case: Case) -> None:
    case.run(lambda db, files: db.add(Photo(title="sea", paper=files.save(b"text"))))
    (before,) = case.kept

    def replace(db: Session, files: FileStore) -> None:
        photo = the(db)
        assert "paper" in inspect(photo).unloaded
        photo.paper = files.save(b"other")

    case.run(replace)
    (after,) = case.kept
    assert after != before
    case.run(lambda db, files: db.delete(the(db)))
    assert case.kept == set()


def test_what_goes_with_its_owner(case: Case) -> None:
    def add(db: Session, files: FileStore) -> None:
        photos = [Photo(title=str(n), file=files.save(PNG)) for n in range(3)]
        db.add(Album(name="summer", photos=photos))

    case.run(add)
    assert len(case.kept) == 3

    def pop(db: Session, files: FileStore) -> None:
        album = db.scalars(select(Album)).one()
        album.photos.pop()

    case.run(pop)
    assert len(case.kept) == 2
    case.run(lambda db, files: db.delete(db.scalars(select(Album)).one()))
    assert case.kept == set()


def test_a_savepoint_that_is_rolled_back_keeps_the_row_and_its_file(case: Case) -> None:
    stored = case.photo()

    def part(db: Session, files: FileStore) -> None:
        with contextlib.suppress(ZeroDivisionError), db.begin_nested():
            db.delete(the(db))
            db.flush()
            raise ZeroDivisionError
        db.add(Photo(title="land"))

    case.run(part)
    assert case.kept == {stored.name}


def test_a_savepoint_that_is_rolled_back_leaves_no_file_of_its_own(case: Case) -> None:
    stored = case.photo()

    def part(db: Session, files: FileStore) -> None:
        with contextlib.suppress(ZeroDivisionError), db.begin_nested():
            db.add(Photo(title="sky", file=files.save(PNG)))
            db.delete(the(db))
            db.flush()
            raise ZeroDivisionError

    case.run(part)
    assert case.kept == {stored.name}

    # What is let go later in the same transaction goes, whatever was begun and taken back before.
    def both(db: Session, files: FileStore) -> None:
        part(db, files)
        db.delete(the(db))

    case.run(both)
    assert case.kept == set()


def test_a_row_that_names_a_file_of_a_savepoint_that_is_rolled_back_keeps_it(case: Case) -> None:
    small = {"small": (8, 8)}

    def part(db: Session, files: FileStore) -> None:
        saved: list[StoredFile] = []
        with contextlib.suppress(ZeroDivisionError), db.begin_nested():
            for title in ("sea", "land", "sky"):
                with contextlib.suppress(FileTypeRefused):
                    files.save(PNG, types={"text/plain"})
                saved.append(files.save_image(picture(), sizes=small) if title == "sky" else files.save(PNG))
                db.add(Photo(title=title, file=saved[-1]))
            db.flush()
            raise ZeroDivisionError
        db.add(Photo(title="again", file=saved[0]))
        db.add(Photo(title="high", paper=saved[2]))

    case.run(part, 409, "raise")
    assert case.kept == set(), "the whole was rolled back"
    case.run(part)
    with case.app.session() as db:
        sea, sky = the(db, "again").file, the(db, "high").paper
    assert sea is not None and sky is not None
    assert case.kept == {sea.name, sky.name, sky.variant("small")}
    case.run(lambda db, files: [db.delete(each) for each in db.scalars(select(Photo))])
    assert case.kept == set()


def test_in_a_script_a_row_keeps_the_file_of_a_savepoint(case: Case) -> None:
    async def later() -> None:
        async with case.app.session() as db:
            await db.run_sync(lambda session: part(session, "land"))

    def part(db: Any, title: str) -> None:
        files = case.app.plugin(Files).store(db)
        with contextlib.suppress(ZeroDivisionError), db.begin_nested():
            stored, _ = files.save(PNG), files.save(PNG)
            raise ZeroDivisionError
        db.add(Photo(title=title, file=stored))

    with case.app.session() as db:
        part(db, "sea")
    assert len(case.kept) == 1
    asyncio.run(later())
    assert len(case.kept) == 2


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
    return buffer.getvalue()


def test_a_file_that_went_to_another_row(case: Case) -> None:
    stored = case.photo()

    def move(db: Session, files: FileStore) -> None:
        db.add(Photo(title="land", file=the(db).file))
        db.delete(the(db))

    case.run(move)
    assert case.kept == {stored.name}

    def rename(db: Session, files: FileStore) -> None:
        photo = the(db, "land")
        assert photo.file is not None
        photo.file = dataclasses.replace(photo.file, filename="other.png")

    case.run(rename)
    assert case.kept == {stored.name}
    case.run(lambda db, files: db.delete(the(db, "land")))
    assert case.kept == set()


def test_many_at_once(case: Case) -> None:
    case.run(lambda db, files: db.add_all([Photo(title=str(n), file=files.save(PNG)) for n in range(120)]))
    assert len(case.kept) == 120
    case.run(lambda db, files: [db.delete(each) for each in db.scalars(select(Photo).where(Photo.id > 1))])
    assert len(case.kept) <= 2


def test_in_a_script(case: Case) -> None:
    plugin = case.app.plugin(Files)
    with case.app.session() as db:
        db.add(Photo(title="sea", file=plugin.store(db).save(PNG)))
    with contextlib.suppress(ZeroDivisionError), case.app.session() as db:
        db.add(Photo(title="land", file=plugin.store(db).save(PNG)))
        raise ZeroDivisionError
    assert len(case.kept) == 1
    with case.app.session() as db:
        db.delete(the(db))
        plugin.store(db).delete(StoredFile("0" * 32 + ".png", "", "", 0, ""))
    assert case.kept == set()


def test_with_awaits(case: Case) -> None:
    case.photo()

    async def go() -> None:
        async with case.app.session() as db:
            await db.delete((await db.scalars(select(Photo))).one())

    asyncio.run(go())
    assert case.kept == set()


def test_in_a_test_that_is_rolled_back(case: Case) -> None:
    with case.app.plugin(Database).rolled_back():
        case.photo()
        case.run(lambda db, files: db.delete(the(db)))
        assert case.kept == set()

        def part(db: Session, files: FileStore) -> None:
            with contextlib.suppress(ZeroDivisionError), db.begin_nested():
                stored, _ = files.save(PNG), files.save(PNG)
                raise ZeroDivisionError
            db.add(Photo(title="sea", file=stored))

        case.run(part)
        assert len(case.kept) == 1


def test_an_error_of_the_storage_changes_nothing(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    stored = case.photo()

    def breaks(name: str) -> None:
        raise OSError("the storage is away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case.storage, "delete", breaks)
        case.run(lambda db, files: db.delete(the(db)))
    assert f"{stored.name} could not be deleted" in caplog.text
    assert case.kept == {stored.name}
    assert sweep(case.app, older=datetime.timedelta(0)) == [stored.name]
    assert case.kept == set()


def test_a_session_of_sqlalchemys_own_leaves_it_to_the_sweep(case: Case) -> None:
    case.photo()
    with AlchemySession(case.app.plugin(Database).engine) as db:
        db.delete(db.scalars(select(Photo)).one())
        db.commit()
    assert len(case.kept) == 1
    assert len(sweep(case.app, older=datetime.timedelta(0))) == 1


def test_sweep(case: Case) -> None:
    stored, gone = case.photo(), case.photo("land")
    with case.app.session() as db:
        db.execute(delete(Photo).where(Photo.title == "land"))  # A statement: nobody sees which files go with it.
    case.storage.save("incoming-" + "0" * 32, [b""])
    assert sweep(case.app) == []
    assert set(sweep(case.app, older=datetime.timedelta(0), dry=True)) == {gone.name, "incoming-" + "0" * 32}
    assert len(case.kept) == 3
    assert set(sweep(case.app, older=datetime.timedelta(0))) == {gone.name, "incoming-" + "0" * 32}
    assert case.kept == {stored.name}


def test_sweep_needs_a_database() -> None:
    app = App(docs=False)
    with pytest.raises(SetupError, match="no-plugin"):
        sweep(app)
    app.use(Files(MemoryStorage()))
    with pytest.raises(SetupError, match="no-database"):
        sweep(app)


def test_what_is_no_stored_file(case: Case) -> None:
    for wrong in ("a.png", StoredFile("../a.png", "", "", 0, ""), StoredFile("0" * 32 + ".png", "x" * 2000, "", 0, "")):
        with pytest.raises(Exception) as refused, case.app.session() as db:
            db.add(Photo(title="sea", file=wrong))
        assert isinstance(getattr(refused.value, "orig", refused.value), ValueRefused)
    with case.app.session() as db:
        db.add(
            Photo(title="sea", file=StoredFile("0" * 32 + ".png", "😀" * 255, "image/png", 1, "d", ("a", "b"), 3, 4))
        )
    with case.app.session() as db:
        found = the(db).file
        assert found is not None and (found.filename, found.variants, found.width) == ("😀" * 255, ("a", "b"), 3)


def test_a_client_names_no_file(case: Case) -> None:
    """A schema made of a model shows the file, and takes none."""
    stored = case.photo()
    kind = schema(Photo, only=("title", "file"))
    with case.app.session() as db:
        shown = kind.model_validate(the(db), from_attributes=True).model_dump(mode="json")
    assert shown["file"]["name"] == stored.name
    with pytest.raises(ValueError, match="file"):
        kind.model_validate({"title": "a", "file": shown["file"]})


def test_a_migration_makes_the_column(url: str, kind: str, tmp_path: Path) -> None:
    """As text of the database's own, without a class of the app in the file; and what it holds is searched."""

    def release(base: Any) -> None:
        type("Paper", (base,), {
            "__tablename__": "paper",
            "__annotations__": {"id": Mapped[int], "file": Mapped[StoredFile | None]},
            "id": mapped_column(primary_key=True),
        })  # fmt: skip

    shop = migrating.Shop(url, tmp_path / "migrations")
    made = shop.make(release)
    assert made.findings == ()
    assert "StoredFile" not in made.files[0].read_text()
    columns = migrating.schema(url)["paper"]["columns"]
    assert ("1500" in columns["file"][0]) is (kind == "mariadb")
    assert columns["file"][1] is True
    shop.close()


def test_a_task_has_files_too(url: str) -> None:
    """What the outbox runs saves and deletes as a request does."""
    case = Case(url, lambda function: function)
    stored = case.photo()

    def smaller(number: int, files: FileStore, db: Session, fail: bool = False) -> None:
        row = db.get(Photo, number)
        assert row is not None and row.file is not None
        row.file = files.save(files.read(row.file) + b"smaller")
        if fail:
            raise Conflict

    run = task(smaller)
    app = App(docs=False)
    app.use(Files(case.storage, key="a key that nobody can guess"), Database(url, models=Base, migrations=None))
    app.use(Outbox(run, embedded=False))
    app.seal()
    app.plugin(Database).create_tables()
    with Client(app):
        for fail in (True, False):
            with app.session() as db:
                Queue(app, db).put(run, the(db).id, fail=fail)
            settle(app)
            assert len(case.kept) == 1
            assert (stored.name in case.kept) is fail


KILLED = """
import os, signal, sys
from backends.test_files_rows import *

url, folder, when = sys.argv[1:]

class Storage(LocalStorage):
    def save(self, name, chunks, media_type="", disposition=""):
        def half():
            for chunk in chunks:
                yield chunk
                if when == "while it is written":
                    os.kill(os.getpid(), signal.SIGKILL)
        super().save(name, half(), media_type, disposition)
        if when == "before the commit":
            os.kill(os.getpid(), signal.SIGKILL)
    def delete(self, name):
        if when == "after the commit":
            os.kill(os.getpid(), signal.SIGKILL)
        super().delete(name)

app = App(docs=False)
app.use(Files(Storage(folder), key="a key that nobody can guess"), Database(url, models=Base, migrations=None))
app.seal()
with app.session() as db:
    the(db).file = app.plugin(Files).store(db).save(PNG * 10_000)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("when", ["while it is written", "before the commit", "after the commit"])
def test_a_process_that_is_killed_in_between_is_made_good(url: str, tmp_path: Path, when: str) -> None:
    case = Case(url, lambda function: function)
    storage = LocalStorage(tmp_path)
    case.storage = case.app.plugin(Files).storage = storage  # type: ignore[assignment]
    case.app.seal()
    with case.app.session() as db:
        old = case.app.plugin(Files).store(db).save(PNG)
        db.add(Photo(title="sea", file=old))
    words = [sys.executable, "-c", KILLED, url, str(tmp_path), when]
    paths = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with case.app.session() as db:
        now = the(db).file
    assert now is not None and storage.exists(now.name)
    assert (now.name != old.name) is (when == "after the commit")
    assert len(case.kept) == 2
    assert len(sweep(case.app, older=datetime.timedelta(0))) == 1
    assert case.kept == {now.name}
    case.app.plugin(Database).dispose()
