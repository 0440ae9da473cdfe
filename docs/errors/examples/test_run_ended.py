import pytest

from wholestack import App
from wholestack.db import Database, Session
from wholestack.outbox import Entry, Outbox, Progress, Queue, RunEnded, State, given, settle, task
from wholestack.testing import Client


@task
def count(to: int, *, progress: Progress = given, db: Session = given) -> None:
    db.get_one(Entry, progress.id).token += 1  # As if another process had taken the entry over.
    db.commit()


app = App()
app.use(Database("sqlite://"), Outbox(count))


def test_the_result_is_refused() -> None:
    with Client(app), app.session() as db:
        Queue(app, db).put(count, 100)
        db.commit()
        [entry] = settle(app)
    assert entry.state is State.RUNNING  # The other process has it.


def test_run_ended() -> None:
    progress = Progress(id=1, attempt=1)
    progress(50, of=100)
    progress.end = "cancelled"
    with pytest.raises(RunEnded, match="it has been cancelled"):
        progress(51, of=100)
