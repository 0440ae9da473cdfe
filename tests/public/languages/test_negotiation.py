"""The language and the time zone of a request: where they come from, and what the answer says of it."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from elsewhere import ELSEWHERE
from wholestack import App, Request, Response, SetupError, Text
from wholestack.languages import Language, Languages, current_language, gettext, negotiate
from wholestack.templates import Page
from wholestack.testing import Client


@pytest.mark.parametrize(
    ("accept", "offers", "chosen"),
    [
        ("de", "en de", "de"),
        ("DE-at", "en de", "de"),
        ("fr, de-AT;q=0.8, en;q=0.5", "en de", "de"),
        ("en;q=0.5, de;q=0.8", "en de", "de"),
        ("en;q=0.8, de;q=0.8", "de en", "en"),  # of equals the first that was named
        ("zh-Hant-CN-x-private1-private2", "en zh-Hant", "zh-Hant"),  # RFC 4647 §3.4
        ("zh-Hant-CN-x-private1", "en zh-Hant-CN-x", None),  # a single letter goes with what comes after it
        ("zh-Hant-CN", "zh zh-Hant", "zh-Hant"),
        ("pt", "en pt-BR", "pt-BR"),
        ("pt;q=0.9, en;q=0.8", "en pt-BR", "pt-BR"),
        ("en-GB", "en-US de", None),
        ("fr", "en de", None),
        ("*", "en de", "en"),
        ("fr, *;q=0.1", "en de", "en"),
        ("en;q=0, *", "en de", "de"),
        ("en;q=0, *", "en en-GB", None),
        ("en;q=0", "en", None),
        ("de;q=0.0, de-AT", "de de-AT", None),
        ("", "en", None),
        (None, "en", None),
        (";;;,,,=,q", "en", None),
        ("de;q=2, en;q=0.1", "en de", "en"),  # malformed: passed over
        ("de;q=abc, en;q=0.1", "en de", "en"),
        ("de_DE, en;q=0.1", "en de", "en"),
        ("de;q=0.5, de;q=0, en;q=0.4", "en de", "de"),  # of one that comes twice the first
        (" de \t;\tq=0.7 , en ; q=0.6", "en de", "de"),
        ("x" * 9000 + ", de", "en de", None),
        ("de" + ", fr" * 100, "en de", "de"),
    ],
)
def test_what_accept_language_likes_best(accept: str | None, offers: str, chosen: str | None) -> None:
    assert negotiate(accept, offers.split()) == chosen


@pytest.mark.parametrize("shape", ["a,", "a-", "de;q=0.1,", "*;q=0,", "a-b-c-d-e-f-g-h,", ";", "-", "de-", " "])
def test_B17_long_fields_cost_little(shape: str, untraced: Any) -> None:
    import time

    for length in (8_000, 60_000):
        begun = time.process_time()
        negotiate((shape * length)[:length], ["en", "de", "ar"])
        assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("tag", "direction"),
    [
        *(
            ("ar", "rtl"),
            ("he-IL", "rtl"),
            ("fa", "rtl"),
            ("ur-PK", "rtl"),
            ("ckb", "rtl"),
            ("yi", "rtl"),
            ("dv", "rtl"),
        ),
        *(("en", "ltr"), ("de-AT", "ltr"), ("az-Arab", "rtl"), ("ar-Latn", "ltr"), ("pa-Arab-PK", "rtl")),
        *(("zh-cmn-Hans", "ltr"), ("AR-eg", "rtl"), ("ar-2000", "rtl")),
    ],
)
def test_the_direction_of_a_language(tag: str, direction: str) -> None:
    assert Language(tag).direction == direction


def speaking(**options: Any) -> App:
    app = App(docs=False)
    app.use(Languages("en", "de", "ar", **options))

    @app.get("/")
    def language_of(language: Language, zone: datetime.tzinfo, request: Request) -> Response:
        return Text(f"{language} {language.direction} {zone} {request.root_path}|{request.path}")

    @app.get("/async")
    async def language_of_async(language: Language) -> str:
        return str(language)

    @app.get("/save")
    def save() -> Text:
        return Text(gettext("Save"))

    @app.get("/zone")
    def zone(zone: datetime.tzinfo) -> str:
        return str(zone)

    @app.get("/silent")
    def silent() -> str:
        return "never asked"

    return app


def test_by_cookie_then_header_then_default(interface: Any) -> None:
    with Client(speaking(), interface=interface) as client:

        def told(accept: str | None = None, cookie: str | None = None) -> str:
            headers = {} if accept is None else {"accept-language": accept}
            answer = client.get("/async", headers=headers, cookies={} if cookie is None else {"language": cookie})
            assert answer.headers["content-language"] == answer.text
            return answer.text

        assert told() == "en"
        assert told("ar, de;q=0.5") == "ar"
        assert told("ar", cookie="de") == "de"
        assert told("ar", cookie="fr") == told("ar", cookie="../de") == told("ar", cookie="DE") == "ar"
        assert told("fr") == "en"
        assert client.get("/", headers={"accept-language": "ar"}).text.startswith("ar rtl UTC ")
        assert client.get("/save", headers={"accept-language": "ar"}).text == "حفظ"


def test_the_answer_says_its_language_where_somebody_asked(interface: Any) -> None:
    with Client(speaking(), interface=interface) as client:
        for path in ("/", "/async", "/save"):
            answer = client.get(path, headers={"accept-language": "de"})
            assert answer.headers["content-language"] == "de"
            assert answer.headers["vary"] == "accept-language, cookie"
        silent = client.get("/silent", headers={"accept-language": "de"})
        assert "content-language" not in silent.headers and "vary" not in silent.headers
        zone = client.get("/zone")
        assert "content-language" not in zone.headers and zone.headers["vary"] == "cookie"


def test_an_answer_that_says_its_language_itself_keeps_it() -> None:
    app = speaking()

    @app.get("/own")
    def own() -> Response:
        return Response(gettext("Save"), headers={"content-language": "fr"})

    assert Client(app).get("/own").headers["content-language"] == "fr"


def test_by_a_prefix_of_the_path(interface: Any) -> None:
    with Client(speaking(prefix=True), interface=interface) as client:
        answer = client.get("/de", headers={"accept-language": "ar"}, cookies={"language": "ar"})
        assert answer.text == "de ltr UTC /de|/"
        assert answer.headers["content-language"] == "de"
        # The address alone has said it.
        assert answer.headers.get("vary") == "cookie", "the time zone's"
        assert "vary" not in client.get("/ar/save").headers
        assert client.get("/ar/save").text == "حفظ"
        assert client.get("/save", headers={"accept-language": "ar"}).text == "حفظ"
        assert client.get("/de/de/save").status == client.get("/fr/save").status == client.get("/DE/save").status == 404
        slash = client.get("/de/save/", follow=False)
        assert (slash.status, slash.headers["location"]) == (308, "/de/save")
        assert client.get("/de//evil.example/").status == 404
    with Client(speaking(), interface=interface) as plain:
        assert plain.get("/de/save").status == 404


def test_links_stay_in_the_language_of_the_path(tmp_path: Any, interface: Any) -> None:
    from wholestack.templates import Templates

    app = speaking(prefix=True)
    (tmp_path / "a.html").write_text("{{ url_for('save') }}")
    app.use(Templates(str(tmp_path)))

    @app.get("/link")
    def link() -> Page:
        return Page("a.html")

    with Client(app, interface=interface) as client:
        assert client.get("/ar/link").text == "/ar/save"
        assert client.get("/link").text == "/save"


def test_by_a_name_in_the_query() -> None:
    client = Client(speaking(parameter="lang"))
    answer = client.get("/save?lang=de", headers={"accept-language": "ar"})
    assert (answer.text, answer.headers["content-language"]) == ("Speichern", "de")
    assert "vary" not in answer.headers
    assert client.get("/save?lang=de-AT").text == "Speichern"
    assert client.get("/save?lang=fr", headers={"accept-language": "ar"}).text == "حفظ"
    assert client.get("/save?lang=", headers={"accept-language": "ar"}).text == "حفظ"


def test_a_request_that_cannot_be_read_still_has_a_language() -> None:
    client = Client(speaking(parameter="lang"))
    many = "&".join(["a"] * 2000)
    assert client.get(f"/save?{many}").text == "Save"
    assert client.get("/save", headers={"cookie": "; ".join(f"a{number}=1" for number in range(300))}).text == "Save"


# -- time zones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        *(("../../etc/passwd", "Europe/Berlin"), ("Mars/Base", "Europe/Berlin"), ("asia/tokyo", "Europe/Berlin")),
        *(("/etc/localtime", "Europe/Berlin"), ("", "Europe/Berlin"), ("Asia/Tokyo%00", "Europe/Berlin")),
    ],
)
def test_the_time_zone_of_a_request(cookie: str, zone: str) -> None:
    client = Client(speaking(timezone="Europe/Berlin"))
    assert client.get("/zone", cookies={"timezone": cookie}).text == zone
    assert client.get("/zone").text == "Europe/Berlin"


# -- choosing -------------------------------------------------------------------------------------------------------


def test_somebody_chooses_a_language(interface: Any) -> None:
    with Client(speaking(), interface=interface) as client:
        answer = client.post(
            "/language", data={"language": "ar", "timezone": "Asia/Tokyo", "next": "/save?x=1"}, follow=False
        )
        assert (answer.status, answer.headers["location"]) == (303, "/save?x=1")
        cookies = answer.headers.get_all("set-cookie")
        assert cookies[0] == "language=ar; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"
        assert cookies[1].startswith("timezone=Asia/Tokyo; ")
    assert Client(speaking(at="/speak")).post("/speak", data={"language": "de"}, follow=False).status == 303
    assert Client(speaking(at=None)).post("/language", data={"language": "de"}).status == 404


def test_a_choice_that_is_none_is_refused() -> None:
    client = Client(speaking())
    answer = client.post("/language", data={"language": "fr", "timezone": "Mars/Base"})
    assert answer.status == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/language", "enum"),
        ("/timezone", "enum"),
    ]
    german = client.post("/language", data={"language": "fr"}, headers={"accept-language": "de"})
    assert german.json()["errors"][0]["detail"] == "Wählen Sie eine der Möglichkeiten."
    empty = client.post("/language", data={"language": "", "next": "/"})
    assert (empty.status, empty.json()["errors"][0]["code"]) == (422, "missing")
    assert "set-cookie" not in answer.headers


def test_the_path_follows_the_choice() -> None:
    client = Client(speaking(prefix=True))

    def goes(path: str, wanted: str, tag: str = "ar") -> str:
        return client.post(path, data={"language": tag, "next": wanted}, follow=False).headers["location"]

    assert goes("/de/language", "/de/save") == "/ar/save"
    assert goes("/language", "/de?x=1") == "/ar?x=1"
    assert goes("/language", "/de") == "/ar"
    assert goes("/de/language", "/denmark") == "/denmark"
    assert goes("/de/language", "/save") == "/save"
    assert goes("/de/language", "") == "/ar/"
    assert goes("/de/language", "//evil.example") == "/ar/"
    assert goes("/language", "/de//evil.example") == "/ar//evil.example"


@pytest.mark.parametrize("prefix", [False, True])
def test_C22_a_choice_of_language_leads_nowhere_else(prefix: bool) -> None:
    assert len(ELSEWHERE) >= 60
    client = Client(speaking(prefix=prefix))
    for path in ("/language", "/de/language") if prefix else ("/language",):
        for target in ELSEWHERE:
            answer = client.post(path, data={"language": "de", "next": target}, follow=False)
            location = answer.headers["location"]
            assert answer.status == 303 and location in {"/", "/de/"}, target
            parts = urlsplit(location)
            assert (parts.scheme, parts.netloc) == ("", ""), target


# -- what the app says wrongly --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Languages(), "no language"),
        (lambda: Languages("en", "EN"), "one twice"),
        (lambda: Languages("en", "de_AT"), "'de_AT', which is no tag"),
        (lambda: Languages("../en"), "no tag"),
        (lambda: Languages("en", source="x"), "no tag"),
        (lambda: Languages("en", timezone="Mars/Base"), "no time zone"),
        (lambda: Languages("en", timezone="../UTC"), "no time zone"),
    ],
)
def test_languages_that_are_none(make: Any, said: str) -> None:
    with pytest.raises(SetupError, match=said) as raised:
        make()
    (fault,) = raised.value.faults
    assert fault.code == "bad-languages" and "test_negotiation.py:" in fault.where


def test_an_app_without_languages_pays_nothing() -> None:
    import subprocess
    import sys

    program = (
        "import sys\nfrom wholestack import App\nfrom wholestack.testing import Client\n"
        "app = App(docs=False)\napp.get('/')(lambda: 'x')\nassert Client(app).get('/').status == 200\n"
        "assert not app.middlewares and not app.provisions\n"
        "print([name for name in sys.modules if name.startswith('wholestack.languages') or name == 'babel'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_language_is_there_before_the_apps_own_middleware() -> None:
    from collections.abc import Generator

    app = App(docs=False)

    @app.middleware
    def early(request: Request) -> Generator[None, Response, Response]:
        if request.path == "/closed":
            return Text(f"{gettext('Save')} {current_language()}", status=503)
        return (yield)

    app.use(Languages("en", "de"))
    answer = Client(app).get("/closed", headers={"accept-language": "de"})
    assert answer.text == "Speichern de"
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("de", "accept-language, cookie")
    refused = Client(app).get("/nowhere", headers={"accept-language": "de"})
    assert refused.json()["title"] == "Nicht gefunden" and refused.headers["content-language"] == "de"
