"""Whether the code of the release before can live with what the migrations of this one make of its database."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op

from wholestack.migrations import MigrationError, Snapshot, breaks, end_mirror, mirror, recorded, snapshot_of

Upgrade = Callable[[], object]


def models() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table("user", metadata, sa.Column("id", sa.BigInteger, primary_key=True))
    sa.Table(
        "note",
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("title", sa.String(50), nullable=False, unique=True),
        sa.Column("body", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="new"),
        sa.Column("seen", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
        sa.Column("mood", sa.Enum("good", "bad", native_enum=False, length=20)),
        sa.Column("user_id", sa.ForeignKey("user.id")),
        sa.CheckConstraint("length(title) > 0", name="ck_note_title"),
    )
    return metadata


PREVIOUS = Snapshot.of(models(), ["0007"])


def broken(*upgrades: Upgrade, previous: Snapshot = PREVIOUS, dialect: str = "postgresql") -> list[str]:
    found = breaks(previous, *(recorded(each, dialect) for each in upgrades), dialect=dialect)
    return [finding.code for finding in found if finding.level == "block"]


def column(name: str, **options: Any) -> Upgrade:
    return lambda: op.add_column("note", sa.Column(name, sa.Text, **options))


def altered(name: str, **options: Any) -> Upgrade:
    return lambda: op.alter_column("note", name, **options)


def sql(*statements: str) -> Upgrade:
    return lambda: [op.execute(each) for each in statements]


BREAKS: list[tuple[str, Upgrade]] = [
    ("drop-column", lambda: op.drop_column("note", "body")),
    ("drop-table", lambda: op.drop_table("note")),
    ("rename-table", lambda: op.rename_table("note", "entry")),
    ("rename-column", altered("body", new_column_name="text")),
    ("add-not-null", column("words", nullable=False)),
    ("new-restriction", altered("body", nullable=False)),
    ("new-restriction", lambda: op.create_unique_constraint("uq", "note", ["body"])),
    ("new-restriction", lambda: op.create_unique_constraint("uq", "note", ["title", "body"])),
    ("new-restriction", lambda: op.create_index("ux", "note", ["body"], unique=True, postgresql_concurrently=True)),
    ("new-restriction", lambda: op.create_check_constraint("ck_other", "note", "length(body) > 1")),
    ("new-restriction", lambda: op.create_foreign_key("fk", "note", "note", ["user_id"], ["id"])),
    ("narrower-type", altered("title", type_=sa.String(40))),
    ("narrower-type", altered("body", type_=sa.String(40))),
    ("narrower-type", altered("id", type_=sa.Integer())),
    ("narrower-type", altered("mood", type_=sa.Enum("good", native_enum=False, length=20))),
    ("drop-default", altered("state", server_default=None)),
    ("drop-column", sql("ALTER TABLE note DROP COLUMN state")),
    ("raw-sql", sql("DO $$ BEGIN END $$")),
    ("opaque", lambda: op.get_bind().begin_nested()),
]


@pytest.mark.parametrize(("code", "upgrade"), BREAKS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(BREAKS)])
def test_what_it_cannot_live_with(code: str, upgrade: Upgrade) -> None:
    assert broken(upgrade) == [code]


def renamed() -> None:
    op.rename_table("note", "entry")
    op.execute("CREATE VIEW note AS SELECT * FROM entry")


def column_renamed() -> None:
    op.rename_table("note", "note_renaming")
    op.alter_column("note_renaming", "body", new_column_name="text")
    op.execute("CREATE VIEW note AS SELECT *, text AS body FROM note_renaming")


SPLIT: dict[str, Any] = {"forward": {"head": "title"}, "backward": {"title": "head"}}
LIVES: list[tuple[Upgrade, ...]] = [
    (lambda: op.drop_column("note", "forgotten"),),
    (lambda: op.drop_table("forgotten"),),
    (lambda: op.create_table("fresh", sa.Column("id", sa.BigInteger, primary_key=True)),),
    (column("words"),),
    (column("words", nullable=False, server_default="0"),),
    (column("words"), lambda: op.create_unique_constraint("uq", "note", ["words"])),
    (altered("title", nullable=False),),
    (altered("title", type_=sa.String(60)),),
    (altered("mood", type_=sa.Enum("good", "bad", "calm", native_enum=False, length=20)),),
    (altered("seen", server_default=None),),
    (lambda: op.create_unique_constraint("uq", "note", ["title"]),),
    (lambda: op.create_check_constraint("ck_note_title", "note", "length(title) > 0"),),
    (lambda: op.create_check_constraint("ck_title", "note", "title IS NOT NULL"),),
    (lambda: op.create_foreign_key("fk", "note", "user", ["user_id"], ["id"]),),
    (lambda: op.create_index("ix", "note", ["body"]),),
    (lambda: op.drop_constraint("ck_note_title", "note", type_="check"),),
    (renamed,),
    (column_renamed,),
    (renamed, lambda: op.add_column("entry", sa.Column("a", sa.Text))),
    (lambda: mirror(op, "note", **SPLIT),),
    (lambda: op.alter_column("elsewhere", "a", nullable=False),),
]


@pytest.mark.parametrize("upgrades", LIVES, ids=range(len(LIVES)))
def test_what_it_can_live_with(upgrades: tuple[Upgrade, ...]) -> None:
    assert broken(*upgrades) == []


def test_a_view_that_goes_takes_the_old_name_with_it() -> None:
    assert broken(renamed, sql("DROP VIEW note")) == ["drop-view"]
    assert broken(column_renamed, sql("DROP VIEW note", "ALTER TABLE note_renaming RENAME TO note")) == ["drop-view"]


def test_the_release_after_lives_with_it() -> None:
    """What an earlier release has put up, and this one takes away, its code never knew."""
    new = models()
    new.tables["note"].c.body.name = new.tables["note"].c.body.key = "text"
    entry = sa.MetaData()
    new.tables["note"].to_metadata(entry, name="entry")
    new.tables["user"].to_metadata(entry)
    assert broken(sql("DROP VIEW note"), previous=Snapshot.of(entry)) == []
    back = sql("DROP VIEW note", "ALTER TABLE note_renaming RENAME TO note")
    assert broken(back, previous=PREVIOUS) == []
    assert broken(lambda: end_mirror(op, "note", **SPLIT)) == []


def test_on_each_database() -> None:
    for dialect in ("sqlite", "mariadb"):
        assert broken(lambda: op.drop_column("note", "body"), dialect=dialect) == ["drop-column"]
        assert broken(altered("title", type_=sa.String(40)), dialect=dialect) == ["narrower-type"]


def test_a_snapshot_is_a_text() -> None:
    text = PREVIOUS.text()
    assert Snapshot.read(text) == PREVIOUS
    assert Snapshot.of(models(), ["0007"]).text() == text
    assert text.count("VARCHAR(50)") == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "tables": {"a": 1}, "heads": []}'])
def test_what_is_no_snapshot(text: str, tmp_path: Path) -> None:
    (tmp_path / "release.json").write_text(text)
    with pytest.raises(MigrationError, match="no snapshot of a release"):
        snapshot_of("release.json", ["app.py"], tmp_path)


APP = """
from wholestack import App
from wholestack.db import Database, Mapped, Model


