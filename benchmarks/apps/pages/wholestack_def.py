"""Wholestack, `def` handlers with the plain `Session`."""

from sqlalchemy import select

from apps.pages.data import EXTRA
from apps.pages.tables import Fortune, Member
from apps.pages.wholestack_form import Feedback
from apps.pages.wholestack_shared import Visitor, application
from wholestack import Form, Redirect
from wholestack.db import Session
from wholestack.forms import FormView
from wholestack.sessions import BrowserSession
from wholestack.templates import Page

app = application()


@app.get("/fortunes")
def fortunes(db: Session) -> Page:
    found = [*db.scalars(select(Fortune)), Fortune(id=0, message=EXTRA)]
    return Page("fortunes.html", fortunes=sorted(found, key=lambda each: each.message))


@app.get("/form")
def form(form: FormView[Feedback], member: Member, session: BrowserSession[Visitor]) -> Page:
    return Page("form.html", form=form, member=member, visits=session.data.visits)


@app.post("/form")
def send(new: Form[Feedback], member: Member) -> Redirect:
    return Redirect(f"/thanks?age={new.age + 1}", status=303)
