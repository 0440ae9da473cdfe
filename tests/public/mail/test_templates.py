"""Messages from templates: a subject from the text's own block, escaped HTML, plain text, links that lead to the app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wholestack import App
from wholestack.errors import Fault
from wholestack.mail import Mailer, Mailing, Memory, Message, MessageRefused, NoBaseURL
from wholestack.static import Static
from wholestack.templates import TemplateFault, Templates
from wholestack.testing import Client

Write = Callable[..., str]
WELCOME = {
    "mail/base.txt": "{% block body %}{% endblock %}\n\n-- \nThe shop\n",
    "mail/welcome.txt": '{% extends "mail/base.txt" %}{% block subject %}\n  Hello,\n  {{ name }}\n{% endblock %}\n'
    "{% block body %}Dear {{ name }},\n{{ url_for('confirm', key='a b') }}{% endblock %}",
    "mail/welcome.html": "<title>{{ subject }}</title><a href=\"{{ url_for('confirm', key=name) }}\">{{ name }}</a>",
    "mail/plain.txt": "{% block subject %}Plain{% endblock %}\n\nPlain talk about {{ name }}\n",
    "mail/silent.txt": "No subject",
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(files: dict[str, str]) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path)

    return written


def shop(folder: str, *plugins: Any, base_url: str | None = "https://shop.example/en/") -> tuple[App, Mailing]:
    app = App(docs=False)
    mailing = Mailing("shop@example.com", Memory(), base_url=base_url)
    app.use(Templates(folder), *plugins, mailing)

    @app.get("/confirm/{key}")
    def confirm(key: str) -> str:
        return key

    @app.post("/")
    def order(name: str, mailer: Mailer) -> None:
        mailer.send(mailer.compose("mail/welcome", to="zoe@example.org", name=name))

    app.seal()
    return app, mailing


def faults(app: App) -> list[Fault]:
    return [fault for check in app.checks for fault in check()]


def test_text_and_html(write: Write) -> None:
    _, mailing = shop(write(WELCOME))
    message = mailing.compose("mail/welcome", to="zoe@example.org", name="<Zoë & co>")
    assert message.subject == "Hello, <Zoë & co>"
    assert message.text == "Dear <Zoë & co>,\nhttps://shop.example/en/confirm/a%20b\n-- \nThe shop\n"
    link = "https://shop.example/en/confirm/%3CZo%C3%AB%20&amp;%20co%3E"
    assert message.html == f'<title>Hello, &lt;Zoë &amp; co&gt;</title><a href="{link}">&lt;Zoë &amp; co&gt;</a>'
    assert mailing.compose("mail/plain", to="zoe@example.org", name="tea") == Message(
        "zoe@example.org", "Plain", "Plain talk about tea\n"
    )


def test_d5_a_line_break_in_what_a_subject_shows(write: Write) -> None:
    _, mailing = shop(write(WELCOME))
    message = mailing.compose("mail/welcome", to="zoe@example.org", name="x\r\nBcc: kim@example.org\r\n\r\nHa")
    assert message.subject == "Hello, x Bcc: kim@example.org Ha"
    with pytest.raises(MessageRefused):
        mailing.compose("mail/welcome", to="zoe@example.org", name="x\0")


def test_a5_links_never_lead_to_the_host_of_a_request(write: Write) -> None:
    app, mailing = shop(write(WELCOME))
    client = Client(app, base_url="http://evil.example")
    client.post("/?name=Zoe", headers={"x-forwarded-host": "evil.example"}).expect(204)
    assert isinstance(mailing.backend, Memory)
    (letter,) = mailing.backend.letters
    assert "https://shop.example/en/confirm/" in letter.message.text
    assert b"evil" not in letter.to_bytes()


def test_static_files(write: Write) -> None:
    files = {"logo.png": "", "mail/a.txt": "{% block subject %}A{% endblock %}{{ static('logo.png') }}\n{{ base_url }}"}
    folder = write(files)
    _, mailing = shop(folder, Static(folder))
    first, second = mailing.compose("mail/a", to="zoe@example.org").text.splitlines()
    assert first.startswith("https://shop.example/en/static/logo.")
    assert second == "https://shop.example/en"
    _, mailing = shop(folder, Static(folder, prefix="https://cdn.example"), base_url=None)
    with pytest.raises(Exception, match="base_url"):
        mailing.compose("mail/a", to="zoe@example.org")
    write({"mail/a.txt": "{% block subject %}A{% endblock %}{{ static('logo.png') }}"})
    _, mailing = shop(folder, Static(folder, prefix="https://cdn.example"), base_url=None)
    assert mailing.compose("mail/a", to="zoe@example.org").text.startswith("https://cdn.example/static/logo.")


def test_what_is_not_there(write: Write) -> None:
    _, mailing = shop(write(WELCOME), base_url=None)
    with pytest.raises(TemplateFault, match=r"mail/wellcome.txt. Is mail/welcome.txt meant\?"):
        mailing.compose("mail/wellcome", to="zoe@example.org")
    with pytest.raises(MessageRefused, match=r"mail/silent.txt has no subject. Begin it with \{% block subject %\}"):
        mailing.compose("mail/silent", to="zoe@example.org")
    with pytest.raises(NoBaseURL, match="base_url="):
        mailing.compose("mail/welcome", to="zoe@example.org", name="Zoe")
    with pytest.raises(Exception, match="'name' is undefined"):
        mailing.compose("mail/plain", to="zoe@example.org")


def test_an_app_without_pages_has_them_beside_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("app", "part"):
        (tmp_path / folder / "templates" / "mail").mkdir(parents=True)
        text = f"{{% block subject %}}{folder}{{% endblock %}}<{{{{ name }}}}>"
        (tmp_path / folder / "templates" / "mail" / f"{folder}.txt").write_text(text)
    (tmp_path / "part" / "shop_part.py").write_text("def index() -> str:\n    return ''\n")
    code = (
        "from shop_part import index\nfrom wholestack import App\nfrom wholestack.mail import Mailing\n"
        "app = App(docs=False)\nmailing = Mailing('a@example.com')\napp.use(mailing)\napp.get('/')(index)\napp.seal()\n"
    )
    (tmp_path / "app" / "shop_main.py").write_text(code)
    for folder in ("app", "part"):
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    import shop_main

    for name in ("app", "part"):
        message = shop_main.mailing.compose(f"mail/{name}", to="zoe@example.org", name="&")
        assert (message.subject, message.text) == (name, "<&>\n")
    broken = tmp_path / "part" / "templates" / "mail" / "broken.txt"
    broken.write_text("{% block subject %}\n{% endfor %}")
    assert [(each.code, each.where) for each in faults(shop_main.app)] == [("template-broken", f"{broken}:2")]


def test_links_without_a_base_url_are_told_by_check(write: Write) -> None:
    files = {
        "page.html": "{{ url_for('confirm', key='x') }}",
        "notes.txt": "{{ url_for('confirm', key='x') }}",  # No mail: it has no subject.
        "mail/foot.html": "\n<a href=\"{{ url_for('confirm', key='x') }}\">",
        "mail/a.txt": "{% block subject %}A{% endblock %}Text",
        "mail/a.html": '{% include "mail/foot.html" %}{% include "mail/foot.html" %}',
        "mail/b.txt": "{% block subject %}B{% endblock %}\n\n{{ base_url }}",
        "mail/c.txt": "{% block subject %}C{% endblock %}{% include ['mail/foot.html'] %}{% include 'mail/x' ignore missing %}",
    }
    folder = write(files)
    app, _ = shop(folder, base_url=None)
    found = [(each.code, each.where) for each in faults(app)]
    assert sorted(found) == [("no-base-url", f"{folder}/mail/b.txt:3"), ("no-base-url", f"{folder}/mail/foot.html:2")]
    assert faults(shop(folder)[0]) == []


def test_a_broken_template_is_told_once(write: Write) -> None:
    folder = write({"mail/a.txt": "{% block subject %}A{% endblock %}{% endfor %}", "mail/a.html": "{% endfor %}"})
    found = [(each.code, each.where) for each in faults(shop(folder, base_url=None)[0])]
    assert sorted(found) == [
        ("template-broken", f"{folder}/mail/a.html:1"),
        ("template-broken", f"{folder}/mail/a.txt:1"),
    ]


def test_a_changed_template_is_read_anew_in_development(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "development")
    folder = write({"mail/a.txt": "{% block subject %}A{% endblock %}Before"})
    _, mailing = shop(folder)
    assert mailing.compose("mail/a", to="zoe@example.org").text == "Before\n"
    write({"mail/a.txt": "{% block subject %}A{% endblock %}Afterwards"})
    assert mailing.compose("mail/a", to="zoe@example.org").text == "Afterwards\n"
