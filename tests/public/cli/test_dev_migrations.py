"""`wholestack dev` offers to apply migrations and to make them: at a real terminal, answered by yes and by no."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import serving, wire
from servers.serving import Serving, until
from terminals import Terminal

APP = """
from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, mapped_column, select


class Note(Model):
    text: Mapped[str]
    # more


app = App(docs=False)
app.use(Database())


@app.get("/")
def texts(db: Session) -> list[str]:
    return [each.text for each in db.scalars(select(Note))]


@app.post("/")
def add(db: Session) -> int:
    note = Note(text="new")
    db.add(note)
    db.flush()
    return note.id
"""
DONE = "done: Mapped[bool] = mapped_column(default=False)"
APPLY = "Pending: 0001_first. Apply now? [Y/n]: "
MAKE = "The models have changed. The column note.done is missing. Make a migration? [Y/n]: "
WAIT = 60.0


def save(project: Path, *columns: str) -> None:
    (project / "app.py").write_text(APP.replace("# more", "\n    ".join(columns)))


def done(project: Path, *words: str) -> str:
    """A command that is typed without a terminal, and goes well."""
    ran = subprocess.run(
        [*serving.COMMAND, "db", *words],
        cwd=project,
        env=variables(project),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def variables(project: Path) -> dict[str, str]:
    return serving.environment(DATABASE_URL=url(project))


def url(project: Path) -> str:
    return f"sqlite:///{project}/app.db"


def columns(project: Path) -> list[str]:
    """What the table of notes really has; nothing where there is none."""
    connection = sqlite3.connect(project / "app.db")
    try:
        return [str(row[1]) for row in connection.execute("PRAGMA table_info(note)")]
    finally:
        connection.close()


def files(project: Path) -> list[str]:
    return sorted(each.name for each in (project / "migrations").glob("0*.py"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An app whose first migration is made, and pending."""
    save(tmp_path)
    done(tmp_path, "make", "first")
    return tmp_path


@pytest.fixture
def open_terminal(project: Path) -> Iterator[Callable[[], Terminal]]:
    opened: list[Terminal] = []

    def start() -> Terminal:
        opened.append(Terminal("dev", "--port", "0", cwd=project, DATABASE_URL=url(project)))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def ask(terminal: Terminal, method: str = "GET") -> wire.Answer:
    port = int(terminal.screen.partition("127.0.0.1:")[2].split()[0])
    with wire.Connection(port) as connection:
        return connection.ask("/", method=method, headers=[("content-length", "0")] if method == "POST" else [])


def after(terminal: Terminal, begun: int, text: str) -> int:
    """Wait for a text on what was shown since a place of the screen; where it ends."""
    try:
        until(lambda: text in terminal.screen[begun:], WAIT)
    except TimeoutError:
        raise TimeoutError(f"{text!r} was not shown:\n{terminal.screen}") from None
    return terminal.screen.index(text, begun) + len(text)


