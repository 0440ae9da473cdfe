"""A workshop's site that shows every element of the style sheet, in English and, from the right, in Arabic.

Run it with `wholestack dev examples/style/app.py`, and look at `/` and `/?language=ar`.
"""

import dataclasses
from collections.abc import Callable, Mapping

from examples.style.arabic import ARABIC

from wholestack import App, Forbidden, Request
from wholestack.middleware import SecurityHeaders
from wholestack.templates import Page, Templates

app = App(title="Bicycle workshop", docs=False)


# [language]
def language(request: Request) -> str:
    return request.query.get("language", ["en"])[0]


def translator(request: Request) -> Callable[[str], str]:
    words: Mapping[str, str] = ARABIC if language(request) == "ar" else {}
    return lambda text: words.get(text, text)


templates = Templates()
templates.helpers["language"] = language
templates.helpers["_"] = translator
app.use(templates, SecurityHeaders())
# [/language]


# [messages]
@dataclasses.dataclass
class Message:
    kind: str
    text: str


def messages(request: Request) -> list[Message]:
    say = translator(request)
    return [
        Message("info", say("We are closed on Friday.")),
        Message("success", say("Your repair is booked.")),
        Message("warning", say("There is one place left today.")),
        Message("error", say("The photo could not be stored.")),
    ]


templates.helpers["messages"] = messages
# [/messages]


@dataclasses.dataclass
class Repair:
    number: int
    bicycle: str
    state: str
    kind: str
    price: str


REPAIRS = [
    Repair(1041, "Racing bicycle", "Ready", "success", "48.00"),
    Repair(1042, "Cargo bicycle", "Waiting for parts", "warning", "125.50"),
    Repair(1043, "Child's bicycle", "In work", "info", "20.00"),
    Repair(1044, "City bicycle", "Cannot be repaired", "error", "0.00"),
]


@app.get("/")
def gallery() -> Page:
    return Page("gallery.html", repairs=REPAIRS)


@app.get("/repairs")
def repairs(page: int, most: float = 100.0) -> Page:
    return Page("gallery.html", repairs=REPAIRS[page : int(most)])


@app.get("/closed")
def closed() -> Page:
    raise Forbidden("Only the people of the workshop may look at this.")


@app.get("/broken")
def broken() -> Page:
    raise RuntimeError("the password is hunter2")
