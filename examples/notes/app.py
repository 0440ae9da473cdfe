"""Memos: an API with a database, in one file. Run it with `wholestack dev examples/notes/app.py`."""

# [app]
from wholestack import App
from wholestack.crud import Versioned, crud
from wholestack.db import Database, Mapped, Model, Timestamps, mapped_column


class Memo(Timestamps, Versioned, Model):
    text: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)


app = App(title="Memos")
app.use(Database())
app.include(crud(Memo, "/memos", filters=("done", "text", "created_at"), orders=("-created_at", "text")))
# [/app]
