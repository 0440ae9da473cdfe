"""The code of docs/guides/admin-bulk.md, run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# [imports]
from pydantic import BaseModel

from wholestack import App
from wholestack.admin import Admin, AdminView, Selection, action
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, Mapped, Model, Session, UUIDModel, mapped_column, update
from wholestack.mail import Mailing
from wholestack.outbox import Outbox
from wholestack.testing import AsUser, Client

# [/imports]


# [models]
class Printer(UserMixin, UUIDModel): ...


class Broadside(Model):
    title: Mapped[str]
    is_public: Mapped[bool] = mapped_column(default=False)
    cents: Mapped[int] = mapped_column(default=0)


# [/models]


# [actions]
class NewPrice(BaseModel):
    cents: int


class Broadsides(AdminView[Broadside]):
    columns = ("title", "is_public", "cents")
    search = ("title",)
    import_rows = 20_000

    @action("Publish", permission="publish", confirm="Everybody can read them then.")
    def publish(self, broadsides: Selection[Broadside], db: Session) -> str:
        for broadside in broadsides.rows():
            broadside.is_public = True
        return "They are public now."

    @action("Set the price", permission="price", form=NewPrice)
    def set_price(self, broadsides: Selection[Broadside], db: Session, form: NewPrice) -> None:
        ids = broadsides.select().with_only_columns(Broadside.id)
        db.execute(update(Broadside).where(Broadside.id.in_(ids)).values(cents=form.cents))


# [/actions]
# [app]
app = App(docs=False)
app.use(Database("sqlite://"), Auth(Printer), Mailing("Shop <shop@example.com>"), Outbox(), Admin(Broadsides))
# [/app]


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(app) as client:
        app.plugin(Database).create_tables()
        yield client


def test_the_guide(client: Client) -> None:
    AsUser(lambda: client)(is_staff=True, is_superuser=True)
    with app.session() as db:
        db.add_all(Broadside(title=f"Number {each}") for each in range(3))
    browser = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    data = {"action": "publish", "scope": "all"}
    chosen = client.post("/admin/broadside/-/actions?q=Number+1", data=data, headers=browser)
    where = chosen.headers["location"]
    assert "Everybody can read them then." in client.get(where, headers=browser).text
    client.post(where, data={"counted": "1"}, headers=browser)
    # [export]
    exported = client.get("/admin/broadside/-/export/file?_format=csv&_columns=title&_columns=is_public")
    assert exported.text.splitlines()[:2] == ["Title,Is public", "Number 2,false"]
    # [/export]
    assert "Number 1,true" in exported.text
