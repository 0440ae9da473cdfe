from typing import Any

import pytest

from wholestack import App
from wholestack.db import Database
from wholestack.outbox import Outbox, PayloadRefused, Queue, task


@task
def tell(post_id: int) -> None: ...


app = App()
app.use(Database("sqlite://"), Outbox(tell))


def test_payload_refused() -> None:
    post: Any = {"id": 7}
    with app.session() as db, pytest.raises(PayloadRefused, match="at /post_id: Input should be a valid integer"):
        Queue(app, db).put(tell, post)
