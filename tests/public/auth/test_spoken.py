"""Login in the language of whoever asks: pages, forms, errors, dates, and the mails, those too that are sent later."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auth.site import BROWSER, EMAIL, LINK, PASSWORD, Site, each_once, errors
from wholestack import App
from wholestack.auth import Throttle
from wholestack.languages import Languages

GERMAN = {**BROWSER, "accept-language": "de"}
MOMENT = datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)
ARABIC = {**BROWSER, "accept-language": "ar"}


def languages(**options: Any) -> Languages:
    return Languages("en", "de", "ar", timezone="Europe/Berlin", **options)


@pytest.fixture(scope="module")
def sites() -> Iterator[Callable[[str], Site]]:
    with each_once(lambda interface: Site(interface, clock=lambda: MOMENT).running(languages())) as sites:
        yield sites


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_a_mail_that_is_sent_later_is_in_the_language_of_its_request(
    sites: Callable[[str], Site], interface: str
) -> None:
    site = sites(interface).anew()
    site.make()
    for headers in (GERMAN, ARABIC, BROWSER):
        site.client.post("/account/forgotten", data={"email": EMAIL}, headers=headers)
    german, arabic, english = site.mails
    assert german.subject == "Neues Passwort setzen" and "innerhalb von 1 Stunde" in " ".join(german.text.split())
    assert arabic.subject == "تعيين كلمة مرور جديدة" and "خلال ساعة واحدة" in " ".join(arabic.text.split())
    assert english.subject == "Set a new password" and "within 1 hour " in " ".join(english.text.split())
    for mail in site.mails:
        assert LINK.search(mail.text) and "The site" in mail.text and "%(" not in mail.text
        assert all(len(line) <= 76 or line.startswith("http") for line in mail.text.splitlines())


def test_the_number_in_a_mail_is_the_one_that_was_meant() -> None:
    site = Site()
    with site.running(), site.app.session() as db:
        accounts = site.auth.accounts(site.app, db)
        accounts.mail_link("reset", site.make(), hours=48)
    assert "within 48 hours" in " ".join(site.mails[0].text.split())


def test_pages_forms_and_what_they_answer() -> None:
    site = Site(throttle=Throttle(store="memory", pair={"free": 1}))
    with site.running(languages()):
        site.make()
        page = site.client.get("/account/login", headers=GERMAN)
        assert '<html lang="de"' in page.text and "<h1>Anmelden</h1>" in page.text
        assert "Auf diesem Gerät angemeldet bleiben" in page.text and "Passwort vergessen?" in page.text
        wrong = {"email": EMAIL, "password": "not this one"}
        answer = site.client.post("/account/login", data=wrong, headers=GERMAN)
        assert "Die E-Mail-Adresse oder das Passwort ist falsch." in errors(answer)
        program = {"accept-language": "de"}
        refused = site.client.post("/account/login", json=wrong, headers=program)
        assert refused.status == 429 and refused.json()["detail"].startswith("Zu viele Versuche. Bitte versuchen")
        common = {"email": "kim@example.org", "password": "password123"}
        answer = site.client.post("/account/sign-up", data=common, headers=GERMAN)
        assert any("die zuerst ausprobiert werden" in each for each in errors(answer))
        assert site.client.get("/account", headers=program).json()["detail"] == "Das erfordert eine Anmeldung."


def test_dates_are_in_the_language_and_the_time_zone_of_the_page(sites: Callable[[str], Site]) -> None:
    site = sites("asgi").anew()
    site.make(last_login_at=MOMENT)
    site.client.post("/account/login", data={"email": EMAIL, "password": PASSWORD}, headers=GERMAN)
    page = site.client.get("/account", headers=GERMAN).text
    site.client.cookies.update({"timezone": "Asia/Tokyo"})
    tokyo = site.client.get("/account", headers=GERMAN).text
    english = site.client.get("/account", headers=BROWSER).text
    assert "<h2>Geräte</h2>" in page and "<li>Anmeldung<br>" in page
    for text, shown in (
        (page, "01.07.2026, 14:00:00"),
        (tokyo, "01.07.2026, 21:00:00"),
        (english, "Jul 1, 2026, 9:00:00"),
    ):
        assert f'<time datetime="2026-07-01T12:00:00+00:00">{shown}' in text
    assert site.mails[0].subject == "Ein neues Gerät hat sich angemeldet"
    assert "1. Juli 2026" in site.mails[0].text and "14:00:00 MESZ" in site.mails[0].text


def test_an_app_s_own_words_go_before_ours(tmp_path: Path) -> None:
    """Also when the mail is sent later, and another app of the process was sealed meanwhile."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (folder / "messages.po").write_text(f'{head}msgid "Set a new password"\nmsgstr "Neues Kennwort"\n', "utf-8")
    site = Site()
    with site.running(languages(folder=str(tmp_path))):
        site.make()
        other = App(docs=False)
        other.use(Languages("en", "de"))
        other.seal()
        site.client.post("/account/forgotten", data={"email": EMAIL}, headers=GERMAN)
        assert site.mails[0].subject == "Neues Kennwort"
