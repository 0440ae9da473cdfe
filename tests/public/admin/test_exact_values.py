"""Values that are easily cut or broken: shown, edited in the list, exported and imported as they are."""

from __future__ import annotations

import datetime
import io
import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select, update

from admin.payroll import AllWorkers, PaidWorkers, Skill, Team, Worker
from admin.site import BROWSER, Person, Site, errors, login, post, seen
from wholestack.languages import Languages
from wholestack.testing import Answer

NIGHT = datetime.datetime(2026, 10, 25, 1, 30, 7, 123456, datetime.UTC)
"""In Berlin the second half past two of that night."""
CALLED = datetime.datetime(2026, 7, 1, 10, 0, 0, 5)  # noqa: DTZ001  (in no zone)
OLD = datetime.datetime(1850, 1, 1, 10)  # noqa: DTZ001  (in no zone)


@pytest.fixture(scope="module")
def berlin() -> Iterator[Site]:
    with Site(AllWorkers, Team, Skill, Person).running(Languages("en", "de", timezone="Europe/Berlin")) as site:
        yield site


@pytest.fixture
def site(berlin: Site) -> Site:
    berlin.anew()
    login(berlin.client, "*")
    return berlin


def sent_of(page: Answer) -> dict[str, str]:
    """What a browser would send of the rows of a list."""
    assert page.status == 200, page.text
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page.text):
        given = {name: unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}
        if given.get("name", "").removeprefix("_later.").startswith(("rows[", "_zone")):
            sent[given["name"]] = given.get("value", "")
    for name, options in re.findall(r'<select name="(rows[^"]*)"[^>]*>(.*?)</select>', page.text, re.DOTALL):
        sent[unescape(name)] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    return sent


def values(worker: Worker) -> dict[str, Any]:
    return {name: getattr(worker, name) for name in AllWorkers.columns}


def edit(site: Site, sent: Mapping[str, str], query: str = "") -> Answer:
    return post(site.client, f"/admin/worker/-/edit{query}", sent)


def changes(site: Site) -> list[Any]:
    rows = site.admin.history.rows
    with site.app.session() as db:
        return [each["values"] for each in db.execute(select(rows).order_by(rows.c.id)).mappings()]


# -- edited in the list ------------------------------------------------------------------------------------------------


def many_values(site: Site) -> None:
    span = datetime.timedelta(days=-1, seconds=5, microseconds=7)
    shift = datetime.time(1, 2, 3, 456)
    site.add(
        Worker(id=1, name="Ann", hired=NIGHT, shift=shift, span=span, called=CALLED),
        Worker(id=2, name="Ben\nJoe", owner="", is_old=False, hired=NIGHT.replace(second=0, microsecond=0)),
        Worker(id=3, name="Cleo", is_old=True),
    )


@pytest.mark.parametrize("query", ["", "?columns=id&columns=salary&columns=is_old"])
def test_a_list_that_is_saved_as_it_was_shown_changes_nothing(site: Site, query: str) -> None:
    many_values(site)
    before = [values(each) for each in site.all(Worker)]
    sent = sent_of(site.client.get(f"/admin/worker{query}", headers=BROWSER))
    sent = {name: value.replace("\n", "") for name, value in sent.items()}  # As browsers do in a field of one line.
    assert edit(site, sent, query).status == 303
    assert ([values(each) for each in site.all(Worker)], changes(site)) == (before, [])


def test_of_a_row_that_was_edited_the_other_values_stay(site: Site) -> None:
    many_values(site)
    (first, *_) = [values(each) for each in site.all(Worker)]
    sent = sent_of(site.client.get("/admin/worker", headers=BROWSER))
    assert edit(site, sent | {"rows[0].salary": "7", "rows[2].is_old": "false"}).status == 303
    assert values(site.all(Worker)[0]) == first | {"salary": 7}
    assert changes(site) == [{"salary": [0, 7]}, {"is_old": [True, False]}]
    sent = sent_of(site.client.get("/admin/worker", headers=BROWSER))
    assert edit(site, sent | {"rows[0].hired": "2026-10-25T02:30:08", "rows[2].is_old": ""}).status == 303
    assert values(site.all(Worker)[0])["hired"] == NIGHT.replace(second=8, microsecond=0)
    assert site.all(Worker)[2].is_old is None


@pytest.mark.parametrize("name", ["name", "salary"])
def test_a_list_empties_nothing_that_its_form_would_not(site: Site, name: str) -> None:
    site.add(Worker(id=1, name="Ann", owner="me", salary=5))
    sent = sent_of(site.client.get("/admin/worker", headers=BROWSER))
    refused = edit(site, sent | {f"rows[0].{name}": ""})
    assert (refused.status, errors(refused)) == (422, ["This field is required."])
    assert edit(site, sent | {"rows[0].owner": ""}).status == 303
    (worker,) = site.all(Worker)
    assert (worker.name, worker.salary, worker.owner) == ("Ann", 5, "")


