"""Flask with Flask-WTF, its own signed session, and SQLAlchemy's session."""

import secrets
from pathlib import Path

from flask import Flask, redirect, render_template, request, session, url_for
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import FileSystemLoader
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields import EmailField
from wtforms.validators import InputRequired, Length, NumberRange, Regexp

from apps.pages.data import CSS_NAME, EMAIL, EXTRA, LABELS, MEMBER, TOPICS, VISITS, folder, templates
from apps.pages.tables import POOL, SYNC, Fortune, Member

app = Flask(__name__, static_folder=folder("named"), static_url_path="/static")
app.config["SECRET_KEY"] = secrets.token_hex(32)
app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 31536000
app.jinja_loader = FileSystemLoader(templates("flask"))
app.jinja_env.globals["css_name"] = CSS_NAME
protect = CSRFProtect(app)
sessions = sessionmaker(create_engine(SYNC, pool_size=POOL, max_overflow=0), expire_on_commit=False)


class Feedback(FlaskForm):
    name = StringField(LABELS["name"], [InputRequired(), Length(max=80)])
    email = EmailField(LABELS["email"], [InputRequired(), Regexp(EMAIL)])
    age = IntegerField(LABELS["age"], [InputRequired(), NumberRange(18, 120)])
    topic = SelectField(LABELS["topic"], [InputRequired()], choices=list(TOPICS.items()))
    message = TextAreaField(LABELS["message"], [InputRequired(), Length(max=2000)])


@app.get("/plaintext")
def plaintext():
    return "Hello, World!", {"content-type": "text/plain"}


@app.get("/stylesheet")
def stylesheet():
    return url_for("static", filename=CSS_NAME), {"content-type": "text/plain"}


@app.get("/start")
def start():
    session["member"], session["visits"] = MEMBER[0], VISITS
    return "started", {"content-type": "text/plain"}


@app.get("/fortunes")
def fortunes():
    with sessions() as db:
        found = [*db.scalars(select(Fortune)), Fortune(id=0, message=EXTRA)]
        return render_template("fortunes.html", fortunes=sorted(found, key=lambda each: each.message))


@app.route("/form", methods=["GET", "POST"])
def feedback():
    with sessions() as db:
        member = db.get_one(Member, session["member"])
        form = Feedback()
        if form.validate_on_submit():
            return redirect(f"/thanks?age={form.age.data + 1}", 303)
        status = 422 if form.errors else 200
        return render_template("form.html", form=form, member=member, visits=session["visits"]), status


@app.post("/upload")
@protect.exempt
def upload():
    path = Path(folder("uploads"), secrets.token_hex(8))
    request.files["file"].save(path)
    return {"size": path.stat().st_size}