def test_yes_applies_what_is_pending(project: Path, open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()
    place = after(terminal, 0, APPLY)
    assert columns(project) == []
    terminal.type("y\n")
    place = after(terminal, place, "Applied 0001_first (")
    after(terminal, place, "Ready.")
    assert columns(project) == ["id", "text"]
    assert ask(terminal, "POST").status == 200
    assert ask(terminal).json() == ["new"]


def test_no_leaves_all_as_it_is_and_is_not_asked_again(project: Path, open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()
    place = after(terminal, 0, APPLY)
    terminal.type("n\n")
    place = after(terminal, place, "Ready.")
    assert "migrations are pending (0001_first): wholestack db migrate" in terminal.screen
    assert columns(project) == []
    assert ask(terminal).status == 500
    save(project, "")
    place = after(terminal, place, "Changed: app.py. Restarting.")
    after(terminal, place, "Ready.")
    assert terminal.screen.count("Apply now?") == 1
    again = open_terminal()  # Another day.
    place = after(again, 0, APPLY)
    again.type("\n")  # What stands in capitals.
    after(again, place, "Applied 0001_first (")


def test_yes_makes_a_migration_and_applies_it(project: Path, open_terminal: Callable[[], Terminal]) -> None:
    done(project, "migrate")
    terminal = open_terminal()
    place = after(terminal, 0, "Ready.")
    assert "[Y/n]" not in terminal.screen, "nothing is to be asked"
    assert ask(terminal, "POST").status == 200
    save(project, DONE)
    place = after(terminal, place, MAKE)
    terminal.type("y\n")
    place = after(terminal, place, "What changes: ")
    terminal.type("what is done\n")
    place = after(terminal, place, "Wrote migrations/0002_what_is_done.py")
    place = after(terminal, place, "Apply now? [Y/n]: ")
    assert columns(project) == ["id", "text"]
    time.sleep(2)  # Longer than it takes to notice the new file, which must not end the question.
    assert "Restarting" not in terminal.screen[place:]
    terminal.type("y\n")
    place = after(terminal, place, "Applied 0002_what_is_done (")
    after(terminal, place, "Ready.")
    assert columns(project) == ["id", "text", "done"]
    assert [ask(terminal, "POST").status, ask(terminal).json()] == [200, ["new", "new"]]
    assert "is what the models say" in done(project, "check")


def test_no_makes_none_and_is_asked_again_when_the_models_change(
    project: Path, open_terminal: Callable[[], Terminal]
) -> None:
    done(project, "migrate")
    save(project, DONE)
    terminal = open_terminal()
    place = after(terminal, 0, MAKE)
    terminal.type("n\n")
    place = after(terminal, place, "Ready.")
    assert files(project) == ["0001_first.py"]
    save(project, DONE, "", "# saved again")
    place = after(terminal, place, "Restarting.")
    place = after(terminal, place, "Ready.")
    assert terminal.screen.count("[Y/n]") == 1
    save(project, DONE, "count: Mapped[int]")
    place = after(terminal, place, "Make a migration? [Y/n]: ")
    assert "The column note.count is missing." in terminal.screen
    terminal.type("y\n")
    place = after(terminal, place, "What changes: ")
    terminal.type("more\n")
    place = after(terminal, place, "What do they get?: ")
    terminal.type("7\n")
    place = after(terminal, place, "Wrote migrations/0002_more.py")
    place = after(terminal, place, "Apply now? [Y/n]: ")
    terminal.type("n\n")
    after(terminal, place, "Ready.")
    assert files(project)[:2] == ["0001_first.py", "0002_more.py"]
    assert columns(project) == ["id", "text"]


@pytest.mark.parametrize("question", ["Make a migration?", "What changes", "What do they get?", "Apply now?"])
def test_whoever_closes_a_question_is_served(
    question: str, project: Path, open_terminal: Callable[[], Terminal]
) -> None:
    """Ctrl-D is no answer: nothing more is done, and what is wrong is not said in words of Python."""
    done(project, "migrate")
    save(project, "count: Mapped[int]")
    terminal, place = open_terminal(), 0
    answers = {"Make a migration?": "y", "What changes": "more", "What do they get?": "7", "Apply now?": ""}
    for asked, answer in answers.items():
        place = after(terminal, place, asked)
        place = after(terminal, place, ": ")
        if asked == question:
            terminal.type("\x04")
            break
        terminal.type(f"{answer}\n")
    after(terminal, place, "Ready.")
    assert "were not looked at" not in terminal.screen
    assert "Traceback" not in terminal.screen
    assert len(files(project)) == (1 if question != "Apply now?" else len(files(project)))
    assert columns(project) == ["id", "text"]


def test_ctrl_c_at_a_question_stops_it(project: Path, open_terminal: Callable[[], Terminal]) -> None:
    terminal = open_terminal()
    after(terminal, 0, APPLY)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(30) == 0
    assert columns(project) == []


def test_without_a_terminal_it_says_what_to_type(project: Path) -> None:
    words = ["dev", "--port", "0"]
    with Serving(*words, cwd=project, environment={"DATABASE_URL": url(project)}) as server:
        server.ready()
        server.said(r"^Pending: 0001_first\. To do it: wholestack db migrate$")
        server.said("^Ready.$")
        assert columns(project) == []
    done(project, "migrate")
    save(project, DONE)
    with Serving(*words, cwd=project, environment={"DATABASE_URL": url(project)}) as server:
        server.ready()
        server.said(r'The column note.done is missing\. To do it: wholestack db make "…"$')
        server.said("^Ready.$")
        assert files(project) == ["0001_first.py"]