def test_a_cell_that_nobody_touched_keeps_nobody_from_saving_the_rest(site: Site) -> None:
    site.add(Worker(id=1, name=""), Worker(id=2, name="x" * 60), Worker(id=3, name="Ann"))
    page = site.client.get("/admin/worker", headers=BROWSER)
    assert not re.search(r'name="rows[^"]*"[^>]* required', page.text)
    sent = sent_of(page)
    assert edit(site, sent | {"rows[0].salary": "1", "rows[1].salary": "2", "rows[2].salary": "3"}).status == 303
    assert [each.salary for each in site.all(Worker)] == [1, 2, 3]
    refused = edit(site, sent | {"rows[1].name": "y" * 60, "rows[2].salary": "much"})
    assert (refused.status, len(errors(refused))) == (422, 2)


# -- shown -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain() -> Iterator[Site]:
    with Site(PaidWorkers, Team, Skill, Person).running() as site:
        yield site


@pytest.mark.parametrize("page", ["1" + "0" * 30, "000000000001" + "9" * 5_000, "9" * 5_000, "\u0661", "0", "x"])
def test_a_page_that_there_cannot_be_is_left_out_and_told(site: Site, page: str) -> None:
    site.add(Worker(id=1, name="Ann"))
    answer = site.client.get(f"/admin/worker?page={page}", headers=BROWSER)
    assert (answer.status, "Ann" in answer.text, "left out" in answer.text) == (200, True, True)


def test_what_a_hybrid_computes_is_a_column(plain: Site) -> None:
    site = plain.anew()
    login(site.client, "*")
    site.add(Worker(name="Ann"))
    assert "Ann!" in site.client.get("/admin/worker", headers=BROWSER).text
    assert "Ann!" in site.client.get("/admin/worker/-/export/file?_columns=name&_columns=loud", headers=BROWSER).text


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_moment_at_an_end_of_the_calendar_is_shown_in_utc_and_stays(site: Site, zone: str) -> None:
    ends = [
        datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC),
        datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
    ]
    site.add(*(Worker(id=number, name="Ann", hired=moment) for number, moment in enumerate(ends, 1)))
    site.client.cookies["timezone"] = zone
    headers = {**BROWSER, "accept-language": "de"}
    looks = site.other()
    looks.cookies["timezone"] = zone
    login(looks, "worker.view")
    shown = looks.get("/admin/worker", headers=headers)
    assert (shown.status, "9999-12-31 23:59 UTC" in shown.text) == (200, zone == "Europe/Berlin")
    sent = sent_of(site.client.get("/admin/worker", headers=headers))
    assert edit(site, sent | {"rows[0].salary": "5", "rows[1].salary": "6"}).status == 303
    for number in (1, 2):
        path = f"/admin/worker/{number}"
        shown = site.client.get(path, headers=headers)
        assert shown.status == 200
        own = dict(re.findall(r'name="(_zone\.[^"]*|_zone)" value="([^"]*)"', shown.text))
        hired = re.findall(r'name="hired"[^>]* value="([^"]*)"', shown.text)[0]
        data = {"name": "Ben", "owner": "", "salary": "7", "hired": hired, "form_seen": seen(shown), **own}
        assert post(site.client, path, data).status == 303
        for each in (f"{path}/history", f"{path}/delete", "/admin/history"):
            assert site.client.get(each, headers=headers).status == 200
    assert [(each.name, each.hired) for each in site.all(Worker)] == [("Ben", moment) for moment in ends]


# -- exported and imported again ---------------------------------------------------------------------------------------

SPANS = [
    datetime.timedelta(days=-1, seconds=5),
    datetime.timedelta(hours=1, minutes=30),
    datetime.timedelta(days=-400, microseconds=7),
    datetime.timedelta(days=3, seconds=1),
]


def exported(site: Site, kind: str, columns: str) -> bytes:
    asked = "&".join(f"_columns={each}" for each in columns.split())
    file = site.client.get(f"/admin/worker/-/export/file?_format={kind}&{asked}")
    assert file.status == 200, file.text
    return file.body


