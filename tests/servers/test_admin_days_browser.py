"""Whole working days in the example's back office: with JavaScript, without, on a phone, by the keyboard alone."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.clients.tools import with_node_modules
from servers.admin_days import Office, office, picture
from servers.test_auth_browser import SEEN, Keyboard

EVIL = '"><img src=x onerror=alert(1)>'
HEAD = "code,name,city,state,latitude,longitude\n"
STARS = "SELECT stars FROM airport_report WHERE id = ?"

pytestmark = pytest.mark.services("chromium")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as served:
        yield served


@pytest.fixture(scope="module")
def inside() -> dict[str, Any]:
    """The cookies of those who have logged in already."""
    return {}


@pytest.fixture
def tab(
    served: Office, inside: dict[str, Any], service: Callable[[str], str], browser: Callable[[str], Any]
) -> Iterator[Callable[..., Any]]:
    """`tab("boss", javascript=False)`: the first page of somebody; no alarm, no error and no broken policy until the end."""
    opened: list[Any] = []
    said: list[str] = []

    def open_tab(who: str = "boss", *, javascript: bool = True, **options: Any) -> Any:
        chromium = browser(service("chromium"))
        context = chromium.new_context(java_script_enabled=javascript, storage_state=inside.get(who), **options)
        opened.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: hears(dialog, said))
        page.goto(f"{served.address}/admin/")
        if who not in inside:
            page.locator("[name=email]").fill(f"{who}@airports.example")
            page.locator("[name=password]").fill(served.passwords[who])
            page.locator("form:has([name=password]) button[type=submit]").click()
            page.wait_for_url(f"{served.address}/admin/")
            inside[who] = context.storage_state()
        return page

    yield open_tab
    for context in opened:
        context.close()
    # The browser itself says that an answer was an error, which some of these are. A policy that is broken is told, too.
    assert [each for each in said if "the server responded with a status of" not in each] == []


def hears(dialog: Any, said: list[str]) -> None:
    """An alarm: something that somebody has sent has run."""
    said.append(f"alarm: {dialog.message}")
    dialog.dismiss()


def go(page: Any, model: str) -> None:
    """To a list, by the navigation, which a phone opens first."""
    if page.get_by_role("button", name="Menu").is_visible():
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Models").get_by_role("link", name=model).click()
    page.get_by_role("heading", level=1, name=model).wait_for()


def table(*lines: str, name: str = "airports.csv") -> dict[str, Any]:
    """A file of airports."""
    return {"name": name, "mimeType": "text/csv", "buffer": (HEAD + "\n".join(lines)).encode()}


def save(page: Any, words: str = "Save and go on") -> None:
    page.get_by_role("button", name=words, exact=True).click()
    page.get_by_role("status").filter(has_text="is saved.").wait_for()


WAYS: dict[str, tuple[dict[str, Any], str, str]] = {
    "script": ({}, "JFK", "XA"),
    "no-script": ({"javascript": False}, "HNL", "XB"),
    "phone": ({"viewport": {"width": 360, "height": 740}, "has_touch": True}, "SFO", "XC"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_working_day(served: Office, tab: Callable[..., Any], way: str) -> None:
    options, code, new = WAYS[way]
    page = tab("boss", **options)
    number = served.value("SELECT min(id) FROM airport_report WHERE airport_code = ?", code)
    lists_and_keeps_a_view(page, way)
    edits_with_rows(page, served, code)
    uploads_a_picture(page, served, number)
    changes_many(page, served, code)
    imports(page, served, new)
    restores(page, served, code)
    deletes_and_has_it_back(page, served, new)


def lists_and_keeps_a_view(page: Any, name: str) -> None:
    """Filter, go down by the date, keep what is shown, and find it again."""
    go(page, "Reports")
    page.get_by_label("Stars from").fill("2")
    page.get_by_role("button", name="Show", exact=True).first.click()
    page.wait_for_url("**stars__ge=2**")
    drill = page.get_by_role("navigation", name="Created at")
    drill.get_by_role("link", name="2026", exact=True).click()
    drill.get_by_role("link", name="2026-02", exact=True).click()
    drill.get_by_text("2026-02", exact=True).and_(page.locator("[aria-current]")).wait_for()
    page.get_by_text("Columns and views").click()
    page.get_by_label("Keep what is shown as").fill(f"February {name}")
    page.get_by_role("button", name="Keep", exact=True).click()
    go(page, "Reports")
    page.get_by_role("navigation", name="Views").get_by_role("link", name=f"February {name}", exact=True).click()
    assert page.get_by_label("Stars from").input_value() == "2"


def edits_with_rows(page: Any, served: Office, code: str) -> None:
    """An airport, one of its reports changed, and one more."""
    go(page, "Airports")
    page.get_by_role("search").get_by_label("Search", exact=True).fill(code)
    page.get_by_role("button", name="Show", exact=True).first.click()
    page.wait_for_url(f"**q={code}**")
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=code, exact=True))
    row.get_by_role("rowheader").get_by_role("link").click()
    page.locator("[name=name]").fill(f"Field {code}")
    rows = page.get_by_role("group", name="Reports")
    rows.locator("[name='reports[0].stars']").fill("4")
    there = rows.locator("[name$='.stars']").count()
    rows.get_by_role("button", name="Add").click()
    rows.locator(f"[name='reports[{there}].name']").fill("Eve")
    rows.locator(f"[name='reports[{there}].text']").fill("Windy.")
    rows.locator(f"[name='reports[{there}].stars']").fill("3")
    save(page)
    assert served.value("SELECT name FROM airport WHERE code = ?", code) == f"Field {code}"
    saved = served.rows("SELECT name, stars FROM airport_report WHERE airport_code = ? ORDER BY id", code)
    assert (saved[0][1], saved[-1]) == (4, ("Eve", 3))


def uploads_a_picture(page: Any, served: Office, number: int) -> None:
    """To a report, with a name that is no good; then another in its place."""
    page.goto(f"{served.address}/admin/airport-report/{number}")
    for name in (f"{EVIL}.png", "view.png"):
        page.locator("input[name=photo]").set_input_files({"name": name, "mimeType": "image/png", "buffer": picture()})
        save(page)
        shown = page.get_by_role("main").get_by_role("img", name=name, exact=True)
        assert shown.bounding_box()["width"] > 30
        sent = page.request.get(f"{served.address}{shown.get_attribute('src')}")
        assert sent.headers["content-type"] == "image/png"


def changes_many(page: Any, served: Office, code: str) -> None:
    """All that match: asked for once more with their number, then done."""
    go(page, "Reports")
    page.get_by_role("search").get_by_label("Search", exact=True).fill("Windy")
    page.get_by_role("button", name="Show", exact=True).first.click()
    page.wait_for_url("**q=Windy**")
    page.get_by_label("With", exact=True).select_option("all")
    page.get_by_label("do", exact=True).select_option("praise")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("The mean of the airport goes up.").wait_for()
    page.get_by_role("button", name="Give five stars: ").click()
    page.wait_for_url("**/admin/airport-report?**")
    assert served.rows("SELECT DISTINCT stars FROM airport_report WHERE text = 'Windy.'") == [(5,)]


def imports(page: Any, served: Office, new: str) -> None:
    """A file with faults, which are told; the file mended, and brought again."""
    go(page, "Airports")
    page.get_by_role("link", name="Import").click()
    good = f"{new}1,First,Town,NY,1.5,2.5"
    for lines, wrong in (((good, f"{new}2,Second,Town,NY,north,2"), True), ((good, f"{new}2,=1+1,Town,NY,3,2"), False)):
        page.get_by_label("File").set_input_files(table(*lines))
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name="Show what would become of each row").click()
        if wrong:
            page.get_by_role("alert").filter(has_text="Some rows have faults.").wait_for()
            page.get_by_role("link", name="Show faults only").click()
            assert page.get_by_role("rowheader").all_inner_texts() == ["3"]  # Its line in the file.
            assert page.get_by_role("button", name="Import all of it").count() == 0
            page.get_by_role("link", name="Another file").click()
    assert served.value("SELECT count(*) FROM airport WHERE code LIKE ?", f"{new}_") == 0
    page.get_by_role("button", name="Import all of it").click()
    page.get_by_text("It is imported.").wait_for()
    assert served.rows("SELECT name FROM airport WHERE code LIKE ? ORDER BY code", f"{new}_") == [("First",), ("=1+1",)]


def restores(page: Any, served: Office, code: str) -> None:
    """An airport as it was before: changed twice, compared, and had back."""
    page.goto(f"{served.address}/admin/airport/{code}")
    page.locator("[name=city]").fill("Elsewhere")
    save(page)
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Compare the two that are chosen").click()
    compared = page.get_by_role("region", name="The two versions").or_(
        page.locator("section[aria-labelledby=compared]")
    )
    compared.get_by_role("cell", name="Elsewhere", exact=True).wait_for()
    page.get_by_role("link", name="Have this version back").first.click()
    page.wait_for_url(re.compile(r"/history/\d+$"))
    assert page.locator("[name=city]").input_value() != "Elsewhere"
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("status").filter(has_text="is saved.").wait_for()
    assert served.value("SELECT city FROM airport WHERE code = ?", code) != "Elsewhere"


def deletes_and_has_it_back(page: Any, served: Office, new: str) -> None:
    """What was deleted is one click away for as long as one looks at it."""
    page.goto(f"{served.address}/admin/airport/{new}1")
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("heading", name="Delete this?").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("status").filter(has_text="First is deleted.").wait_for()
    assert served.value("SELECT count(*) FROM airport WHERE code = ?", f"{new}1") == 0
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", level=1).wait_for()
    assert served.value("SELECT count(*) FROM airport WHERE code = ?", f"{new}1") == 1


# -- by the keyboard alone -------------------------------------------------------------------------------------------


class Hands(Keyboard):
    """Somebody without a mouse, who also chooses in lists, ticks boxes and picks files."""

    def go(self, role: str, name: str, **options: Any) -> None:
        """Press a link or button that leads to another page."""
        what = self.page.get_by_role(role, name=name, exact=True, **options).first
        self.reach(what)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, what: Any, text: str) -> None:
        """Over what is in a field."""
        self.reach(what)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def pick(self, what: Any, file: dict[str, Any]) -> None:
        self.reach(what)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Space")
        chooser.value.set_files(file)

    def has(self, what: Any) -> bool:
        """Whether something has the focus."""
        return bool(what.evaluate("each => each === document.activeElement"))


def test_a_day_by_the_keyboard_alone(served: Office, tab: Callable[..., Any]) -> None:
    page = tab("boss")
    keys = Hands(page)
    skips_opens_and_comes_back(keys)
    # A list is filtered, a row of it is ticked, and asked about.
    keys.go("link", "Reports")
    keys.write(page.get_by_label("Search", exact=True), "Cy Young")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Cy**")
    scope = page.get_by_label("do", exact=True)
    keys.reach(scope)
    page.keyboard.type("Give")
    keys.reach(page.get_by_role("checkbox", name="Choose Cy Young"))
    page.keyboard.press("Space")
    keys.go("button", "Go on")
    keys.go("button", "Give five stars: 1")
    assert served.value("SELECT stars FROM airport_report WHERE name = 'Cy Young'") == 5
    # A row is changed, with one more of an inline, and a picture in it.
    page.goto(f"{served.address}/admin/airport/ORD")
    keys.write(page.get_by_label("City", exact=True), "Chicago, IL")
    keys.reach(page.get_by_role("group", name="Reports").get_by_role("button", name="Add"))
    page.keyboard.press("Enter")
    for field, text in (("name", "Kay"), ("stars", "4"), ("text", "Long ways.")):
        keys.write(page.locator(f"[name='reports[0].{field}']"), text)
    keys.go("button", "Save and go on")
    number = served.value("SELECT id FROM airport_report WHERE name = 'Kay'")
    page.goto(f"{served.address}/admin/airport-report/{number}")
    keys.pick(page.locator("[name=photo]"), {"name": "kay.png", "mimeType": "image/png", "buffer": picture("blue")})
    keys.go("button", "Save and go on")
    page.get_by_role("img", name="kay.png").wait_for()
    # A file is brought, and then the version before is had back.
    page.goto(f"{served.address}/admin/airport/-/import")
    keys.pick(page.get_by_label("File"), table("XK1,By hand,Town,NY,1,2"))
    keys.go("button", "Go on")
    keys.go("button", "Show what would become of each row")
    keys.go("button", "Import all of it")
    assert served.value("SELECT name FROM airport WHERE code = 'XK1'") == "By hand"
    page.goto(f"{served.address}/admin/airport/ORD")
    keys.write(page.get_by_label("City", exact=True), "Nowhere")
    keys.go("button", "Save and go on")
    keys.go("link", "History")
    keys.go("link", "Have this version back")
    keys.go("button", "Save")
    assert served.value("SELECT city FROM airport WHERE code = 'ORD'") == "Chicago, IL"


def skips_opens_and_comes_back(keys: Hands) -> None:
    """The link past the navigation; the palette keeps the focus and gives it back; so does the menu."""
    page = keys.page
    page.keyboard.press("Tab")
    assert keys.has(page.get_by_role("link", name="Skip to the content"))
    page.keyboard.press("Enter")
    assert keys.has(page.locator("#main"))
    before = page.get_by_role("link", name="3,364").or_(page.get_by_role("main").get_by_role("link").first).first
    keys.reach(before)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog")
    page.keyboard.type("hartsfield")
    found = palette.get_by_role("link").first
    found.wait_for()
    for _ in range(8):  # The browser's own bar, where there is one, has the focus between the last and the first.
        page.keyboard.press("Tab")
        inside = "each => each.contains(document.activeElement) || document.activeElement === document.body"
        assert palette.evaluate(inside)
    page.keyboard.press("Escape")
    assert keys.has(before)
    you = page.get_by_role("button", name="You")
    keys.reach(you)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert keys.has(page.get_by_role("link", name="Your account"))
    page.keyboard.press("Escape")
    assert keys.has(you)


# -- two people ------------------------------------------------------------------------------------------------------


def test_two_people_at_one_row(served: Office, tab: Callable[..., Any]) -> None:
    mine, theirs = tab("boss"), tab("editor")
    number = served.value("SELECT id FROM airport_report WHERE name = 'Di Drew'")
    where = f"{served.address}/admin/airport-report/{number}"
    for page in (mine, theirs):
        page.goto(where)
    for page, name, text in ((theirs, "Di D.", "Theirs."), (mine, "Dido", "Mine.")):
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Text", exact=True).fill(text)
        page.get_by_role("button", name="Save", exact=True).click()
    mine.get_by_role("heading", name="Somebody else has changed this meanwhile").wait_for()
    assert served.rows("SELECT name, text FROM airport_report WHERE id = ?", number) == [("Di D.", "Theirs.")]
    mine.get_by_label("Take theirs Name").check()
    save(mine, "Save")
    assert served.rows("SELECT name, text FROM airport_report WHERE id = ?", number) == [("Di D.", "Mine.")]
    # It is deleted while it is open: what was typed is still there, and can be kept.
    mine.goto(where)
    theirs.goto(f"{where}/delete")
    theirs.get_by_role("button", name="Delete").click()
    theirs.get_by_text("is deleted.").first.wait_for()
    mine.get_by_label("Text", exact=True).fill("Not lost.")
    mine.get_by_role("button", name="Save", exact=True).click()
    mine.get_by_text("somebody has deleted it meanwhile").wait_for()
    assert mine.get_by_label("Text", exact=True).input_value() == "Not lost."
    save(mine, "Save as a new one")
    assert served.rows("SELECT name, stars FROM airport_report WHERE text = 'Not lost.'") == [("Di D.", 1)]


def test_500_rows_and_one_that_may_not_go(served: Office, tab: Callable[..., Any]) -> None:
    """On one of them hangs a flight of another club, of which no more is told than that something is in the way."""
    page = tab("tower")
    page.goto(f"{served.address}/admin/airport?q=municipal&limit=500")
    assert page.get_by_role("checkbox").and_(page.locator("[name=keys]")).count() == 500
    page.get_by_label("With", exact=True).select_option("page")
    page.get_by_label("do", exact=True).select_option("delete")
    page.get_by_role("button", name="Go on").click()
    told = page.get_by_role("alert")
    told.filter(has_text="Something stands in the way of these").wait_for()
    assert told.get_by_role("listitem").all_inner_texts() == ["Aberdeen Municipal"]
    assert page.get_by_role("button", name="Delete").count() == 0
    assert "HNL" not in page.get_by_role("main").inner_text()
    assert served.value("SELECT count(*) FROM airport WHERE name LIKE '%municipal%'") > 900
    assert served.value("SELECT count(*) FROM airport_flight WHERE club_id = 2") == 1


# -- what somebody hostile has sent ----------------------------------------------------------------------------------


def test_C21_what_comes_in_by_a_file_is_text_everywhere(served: Office, tab: Callable[..., Any]) -> None:
    """Rows C21 and D4: in headings, cells and names of files, in filters and views; and no formula goes out."""
    page = tab("boss")
    page.goto(f"{served.address}/admin/airport/-/import")
    cells = (f'XE1,"{EVIL.replace(chr(34), chr(34) * 2)}",<script>alert(2)</script>,javascript:alert(3),1,2',)
    file = table(*cells, """XE2,"=HYPERLINK(""https://bad.example"",""x"")",@SUM(1),+1,3,4""", name=f"{EVIL}.csv")
    file["buffer"] = file["buffer"].replace(b"longitude\n", b"longitude,<img src=x onerror=alert(4)>\n", 1)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("<img src=x onerror=alert(4)>", exact=True).wait_for()
    page.get_by_role("button", name="Show what would become of each row").click()
    page.get_by_role("heading", level=1, name=f"{EVIL}.csv").wait_for()
    page.get_by_role("button", name="Import all of it").click()
    page.get_by_text("It is imported.").wait_for()
    page.goto(f"{served.address}/admin/airport?q=onerror&state=javascript:alert(3)")
    page.get_by_role("rowheader", name=EVIL).wait_for()
    page.get_by_text("Columns and views").click()
    page.get_by_label("Keep what is shown as").fill(EVIL)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("navigation", name="Views").get_by_role("link", name=EVIL).wait_for()
    for path in ("/XE1", "/XE1/history", "/XE1/delete", "/-/export", f"?state={EVIL}&order={EVIL}&view={EVIL}"):
        page.goto(f"{served.address}/admin/airport{path}")
        page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.type("onerror")
    page.get_by_role("dialog").get_by_role("link", name=EVIL).first.wait_for()
    page.goto(f"{served.address}/admin/airport/-/export?q=HYPERLINK")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    exported = download.value.path().read_text("utf-8-sig")
    (line,) = (line for line in csv.reader(exported.splitlines()) if "XE2" in line)
    assert [each for each in line if each[:1] in {"=", "+", "@", "-"}] == []


# -- for everybody ---------------------------------------------------------------------------------------------------


def kinds_of_pages(served: Office, page: Any) -> dict[str, str]:
    """Every kind of page, by what it is; some of them are made first."""
    page.goto(f"{served.address}/admin/airport/-/import")
    page.get_by_label("File").set_input_files(
        table("XZ1,New,Town,NY,1,2", "XZ2,Bad,Town,NY,x,2", "JFK,Changed,Town,NY,1,2")
    )
    page.get_by_role("button", name="Go on").click()
    columns = page.url.removeprefix(served.address)
    page.get_by_role("button", name="Show what would become of each row").click()
    page.goto(f"{served.address}/admin/airport-report")
    page.get_by_label("With", exact=True).select_option("page")
    page.get_by_label("do", exact=True).select_option("praise")
    page.get_by_role("button", name="Go on").click()
    question = page.url.removeprefix(served.address)
    change = "SELECT min(id), max(id) FROM admin_change WHERE model = 'airport' AND key = 'LAX'"
    for city in ("Before", "After"):
        page.goto(f"{served.address}/admin/airport/LAX")
        page.get_by_label("City", exact=True).fill(city)
        save(page)
    ((first, last),) = served.rows(change)
    return {
        "dashboard": "/admin/",
        "list": "/admin/airport",
        "list, filtered and drilled": "/admin/airport-report?stars__ge=1&created_at=2026&order=stars",
        "list, not understood": "/admin/airport-report?stars__ge=many",
        "add": "/admin/airport-report/new",
        "change with inlines": "/admin/airport/JFK",
        "change with searches": "/admin/airport-flight/new",
        "delete": "/admin/airport/JFK/delete",
        "question": question,
        "export": "/admin/airport/-/export",
        "import": "/admin/airport/-/import",
        "columns": columns,
        "preview": f"{columns}/preview",
        "job": columns.replace("/import/", "/jobs/"),
        "history": "/admin/airport/LAX/history",
        "compare": f"/admin/airport/LAX/history?from={first}&to={last}",
        "restore": f"/admin/airport/LAX/history/{first}",
        "what all did": "/admin/history",
        "what you did": "/admin/history/mine",
        "search": "/admin/search?q=field",
        "own page": "/admin/states",
        "not found": "/admin/airport/NONE",
    }


FOUND = """
rules => axe.run(rules ? {runOnly: rules} : {}).then(found => found.violations
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.target} ${node.failureSummary}`)))
"""


def test_axe_finds_nothing_on_any_kind_of_page(served: Office, tab: Callable[..., Any]) -> None:
    """Light on a wide screen and dark on a phone by all rules; the other two by what colours and width can change."""
    axe = (with_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page = tab("boss", reduced_motion="reduce")
    wrong = {}

    def look(name: str) -> None:
        page.evaluate(axe)  # The bar that saves lies over what one scrolls past: a tall page has it at its end.
        for width, colours, rules in (
            (1280, "light", None),
            (1280, "dark", SEEN),
            (360, "dark", None),
            (360, "light", SEEN),
        ):
            page.set_viewport_size({"width": width, "height": 4000})
            page.emulate_media(color_scheme=colours)
            if found := page.evaluate(FOUND, rules):
                wrong[f"{name} {width} {colours}"] = found
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                wrong[f"{name} {width}"] = [f"{wide} wide"]

    for name, path in kinds_of_pages(served, page).items():
        page.goto(served.address + path)
        look(name)
    page.goto(f"{served.address}/admin/airport")
    page.get_by_text("Columns and views").click()
    look("views")
    page.keyboard.press("Control+k")
    page.keyboard.type("kenn")
    page.get_by_role("dialog").get_by_role("link").first.wait_for()
    look("palette")
    page.keyboard.press("Escape")
    page.context.clear_cookies()
    page.goto(f"{served.address}/admin/")
    look("login")
    assert wrong == {}
