import pytest

from wholestack import App
from wholestack.db import Database
from wholestack.outbox import Outbox, Queue, TaskUnknown

app = App()
app.use(Database("sqlite://"), Outbox())


def tell(post_id: int) -> None: ...


def test_unknown_task() -> None:
    with app.session() as db, pytest.raises(TaskUnknown, match="write @task above it"):
        Queue(app, db).put(tell, 7)
