"""Moments, dates and numbers as the reader's language writes them; as machines do where the app has no languages."""

from __future__ import annotations

import datetime
import decimal
import html
import re
from collections.abc import Iterator

import pytest

from admin.shelf import Colour, Specimen
from admin.site import BROWSER, Author, Person, Site, login, post, seen
from wholestack.admin import AdminView, TableOf
from wholestack.languages import Languages, language

NOON = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)


class Specimens(AdminView[Specimen]):
    columns = ("name", "number", "ratio", "price", "day", "hour", "moment")
    fields = ("name", "colour", "number", "moment", "ratio")
    read_only = ("ratio", "moment")


@pytest.fixture(scope="module")
def spoken() -> Iterator[Site]:
    with Site(Specimens, Author, Person).running(Languages("en", "de", timezone="UTC")) as running:
        yield running


@pytest.fixture(scope="module")
def berlin() -> Iterator[Site]:
    with Site(Specimens, Author, Person).running(Languages("de", timezone="Europe/Berlin")) as running:
        yield running


@pytest.fixture(scope="module")
def silent() -> Iterator[Site]:
    with Site(Specimens, Author, Person).running() as running:
        yield running


def specimen(site: Site) -> Specimen:
    login(site.anew().client, "*")
    found = Specimen(name="One", colour=Colour.RED, number=1234567, ratio=33.94254, price=decimal.Decimal("1250.50"))
    found.day, found.hour, found.moment = NOON.date(), datetime.time(7, 5), NOON
    site.add(found)
    return found


def cells(site: Site, path: str = "/admin/specimen", language: str = "de") -> list[str]:
    text = site.client.get(path, headers={**BROWSER, "accept-language": language}).text
    found = re.findall(r"<td[^>]*>(.*?)</td>", text.replace("\n", ""))
    return [
        html.unescape(re.sub("<[^>]+>", "", each)).replace("\u202f", " ") for each in found if "checkbox" not in each
    ]


def test_a_list_by_the_language(spoken: Site, berlin: Site, silent: Site) -> None:
    for site in (spoken, berlin, silent):
        specimen(site)
    assert cells(spoken) == ["1.234.567", "33,94254", "1250,5000", "01.07.2026", "07:05", "01.07.2026, 12:00:00 UTC"]
    assert cells(spoken, language="en")[:4] == ["1,234,567", "33.94254", "1250.5000", "Jul 1, 2026"]
    assert cells(berlin)[-1] == "01.07.2026, 14:00:00"
    assert cells(silent) == ["1234567", "33.94254", "1250.5000", "2026-07-01", "07:05:00", "2026-07-01 12:00 UTC"]


def test_a_row_and_its_history_by_the_language(spoken: Site, silent: Site) -> None:
    for site, ratio, moment, before in (
        (spoken, "33,94254", "01.07.2026, 12:00:00 UTC", "1.234.567"),
        (silent, "33.94254", "2026-07-01 12:00 UTC", "1234567"),
    ):
        path = f"/admin/specimen/{specimen(site).id}"
        german = {**BROWSER, "accept-language": "de"}
        shown = site.client.get(path, headers=german)
        assert ratio in shown.text and moment in shown.text
        assert 'value="1234567"' in shown.text, "what is typed is as a browser has it"
        data = {"name": "One", "colour": "red", "number": "7", "form_seen": seen(shown)}
        assert post(site.client, path, data).status == 303
        text = site.client.get(f"{path}/history", headers=german).text
        assert f"<td>{before}</td><td>7</td>" in text
        told = re.findall(r"<time[^>]*>([^<]+)</time>\n<bdi>", text)[0]
        pattern = r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d UTC" if site is spoken else r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
        assert re.fullmatch(pattern, told), told


def test_keys_are_no_numbers_and_a_moment_in_no_zone_stays(berlin: Site) -> None:
    login(berlin.anew().client, "*")
    berlin.add(Author(id=12345, name="Ann"))
    text = berlin.client.get("/admin/author", headers=BROWSER).text
    assert "12.345" not in text and "12345" in text
    with language("de", timezone="Europe/Berlin"):
        shown = TableOf(["", "", "", ""], [[NOON.replace(tzinfo=None), 1e300, -12345, 1902]]).__html__()
    assert "01.07.2026, 12:00:00</time>" in shown
    assert ">1e+300<" in shown and ">-12.345<" in shown and ">1902<" in shown
