"""What a page shows: read from its HTML, so that peers may write it in their own way and must say the same."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from apps.pages.data import BAD, EXTRA, FORTUNES, LABELS, MEMBER, PERSON, TOPICS, VISITS

from harness.pages.browser import Reply
from harness.workloads import WrongAnswer, equal

KINDS = {"name": "text", "email": "email", "age": "number", "topic": "select", "message": "textarea"}
VOID = frozenset({"input", "meta", "link", "br", "hr", "img"})
SILENT = frozenset({"title", "option", "textarea", "style", "script"})
"""Elements whose text is not counted as text of the page."""


@dataclass
class Field:
    """One control of a form."""

    kind: str
    value: str = ""
    options: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """Reads a page: its texts, the rows of its table, the controls and labels of its form, its style sheet."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.fields: dict[str, Field] = {}
        self.labels: list[str] = []
        self.stylesheet = ""
        self._open: list[str] = []
        self._control = ""
        self._option = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if tag == "link" and known.get("rel") == "stylesheet":
            self.stylesheet = known["href"]
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "input":
            self.fields[known["name"]] = Field(known.get("type", "text"), known.get("value", ""))
        elif tag in ("select", "textarea"):
            self._control = known["name"]
            self.fields[self._control] = Field(tag)
        elif tag == "option":
            self._option = known["value"]
            self.fields[self._control].options[self._option] = ""
            if "selected" in known:
                self.fields[self._control].value = self._option

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        last = self._open[-1] if self._open else ""
        if last == "textarea":
            self.fields[self._control].value += data
        elif last == "option":
            self.fields[self._control].options[self._option] += data.strip()
        elif last in ("td", "th"):
            self.rows[-1][-1] += data.strip()
        elif data.strip() and not SILENT.intersection(self._open):
            self.texts.append(" ".join(data.split()))
            if "label" in self._open:
                self.labels.append(self.texts[-1].rstrip(":").strip())

    @property
    def hidden(self) -> dict[str, str]:
        """What the form sends by itself."""
        return {name: each.value for name, each in self.fields.items() if each.kind == "hidden"}


def page_of(reply: Reply, *statuses: int) -> Page:
    """The page of an answer, which has one of these statuses."""
    text = reply.body.decode("utf-8", "replace")
    if reply.status not in statuses:
        raise WrongAnswer(f"status is {reply.status}, not {statuses[0]}: {text[:200]}")
    equal("content type", reply.media_type, "text/html")
    equal("content coding", reply.get("content-encoding"), "")
    return Page(text)


def check_fortunes(reply: Reply) -> None:
    """All fortunes and one more, sorted by their text, escaped."""
    page = page_of(reply, 200)
    wanted = sorted([*FORTUNES, (0, EXTRA)], key=lambda row: row[1])
    equal("number of rows", len(page.rows), len(wanted) + 1)
    equal("rows", page.rows[1:], [[str(number), message] for number, message in wanted])
    if b"<script>alert" in reply.body:
        raise WrongAnswer("a fortune is not escaped")
    if not page.stylesheet.endswith(".css"):
        raise WrongAnswer(f"no style sheet: {page.stylesheet!r}")


def check_member(reply: Reply) -> None:
    """Who is logged in, escaped, and that they may publish."""
    page = page_of(reply, 200)
    email, name = PERSON
    equal("texts", page.texts, [f"Hello {name}", email, "You may publish."])
    if not page.stylesheet.endswith(".css"):
        raise WrongAnswer(f"no style sheet: {page.stylesheet!r}")


def check_form(reply: Reply, values: dict[str, str], *statuses: int) -> Page:
    """The greeting, the counter, a token, and the five controls with their labels, kinds and values."""
    page = page_of(reply, *statuses)
    for wanted in (f"Hello {MEMBER[1]}", f"Visits: {VISITS}"):
        if wanted not in page.texts:
            raise WrongAnswer(f"the page does not say {wanted!r}: {page.texts[:4]}")
    if not any(len(value) > 15 for value in page.hidden.values()):
        raise WrongAnswer(f"the form has no token: {page.hidden}")
    for name, kind in KINDS.items():
        if name not in page.fields:
            raise WrongAnswer(f"there is no field {name}")
        equal(f"kind of {name}", page.fields[name].kind, kind)
        if LABELS[name] not in page.labels:
            raise WrongAnswer(f"{name} has no label {LABELS[name]!r}: {page.labels}")
        if values:
            found = page.fields[name].value.replace("\r\n", "\n").strip()
            equal(f"value of {name}", found, values[name].replace("\r\n", "\n"))
    options = {value: label for value, label in page.fields["topic"].options.items() if value}
    equal("options", options, TOPICS)
    return page


def check_again(reply: Reply, first: Page) -> None:
    """The form shown again: with what was typed, and something said at three fields that nobody said at first."""
    again = check_form(reply, BAD, 422, 200, 400)
    more = [text for text in again.texts if text not in first.texts]
    if len(more) < 3 and again.texts.count(more[0] if more else "") < 3:
        raise WrongAnswer(f"three faults, and the page says only {more}")
