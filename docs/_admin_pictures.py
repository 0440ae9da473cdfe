"""The pictures of every kind of page of the admin: on the way through a working day in the example's back office.

Each step opens a page, as somebody would who works there. `docs/_pictures.py` takes each in light and in dark colours, and on a
phone, and writes the page of the guides that shows them.
"""

from __future__ import annotations

import contextlib
import datetime
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pydantic
from airport_tables import Report

import admin.site as bookshop
from wholestack.admin import AdminView, Selection, action
from wholestack.auth import Auth
from wholestack.db import Session

WIDE, PHONE = {"width": 1200, "height": 760}, {"width": 360, "height": 740}
LOOKS = {"light": (WIDE, "light"), "dark": (WIDE, "dark"), "phone": (PHONE, "light")}
"""The size of the window and the colours of each picture of a page."""
TOWER, READER = "tower@airports.example", "reader@airports.example"
HEAD = "code,name,city,state,latitude,longitude\n"
ROWS = (
    *("XA3,Lost Valley,Nowhere,NV,far,-117.1", "XA4,Nameless Strip,,NV,39.5,-119.8", "LAX,Los Angeles International,Los Angeles,CA,33.94,-118.41"),
    *("XA1,Meadow Field,Aurora,CO,39.7,-104.8", "XA2,Harbour Strip,Portland,OR,45.5,-122.6"),
)  # fmt: skip

Step = Callable[["Office"], Callable[[], None] | None]
"""What opens a page; what it gives is done again for each size of the window."""


class Office:
    """The back office as a browser sees it.

    Attributes:
        page: what the pictures are of.
        other: the page of somebody else, in a browser of their own.
        reader: that of somebody who may see some of it, and change nothing.
        address: of the server, without a slash at the end.
        app: the app, for what no page does.
    """

    def __init__(self, page: Any, other: Any, reader: Any, address: str, app: Any) -> None:
        self.page = page
        self.other = other
        self.reader = reader
        self.address = address
        self.app = app

    def open(self, path: str) -> None:
        """A page of the admin."""
        self.page.goto(f"{self.address}/admin{path}")

    def asked(self, statement: Any) -> list[Any]:
        """What the database says to a statement, past all pages: in a thread of its own, as the browser's driver has this one."""

        def ask() -> list[Any]:
            with self.app.session() as db:
                found = db.execute(statement)
                return [*found.all()] if found.returns_rows else []

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(ask).result()

    def press(self, name: str) -> None:
        """A button of the page."""
        self.page.get_by_role("button", name=name, exact=True).first.click()
        self.page.wait_for_load_state()


def page_of_all() -> str:
    """The page of the guides that shows every kind of page in each of its looks."""
    heads = "| | " + " | ".join(LOOKS) + " |\n|---|" + "---|" * len(LOOKS)
    shown = {name: words for name, (words, _) in KINDS.items()} | ELSEWHERE
    lines = [
        f"| {words} | "
        + " | ".join(f"![{words}: {look}](../pictures/office-{name}-{look}.png)" for look in LOOKS)
        + " |"
        for name, words in shown.items()
    ]
    return f"{HEADING}\n{heads}\n" + "\n".join(lines) + "\n"


def opens(path: str) -> Step:
    """A page that is there by itself."""
    return lambda office: office.open(path)


# -- rows ------------------------------------------------------------------------------------------------------------


def rows_in_the_form(office: Office) -> Callable[[], None]:
    office.open("/airport/JFK")
    rows = office.page.locator(".admin-inline").first
    return lambda: rows.evaluate("each => { each.scrollIntoView(); scrollBy(0, -80) }")


def a_fault_in_the_form(office: Office) -> None:
    office.open("/airport-report/new")
    office.page.evaluate("document.querySelectorAll('main form').forEach(each => { each.noValidate = true })")
    office.page.locator("[name=stars]").fill("9")
    office.press("Save")


