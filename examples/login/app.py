"""A diary: everybody writes in their own, and reads no other. The chapter docs/learn/login.md builds it."""

# [users]
import uuid
from typing import Annotated

from pydantic import BaseModel, Field

from wholestack import App, Form, NotFound, Redirect
from wholestack.auth import Auth, UserMixin, permission, recent_login
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Timestamps,
    UUIDModel,
    func,
    mapped_column,
    select,
)
from wholestack.forms import FormView, Widget
from wholestack.templates import Page


class Writer(UserMixin, UUIDModel):
    __tablename__ = "diary_writer"

    nickname: Mapped[str] = mapped_column(default="")


app = App(title="Diary")
app.use(Database("sqlite:///diary.db"), Auth(Writer, sign_up="open"))


# [/users]
# [entries]
class Entry(Timestamps, Model):
    __tablename__ = "diary_entry"

    writer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("diary_writer.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]


class NewEntry(BaseModel):
    text: Annotated[str, Field(min_length=1, max_length=2000), Widget("textarea", rows=4)]


@app.get("/")
def show_diary(writer: Writer, db: Session, form: FormView[NewEntry]) -> Page:
    mine = select(Entry).where(Entry.writer_id == writer.id).order_by(Entry.id.desc())
    form.submit = "Write"
    return Page("diary.html", entries=db.scalars(mine).all(), form=form)


@app.post("/")
def write(new: Form[NewEntry], writer: Writer, db: Session) -> Redirect:
    db.add(Entry(writer_id=writer.id, text=new.text))
    return Redirect("/")


# [/entries]
# [rules]
@app.post("/{id}/tear", needs=recent_login(minutes=10))
def tear_out(id: int, writer: Writer, db: Session) -> Redirect:
    entry = db.get(Entry, id)
    if entry is None or entry.writer_id != writer.id:
        raise NotFound("There is no such page in your diary.")
    db.delete(entry)
    return Redirect("/")


@app.get("/statistics", needs=permission("diary.statistics"))
def show_statistics(db: Session) -> dict[str, int]:
    return {"entries": db.scalar(select(func.count()).select_from(Entry)) or 0}


# [/rules]
# [visitor]
@app.get("/about")
async def show_about(writer: Writer | None) -> str:
    return f"Hello, {writer.nickname or writer.email}." if writer else "A diary for everybody."


# [/visitor]
