"""Moments in forms are typed and shown in the visitor's time zone, whose name stands beside them."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App, Form, Redirect
from wholestack.encoding import form_values
from wholestack.forms import FormView, Widget
from wholestack.http import FormData
from wholestack.languages import Languages, language
from wholestack.templates import Page, Templates
from wholestack.testing import Client

UTC = datetime.UTC
FIRST, LAST = datetime.datetime(2026, 1, 1, tzinfo=UTC), datetime.datetime(2027, 12, 31, 20, tzinfo=UTC)
BERLIN = {"timezone": "Europe/Berlin"}


class Meeting(pydantic.BaseModel):
    begins: Annotated[pydantic.AwareDatetime, pydantic.Field(ge=FIRST, le=LAST)]
    noted: datetime.datetime | None = None


class Ever(pydantic.BaseModel):
    begins: pydantic.AwareDatetime


class Day(pydantic.BaseModel):
    breaks: list[Annotated[pydantic.AwareDatetime, Widget("datetime-local")]]


def shown(zone: str, begins: object, **more: object) -> str:
    with language("en", timezone=zone):
        return str(FormView(Meeting).fill({"begins": begins, **more}))


def read(zone: str, *fields: tuple[str, str], model: Any = Meeting) -> dict[str, Any]:
    with language("en", timezone=zone):
        return form_values(model)(FormData(list(fields)))


def value(html: str, name: str = "begins") -> str:
    [found] = re.findall(rf'name="{name}"[^>]* value="([^"]*)"', html)
    return str(found)


@pytest.mark.parametrize(
    ("zone", "text", "first", "last", "called"),
    [
        ("UTC", "2026-07-01T12:00", "2026-01-01T00:00", "2027-12-31T20:00", "UTC"),
        ("Europe/Berlin", "2026-07-01T14:00", "2026-01-01T01:00", "2027-12-31T21:00", "Europe/Berlin"),
        ("America/New_York", "2026-07-01T08:00", "2025-12-31T19:00", "2027-12-31T15:00", "America/New York"),
        ("Asia/Kathmandu", "2026-07-01T17:45", "2026-01-01T05:45", "2028-01-01T01:45", "Asia/Kathmandu"),
    ],
)
def test_a_moment_is_shown_and_read_in_the_visitors_time_zone(
    zone: str, text: str, first: str, last: str, called: str
) -> None:
    moment = datetime.datetime(2026, 7, 1, 12, tzinfo=UTC)
    for given in (
        moment,
        moment.astimezone(datetime.timezone(datetime.timedelta(hours=5))),
        moment.replace(tzinfo=None),
    ):
        html = shown(zone, given)
        assert value(html) == text
        assert f'min="{first}" max="{last}"' in html
        assert f"Time zone: {called}</p>" in html
        assert html.count("Time zone") == 1, "one that needs no zone is what was typed"
    assert pydantic.TypeAdapter(datetime.datetime).validate_python(read(zone, ("begins", text))["begins"]) == moment


def test_what_needs_no_zone_is_what_was_typed() -> None:
    noted = datetime.datetime(2026, 7, 1, 12)  # noqa: DTZ001  (without a zone)
    assert value(shown("Asia/Tokyo", FIRST, noted=noted), "noted") == "2026-07-01T12:00"
    assert read("Asia/Tokyo", ("noted", "2026-07-01T12:00")) == {"noted": "2026-07-01T12:00"}


def test_a_time_that_comes_twice_stays_the_one_that_it_was() -> None:
    first, second = (datetime.datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    for moment, later in ((first, False), (second, True)):
        html = shown("Europe/Berlin", moment)
        assert value(html) == "2026-10-25T02:30"
        assert ('name="_later.begins"' in html) == later
        marks = [("_later.begins", "1")] if later else []
        said = read("Europe/Berlin", ("begins", "2026-10-25T02:30"), *marks)
        assert datetime.datetime.fromisoformat(said["begins"]) == moment
    # The mark says nothing of another time.
    said = read("Europe/Berlin", ("begins", "2026-07-01T14:00"), ("_later.begins", "1"))
    assert said == {"begins": "2026-07-01T12:00:00Z"}
    rows = read(
        "Europe/Berlin", *[(f"breaks[{n}]", "2026-10-25T02:30") for n in (0, 1)], ("_later.breaks[1]", "1"), model=Day
    )
    assert rows == {"breaks": ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]}


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30T10:00", "1800-01-01T00:00"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_ends_of_the_calendar_are_no_500(zone: str, text: str) -> None:
    with language("en", timezone=zone), pytest.raises(pydantic.ValidationError):
        Meeting.model_validate(read(zone, ("begins", text)))
    shown(zone, text)
    shown(zone, f"{text}Z")


@pytest.mark.parametrize("name", ["begins", "breaks[1]"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_a_moment_that_a_zone_has_no_day_for_stays_in_utc(zone: str, name: str) -> None:
    model: Any = Day if name[-1] == "]" else Ever
    for moment in (datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime.datetime(1, 1, 1, tzinfo=UTC)):
        with language("en", timezone=zone):
            html = str(FormView(model).fill({"begins": moment, "breaks": [FIRST, moment]}))
        own = [("_zone", zone), *re.findall(r'name="(_zone\.[^"]*)" value="([^"]*)"', html)]
        is_beyond = (zone == "Asia/Tokyo") == (moment.year == 9999)
        assert own[1:] == ([(f"_zone.{name}", "UTC")] if is_beyond else [])
        assert model is Day or ("Time zone: UTC" in html) == is_beyond
        shown = re.findall(rf'name="{re.escape(name)}"[^>]* value="([^"]*)"', html)[0]
        said = read(zone, *own, (name, shown), model=model)
        (text,) = said["breaks"] if model is Day else [said["begins"]]
        assert datetime.datetime.fromisoformat(text) == moment


def meetings(tmp_path: Any, **options: Any) -> App:
    (tmp_path / "form.html").write_text("{{ form }}", encoding="utf-8")
    app = App(docs=False)
    app.use(Templates(str(tmp_path)), Languages("en", "de", "ar", **options))
    kept: list[str] = []

    @app.get("/")
    def page(form: FormView[Meeting]) -> Page:
        return Page("form.html", form=form.fill({"begins": datetime.datetime(2026, 7, 1, 12, tzinfo=UTC)}))

    @app.post("/")
    def keep(meeting: Form[Meeting]) -> Redirect:
        kept.append(meeting.begins.astimezone(UTC).isoformat())
        return Redirect("/kept")

    @app.get("/kept")
    def all_of_them() -> list[str]:
        return kept

    return app


def test_from_the_page_and_back(tmp_path: Any) -> None:
    app = meetings(tmp_path, timezone="Asia/Tokyo")
    html = {"accept": "text/html"}
    clients = [Client(app, cookies=cookies, headers=html) for cookies in ({}, BERLIN, {"timezone": "No/Where"})]
    for _ in range(2):  # What was written for one visitor is not shown to the next.
        for client, text, first in zip(
            clients,
            ("21:00", "14:00", "21:00"),
            ("2026-01-01T09:00", "2026-01-01T01:00", "2026-01-01T09:00"),
            strict=True,
        ):
            answer = client.get("/").expect(200)
            assert value(answer.text) == f"2026-07-01T{text}"
            assert f'min="{first}"' in answer.text
            assert "cookie" in answer.headers["vary"]
    for client in clients:
        assert client.post("/", data={"begins": "2026-07-01T14:00"}).status == 303
    assert clients[0].get("/kept").json() == [
        "2026-07-01T05:00:00+00:00",
        "2026-07-01T12:00:00+00:00",
        "2026-07-01T05:00:00+00:00",
    ]
    # The zone that the form was shown in counts, not the one that was chosen meanwhile.
    zone = value(clients[1].get("/").text, "_zone")
    clients[0].post("/", data={"begins": "2026-07-01T14:00", "_zone": zone})
    assert clients[0].get("/kept").json()[-1] == "2026-07-01T12:00:00+00:00"
    clients[1].post("/", data={"begins": "2026-07-01T14:00", "_zone": "../etc"})
    assert clients[0].get("/kept").json()[-1] == "2026-07-01T12:00:00+00:00"


def test_what_is_wrong_is_told_in_the_visitors_time_zone(tmp_path: Any) -> None:
    app = meetings(tmp_path)
    client = Client(app, cookies=BERLIN, headers={"accept": "text/html"})
    answer = client.post("/", data={"begins": "2026-03-29T02:30"}).expect(422)
    assert "There is no such time on that day: clocks are put forward over it." in answer.text
    assert value(answer.text) == "2026-03-29T02:30"
    german = client.post("/", data={"begins": "2026-03-29T02:30"}, headers={"accept-language": "de"}).expect(422)
    assert "Diese Uhrzeit gibt es an dem Tag nicht" in german.text
    assert "Zeitzone: Europe/Berlin" in german.text
    answer = client.post("/", data={"begins": "2028-07-01T14:00"}).expect(422)
    assert value(answer.text) == "2028-07-01T14:00"
    assert re.search(r"At most Dec 31, 2027, 9:00:00.PM\.", answer.text)
    answer = client.post("/", data={"begins": "soon"}).expect(422)
    assert value(answer.text) == "soon"