def two_at_one_row(office: Office) -> None:
    """The other has saved first."""
    office.open("/airport/DEN")
    office.other.goto(f"{office.address}/admin/airport/DEN")
    for page, city in ((office.other, "Denver, Colorado"), (office.page, "Denver (Colorado)")):
        page.get_by_label("City", exact=True).fill(city)
        page.get_by_role("button", name="Save and go on").click()
        page.wait_for_load_state()
    office.page.get_by_text("Somebody else has changed this meanwhile").wait_for()
    office.page.evaluate("scrollTo(0, 0)")


# -- many rows -------------------------------------------------------------------------------------------------------


def ask(office: Office, action: str) -> None:
    """Choose the page, and what is to be done with it."""
    office.open("/airport-report")
    office.page.get_by_label("With", exact=True).select_option("page")
    office.page.get_by_label("do", exact=True).select_option(action)
    office.press("Go on")


def a_job_at_work(office: Office) -> None:
    """A job as it is in the middle: so many rows are done in a moment."""
    ask(office, "praise")
    job = int(office.page.url.rpartition("/")[2])
    table = Report.metadata.tables["admin_job"]
    so_far = {"state": "running", "total": 20_000, "done": 7_400}
    office.asked(table.update().where(table.c.id == job).values(**so_far))
    office.open(f"/airport-report/-/jobs/{job}")


def choose_a_file(office: Office) -> None:
    office.open("/airport/-/import")
    text = (HEAD + "\n".join(ROWS)).encode()
    office.page.get_by_label("File").set_input_files({"name": "airports.csv", "mimeType": "text/csv", "buffer": text})


def say_what_columns_are(office: Office) -> None:
    choose_a_file(office)
    office.press("Go on")


def look_at_the_rows(office: Office) -> None:
    say_what_columns_are(office)
    office.page.locator("[name=keys][value=code]").check()
    office.press("Show what would become of each row")


def import_them(office: Office) -> None:
    office.open("/airport/-/import")
    text = (HEAD + "\n".join(ROWS[3:])).encode()
    office.page.get_by_label("File").set_input_files({"name": "airports.csv", "mimeType": "text/csv", "buffer": text})
    office.press("Go on")
    office.press("Show what would become of each row")
    office.press("Import all of it")
    office.page.get_by_text("It is imported.").wait_for()


# -- history ---------------------------------------------------------------------------------------------------------


def with_a_history(office: Office) -> list[str]:
    """A row that was changed twice, and the addresses of its versions."""
    for city, name in (("SeaTac", "Sea-Tac"), ("SeaTac, Seattle", "Seattle-Tacoma International")):
        office.open("/airport/SEA")
        office.page.get_by_label("City", exact=True).fill(city)
        office.page.locator("[name=name]").fill(name)
        office.press("Save and go on")
    office.open("/airport/SEA/history")
    history = office.app.plugin(bookshop.Admin).history.rows
    found = office.asked(history.select().where(history.c.key == "SEA").order_by(history.c.id))
    return [str(each.id) for each in found]


def a_history(office: Office) -> None:
    with_a_history(office)


def compared(office: Office) -> None:
    first, *_, last = with_a_history(office)
    office.open(f"/airport/SEA/history?from={first}&to={last}")


def had_back(office: Office) -> None:
    office.open(f"/airport/SEA/history/{with_a_history(office)[0]}")


# -- everywhere ------------------------------------------------------------------------------------------------------


def the_palette(office: Office) -> None:
    office.open("/airport")
    office.page.keyboard.press("Control+k")
    office.page.keyboard.type("kennedy")
    office.page.wait_for_selector(".admin-palette a")
    office.page.keyboard.press("ArrowDown")


def as_a_reader(office: Office) -> None:
    """The page of somebody who may see it, and no more."""
    office.page = office.reader
    office.open("/airport/HNL")


