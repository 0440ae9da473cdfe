"""What both forms of the Wholestack application share: its plugins, the user of a session, and what has no page."""

import os

from pydantic import BaseModel

from apps.pages.data import MEMBER, VISITS, folder, templates
from apps.pages.tables import POOL, URL, Base, Member
from wholestack import App, Limits, Text, Upload
from wholestack.db import Database, Session
from wholestack.files import Files, FileStore, LocalStorage
from wholestack.sessions import BrowserSession, CookieSessions, Sessions
from wholestack.static import Static
from wholestack.templates import Templates

database = Database(URL, models=Base, pool=POOL, migrations=None)


class Visitor(BaseModel):
    """What the session keeps."""

    visits: int = 0


def current(session: BrowserSession[Visitor], db: Session) -> Member:
    """The member whose session it is."""
    return db.get_one(Member, int(session.user or 0))


def application() -> App:
    app = App(docs=False)
    static = Static(folder("source"), built=folder("wholestack"))
    store = CookieSessions() if os.environ.get("BENCH_VARIANT") == "cookie" else None
    files = Files(LocalStorage(folder("uploads")), largest="2 GB", public=True)
    secret = "for benchmarks only, and only on this machine"
    app.use(database, Sessions(store, secret=secret), files, static, Templates(*templates("wholestack")))
    app.provide(current)

    @app.get("/plaintext")
    async def plaintext() -> Text:
        return Text("Hello, World!")

    @app.get("/stylesheet")
    async def stylesheet() -> Text:
        return Text(static.url("app.css"))

    @app.get("/start")
    def start(session: BrowserSession[Visitor]) -> Text:
        session.user = str(MEMBER[0])
        session.data.visits = VISITS
        return Text("started")

    @app.post("/upload", limits=Limits(body="2 GB"), timeout=600)
    def upload(file: Upload, files: FileStore) -> dict[str, int]:
        return {"size": files.save(file).size}

    return app
