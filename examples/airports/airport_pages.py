"""Pages for visitors: find an airport while you type, read what others say of it, and say something with a photo."""

import datetime
from typing import Annotated, Literal

from airport_tables import Report, Row
from pydantic import BaseModel, Field, StringConstraints

from wholestack import Form, Limits, NotFound, Query, Redirect, Router, Upload
from wholestack.db import Session, func, select
from wholestack.files import FileStore
from wholestack.forms import FormError, FormView, Widget
from wholestack.languages import gettext, lazy
from wholestack.sessions import BrowserSession, Messages
from wholestack.templates import Page

ON_A_PAGE = 20
STARS = [
    (5, lazy("5: very good")),
    (4, lazy("4: good")),
    (3, lazy("3: fair")),
    (2, lazy("2: poor")),
    (1, lazy("1: bad")),
]

pages = Router(tags=("pages",))


class Listed(BaseModel):
    q: Annotated[str, Field(max_length=60)] = ""
    page: Annotated[int, Field(ge=1, le=1_000)] = 1


class NewReport(BaseModel):
    """What a visitor says; the API's schema and the page's form alike."""

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=40),
        Field(title=lazy("Your name")),
        Widget(autocomplete="name"),
    ]
    stars: Annotated[Literal[1, 2, 3, 4, 5], Field(title=lazy("How was it?"))]
    visited: Annotated[datetime.date | None, Field(title=lazy("When were you there?"))] = None
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=10, max_length=2_000),
        Field(title=lazy("Your report"), description=lazy("What should others know before they fly from here?")),
        Widget("textarea"),
    ]
    photo: Annotated[Upload | None, Field(title=lazy("A photo")), Widget(accept="image/*")] = None


class Visitor(BaseModel):
    """What the session keeps of a visitor."""

    name: str = ""


def airport_of(db: Session, code: str) -> Row:
    if (row := db.get(Row, code.upper())) is None:
        raise NotFound(gettext("No airport has this code."))
    return row


@pages.get("/", hidden=True)
def list_pages(asked: Query[Listed], db: Session) -> Page:
    """The airports, a page at a time; the script of the page asks for its rows alone while somebody types."""
    wanted = select(Row)
    if asked.q:
        text = func.lower(Row.code + " " + Row.name + " " + Row.city)
        wanted = wanted.where(text.contains(asked.q.lower(), autoescape=True))
    total = db.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    last = max(-(-total // ON_A_PAGE), 1)
    page = min(asked.page, last)
    rows = db.scalars(wanted.order_by(Row.name, Row.code).offset((page - 1) * ON_A_PAGE).limit(ON_A_PAGE)).all()
    return Page("visit/list.html", q=asked.q, total=total, page=page, last=last, rows=rows, fragment="found")


@pages.get("/{code}", hidden=True)
def show_page(code: str, db: Session, form: FormView[NewReport], session: BrowserSession[Visitor]) -> Page:
    airport = airport_of(db, code)
    reports = db.scalars(select(Report).where(Report.airport_code == airport.code).order_by(Report.id.desc()).limit(50))
    form.choose("stars", STARS).fill({"name": session.data.name})
    form.submit = gettext("Send the report")
    return Page("visit/show.html", airport=airport, reports=reports.all(), form=form)


@pages.post("/{code}", limits=Limits(body="6 MB"), hidden=True)
def report(
    code: str, new: Form[NewReport], db: Session, files: FileStore, session: BrowserSession[Visitor], messages: Messages
) -> Redirect:
    airport = airport_of(db, code)
    if new.visited is not None and new.visited > datetime.datetime.now(datetime.UTC).date():
        raise FormError("visited", gettext("This day is yet to come."))
    photo = files.save(new.photo, types={"image/*"}, largest="5 MB") if new.photo is not None else None
    said = new.model_dump(exclude={"photo"})
    db.add(Report(airport_code=airport.code, photo=photo, **said))
    session.data.name = new.name
    messages.success(gettext("Thank you for your report."))
    return Redirect(f"/visit/{airport.code}")