KINDS: dict[str, tuple[str, Step]] = {
    "dashboard": ("The first page", opens("/")),
    "list": ("A list", opens("/airport")),
    "filters": ("Its filters, counted, and the way down by a date", opens(f"/airport-report?stars__ge=3&facets=true&created_at__part={datetime.datetime.now(datetime.UTC).year}")),
    "empty": ("A list with nothing in it", opens("/airport?q=nowhere+at+all")),
    "form": ("A row", opens("/airport/JFK")),
    "add": ("A new row, with relations that are searched", opens("/airport-flight/new")),
    "fault": ("What is wrong is told beside its field", a_fault_in_the_form),
    "inlines": ("Rows in the form of another", rows_in_the_form),
    "view-only": ("A row that somebody may only see", as_a_reader),
    "conflict": ("Two people at one row", two_at_one_row),
    "delete": ("Before a row is deleted", opens("/airport/HNL/delete")),
    "bulk-delete": ("Before many are", lambda office: ask(office, "delete")),
    "action": ("Before an action", lambda office: ask(office, "praise")),
    "job": ("A long action on its way", a_job_at_work),
    "import": ("A file to import", choose_a_file),
    "import-columns": ("What its columns are for", say_what_columns_are),
    "import-rows": ("What would become of each row", look_at_the_rows),
    "import-done": ("It is imported", import_them),
    "export": ("What goes out", opens("/airport/-/export?state=NY")),
    "history": ("What has become of a row", a_history),
    "compare": ("Two of its versions", compared),
    "restore": ("An old version, about to be had back", had_back),
    "search": ("The search over everything", opens("/search?q=new+york")),
    "palette": ("The palette", the_palette),
    "own-page": ("A page of one's own", opens("/states")),
    "error": ("There is nothing at an address", opens("/airport/NONE")),
}  # fmt: skip
"""Each kind of page by its name, with what stands below its picture."""


ELSEWHERE = {"action-form": "What an action asks for", "login": "The login", "second-factor": "The second factor"}
"""Those that the example has not, or that stand before it."""
HEADING = """# Every kind of page of the admin

The back office of the example (`scripts/demo`), in light and in dark colours and on a phone 360 pixels wide. Written and taken by
`docs/_pictures.py`. What each page does: [lists](admin-list.md), [forms](admin-forms.md), [many rows](admin-bulk.md),
[history](admin-history.md), [the house around them](admin.md).
"""


# -- the bookshop, for what the example has not ----------------------------------------------------------------------


class Price(pydantic.BaseModel):
    cents: int = pydantic.Field(ge=0, title="Cents")
    reason: str = pydantic.Field("", max_length=200, title="Why")


class Priced(AdminView[bookshop.Book]):
    columns = ("title", "author", "price")

    @action("Set the price", permission="price", form=Price, confirm="It is shown on the site at once.")
    def set_price(self, books: Selection[bookshop.Book], db: Session, form: Price) -> None:
        """For its picture."""


@contextlib.contextmanager
def shop(email: str, password: str, serving: Any) -> Iterator[str]:
    """The bookshop with an action that has a form; its address."""
    with tempfile.TemporaryDirectory() as folder:
        made = bookshop.Site(
            Priced, bookshop.Author, bookshop.Person, url=f"sqlite:///{folder}/shop.db", accent="#7a1f5c"
        )
        with made.running(), serving(made.app) as address:
            hashed, moment = made.app.plugin(Auth).passwords.hash(password), datetime.datetime.now(datetime.UTC)
            staff = {"is_staff": True, "is_superuser": True, "email_confirmed_at": moment}
            made.add(bookshop.Person(email=email, password=hashed, **staff))
            author = made.author("Selma Lagerlöf")
            for title in ("Gösta Berlings saga", "Jerusalem", "Bannlyst"):
                made.book(title, author)
            yield address.replace("127.0.0.1", "localhost")


def a_form_of_an_action(page: Any, address: str) -> None:
    """What an action asks for, before it begins."""
    page.goto(f"{address}/admin/book")
    page.get_by_label("With", exact=True).select_option("page")
    page.get_by_label("do", exact=True).select_option("set_price")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_load_state()
