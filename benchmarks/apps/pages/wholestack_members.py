"""What both forms of the Wholestack application with login share: its users, its plugins, and its accounts."""

import datetime

from apps.pages.data import PASSWORD, PERMISSION, PERSON, READER, folder, templates
from apps.pages.tables import POOL, URL
from wholestack import App
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, Mapped, UUIDModel, delete, mapped_column
from wholestack.mail import Mailing
from wholestack.sessions import Sessions
from wholestack.static import Static
from wholestack.templates import Templates

SECRET = "for benchmarks only, and only on this machine"
database = Database(URL, pool=POOL, migrations=None)


class User(UserMixin, UUIDModel):
    __tablename__ = "wholestack_user"
    name: Mapped[str] = mapped_column(default="")


def application() -> App:
    app = App(docs=False)
    static = Static(folder("source"), built=folder("wholestack"))
    auth = Auth(User, secret=SECRET)
    mail = Mailing("site@example.com", "smtp://127.0.0.1:1", base_url="http://127.0.0.1")  # Nothing is mailed here.
    app.use(database, mail, Sessions(secret=SECRET), auth, static, Templates(templates("wholestack")[0]))
    return app


def prepare() -> None:
    """The tables, and two accounts: one in a role that may publish, one in none."""
    app = application()
    app.seal()
    database.create_tables()
    auth = app.plugin(Auth)
    with app.session() as db:
        for table in (User, auth.tables.role):
            db.execute(delete(table))
        accounts = auth.accounts(app, db)
        now = datetime.datetime.now(datetime.UTC)
        person, _ = (
            accounts.create(email, PASSWORD, name=name, email_confirmed_at=now) for email, name in (PERSON, READER)
        )
        role = auth.tables.role(name="editors", permissions=[PERMISSION])
        db.add(role)
        db.flush()
        db.add(auth.tables.membership(user_id=person.id, role_id=role.id))