def preview(site: Site, file: bytes, columns: str) -> list[str]:
    """Import a file, by the ids; what its preview counts: new, changed, the same, faulty."""
    files = {"file": ("a", file, "application/octet-stream")}
    begun = site.client.post("/admin/worker/-/import", files=files, headers=BROWSER, follow=False)
    where = begun.headers["location"]
    page = post(site.client, where, {"columns": columns.split(), "keys": ["id"]}).headers["location"]
    found = re.findall(r"<dd>([\d,]+)</dd>", site.client.get(page, headers=BROWSER).text)
    post(site.client, f"{where}/run")
    return found


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json", "jsonl"])
def test_every_value_that_was_exported_is_the_same_again(site: Site, kind: str) -> None:
    site.add(*(Worker(id=each, name="-x", span=span, hired=NIGHT, called=CALLED) for each, span in enumerate(SPANS, 1)))
    last = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    site.add(Worker(id=7, name="=1", marks=[1, 2], shift=datetime.time(3, 4), called=OLD, hired=last))
    site.add(Worker(id=8, name="x", marks=[], called=CALLED.replace(microsecond=0)), Worker(id=9, name="y", marks=[-3]))
    columns = "id name called hired shift span marks"
    before = [values(each) for each in site.all(Worker)]
    file = exported(site, kind, columns)
    assert preview(site, file, columns) == ["0", "0", "7", "0"]
    with site.app.session() as db:
        db.execute(update(Worker).values(name="", called=None, hired=None, shift=None, span=None, marks=None))
    assert preview(site, file, columns) == ["0", "7", "0", "0"]
    assert [values(each) for each in site.all(Worker)] == before


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json"])
def test_lists_of_json_are_exported_beside_relations(site: Site, kind: str) -> None:
    site.add(Worker(id=1, name="x", marks=[1, 2]))
    assert preview(site, exported(site, kind, "id marks skills"), "id marks skills") == ["0", "0", "1", "0"]


def test_intervals_of_other_files_are_read_as_they_are_meant(site: Site) -> None:
    site.add(*(Worker(id=each, name="x") for each in range(1, 6)))
    texts = ["-1 day, 0:00:05", "1:30:00", "-2 days, 23:00:00.5", "1 day, 0:00:05", "-PT5S"]
    lines = "\n".join(f'{number},"{text}"' for number, text in enumerate(texts, 1))
    assert preview(site, f"id,span\n{lines}\n".encode(), "id span") == ["0", "5", "0", "0"]
    assert [each.span for each in site.all(Worker)] == [
        datetime.timedelta(days=-1, seconds=5),
        datetime.timedelta(hours=1, minutes=30),
        datetime.timedelta(days=-2, hours=23, milliseconds=500),
        datetime.timedelta(days=1, seconds=5),
        datetime.timedelta(seconds=-5),
    ]


# -- values as texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "seconds", "microseconds", "text"),
    [
        (0, 5_400, 0, "PT1H30M"),
        (0, -5, 0, "-PT5S"),
        (-1, 5, 0, "-PT23H59M55S"),
        (400, 0, 0, "P400D"),
        (3, 60, 500_000, "P3DT1M0.5S"),
    ],
)
def test_intervals_are_written_as_iso_8601_has_them(
    site: Site, days: int, seconds: int, microseconds: int, text: str
) -> None:
    site.add(Worker(id=1, name="x", span=datetime.timedelta(days, seconds, microseconds)))
    guard = "'" if text.startswith("-") else ""
    assert exported(site, "csv", "id span").decode().splitlines()[1] == f"1,{guard}{text}"
    assert json.loads(exported(site, "json", "id span")) == [{"id": 1, "span": text}]


def test_what_a_spreadsheet_would_change_is_a_text(site: Site) -> None:
    site.add(Worker(id=1, name="x", called=OLD, hired=NIGHT), Worker(id=2, name="y", called=OLD.replace(year=1901)))
    sheet = openpyxl.load_workbook(io.BytesIO(exported(site, "xlsx", "id called hired"))).worksheets[0]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert rows[0] == (1, "1850-01-01T10:00:00", "2026-10-25T01:30:07.123456+00:00")
    assert rows[1][1] == OLD.replace(year=1901)


def test_nobody_is_told_of_changes_in_columns_that_the_page_does_not_show(site: Site) -> None:
    site.add(Worker(id=1, name="Ann", owner="me"))
    query = "?columns=id&columns=salary"
    sent = sent_of(site.client.get(f"/admin/worker{query}", headers=BROWSER))
    assert not [name for name in sent if name.endswith((".name", ".owner"))]
    with site.app.session() as db:
        db.execute(update(Worker).values(owner="you"))
    assert edit(site, sent | {"rows[0].salary": "7"}, query).status == 303
    assert [(each.owner, each.salary) for each in site.all(Worker)] == [("you", 7)]