class Note(Model):
    {column}: Mapped[str]


app = App()
app.use(Database("sqlite://"))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of git with a tag for a release, and another state since."""
    folder = tmp_path / "shop"
    folder.mkdir()

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (folder / "app.py").write_text(APP.format(column="title"))
    git("add", ".")
    git("commit", "-qm", "one")
    git("tag", "v1")
    (folder / "app.py").write_text(APP.format(column="headline"))
    git("commit", "-qam", "two")
    return folder


def test_a_release_by_its_tag(repository: Path) -> None:
    assert set(snapshot_of("v1", ["app.py"], repository).tables["note"].columns) == {"id", "title"}
    assert set(snapshot_of("HEAD", ["app.py"], repository).tables["note"].columns) == {"id", "headline"}
    assert (repository / "app.py").read_text() == APP.format(column="headline")


def test_a_release_that_there_is_not(repository: Path, tmp_path: Path) -> None:
    for name in ("v9", "--output=/tmp/x"):
        with pytest.raises(MigrationError, match=r"git does not know this release|is no release"):
            snapshot_of(name, ["app.py"], repository)
    with pytest.raises(MigrationError, match="cannot be loaded here"):
        snapshot_of("v1", ["other.py"], repository)
    (repository / "later").mkdir()
    with pytest.raises(MigrationError, match="there is no folder shop/later"):
        snapshot_of("v1", ["app.py"], repository / "later")
