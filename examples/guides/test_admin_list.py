"""The code of docs/guides/admin-list.md, run."""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

# [imports]
from sqlalchemy import Select

from wholestack import App
from wholestack.admin import Admin, AdminView, Filter, badge, column, link, mail
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, ForeignKey, Mapped, Model, Session, UUIDModel, mapped_column, relationship

# [/imports]
from wholestack.testing import AsUser, Client


# [models]
class Barista(UserMixin, UUIDModel): ...


class State(enum.Enum):
    GREEN = "green"
    ROASTED = "roasted"
    SOLD = "sold"


class Farm(Model):
    name: Mapped[str]
    email: Mapped[str | None]
    homepage: Mapped[str | None]


class Roast(Model):
    title: Mapped[str]
    code: Mapped[str]
    notes: Mapped[str | None]
    state: Mapped[State]
    cents: Mapped[int]
    sacks: Mapped[int]
    best_before: Mapped[datetime.date | None] = mapped_column(index=True)
    farm_id: Mapped[int] = mapped_column(ForeignKey(Farm.id))
    farm: Mapped[Farm] = relationship()


# [/models]


# [own-filter]
class Overdue(Filter):
    title = "Best before"

    def choices(self, db: Session) -> Iterable[tuple[str, str]]:
        return [("past", "Past it"), ("fresh", "Fresh")]

    def where(self, statement: Select[Any], value: str) -> Select[Any]:
        today = datetime.datetime.now(datetime.UTC).date()
        late = Roast.best_before < today
        return statement.where(late if value == "past" else ~late)


# [/own-filter]


# [view]
def shown_state(state: State) -> object:
    return badge(state, "success" if state is State.ROASTED else "")


class Roasts(AdminView[Roast]):
    columns = ("title", "farm", "state", "cents", "sacks", "worth")
    more_columns = ("code", "notes", "best_before", "farm.email")
    cells = {"state": shown_state, "farm.email": mail}
    filters = ("state", "farm", "cents", "best_before", "notes__empty", Overdue())
    date_drill = "best_before"
    search = ("title", "farm.name", "code__is")
    orders = ("title", "-cents")
    editable = ("cents", "sacks")
    size = 50

    @column("Worth")
    def worth(self, roast: Roast) -> int:
        return roast.cents * roast.sacks


class Farms(AdminView[Farm]):
    columns = ("name", "homepage")
    cells = {"homepage": link}


app = App(title="The roastery")
app.use(Database("sqlite://"), Auth(Barista), Admin(Roasts, Farms, Barista))
# [/view]


# [full-text]
class Archive(AdminView[Roast]):
    search_text = ("title", "notes")
    search_language = "english"


# [/full-text]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(app) as found:
        app.plugin(Database).create_tables()
        with app.session() as db:
            farm = Farm(name="Hill", email="hill@example.org", homepage="https://hill.example")
            common: dict[str, Any] = {"farm": farm, "sacks": 2}
            today = datetime.datetime.now(datetime.UTC).date()
            past, later = today - datetime.timedelta(days=3), today + datetime.timedelta(days=300)
            db.add(
                Roast(
                    title="Dark", code="D1", state=State.ROASTED, cents=900, best_before=past, notes="Cocoa", **common
                )
            )
            db.add(Roast(title="Light", code="L1", state=State.GREEN, cents=700, best_before=later, **common))
        AsUser(lambda: found)(is_staff=True, is_superuser=True)
        yield found


def titles(client: Client, query: str) -> list[str]:
    answer = client.get(f"/admin/roast?{query}")
    assert answer.status == 200
    assert "left out" not in answer.text
    return re.findall(r'<th scope="row"><a href="[^"]*"><bdi>([^<]*)', answer.text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Dark", "Light"]),
        ("state=green", ["Light"]),
        ("farm=1&cents__ge=800", ["Dark"]),
        ("notes__empty=true", ["Light"]),
        ("overdue=past", ["Dark"]),
        ("best_before__in=week", ["Dark"]),
        ("q=hill+dark", ["Dark"]),
        ("q=L1", ["Light"]),
        ("order=-cents&order=title", ["Dark", "Light"]),
        ("columns=title&columns=farm.email", ["Dark", "Light"]),
    ],
)
def test_the_list_of_the_guide(client: Client, query: str, found: list[str]) -> None:
    assert titles(client, query) == found


def test_cells_of_the_guide(client: Client) -> None:
    page = client.get("/admin/roast?columns=title&columns=state&columns=farm.email&columns=worth").text
    assert '<span class="badge success">Roasted</span>' in page
    assert '<a href="mailto:hill@example.org"' in page
    assert ">1800</td>" in page
    assert '<a href="https://hill.example"' in client.get("/admin/farm").text


def test_full_text_is_searched_elsewhere_as_any_text() -> None:
    other = App()
    other.use(Database("sqlite://"), Auth(Barista), Admin(Archive, Barista))
    with Client(other) as client:
        other.plugin(Database).create_tables()
        with other.session() as db:
            farm = Farm(name="Hill")
            db.add(Roast(title="Dark", code="D1", state=State.SOLD, cents=1, sacks=1, notes="Cocoa", farm=farm))
        AsUser(lambda: client)(is_staff=True, is_superuser=True)
        assert "Dark" in client.get("/admin/roast?q=cocoa").text
        assert "no rows here" in client.get("/admin/roast?q=lemon").text
