"""An app with forms of every widget, for tests in a browser."""

from __future__ import annotations

import datetime
import enum
import threading
from typing import Annotated, Any, Literal

import pydantic

from wholestack import HTML, App, Form, Redirect, Response, Upload
from wholestack.forms import Color, FormView, Widget
from wholestack.middleware import SecurityHeaders
from wholestack.templates import Page


class Kind(enum.Enum):
    NEWS = "news"
    STORY = "story"


class Line(pydantic.BaseModel):
    product: str = pydantic.Field(min_length=1)
    pieces: int = pydantic.Field(1, ge=1, le=99)
    gift: bool


class Address(pydantic.BaseModel):
    street: str
    zip: Annotated[str, pydantic.Field(pattern="^[0-9]{4,5}$")]


class Everything(pydantic.BaseModel):
    """Each kind of field once."""

    title: str = pydantic.Field(min_length=3, max_length=40, description="What it is called.")
    text: Annotated[str, Widget("textarea", rows=3)] = ""
    address: Address
    pages: int = pydantic.Field(ge=1)
    price: Annotated[float, pydantic.Field(gt=0)] = 1.5
    day: datetime.date
    moment: pydantic.AwareDatetime
    hour: datetime.time
    mail: Annotated[str, Widget("email", autocomplete="email")]
    site: pydantic.HttpUrl
    secret: pydantic.SecretStr
    color: Color = "#ff0000"
    volume: Annotated[int, Widget("range", min=0, max=10)] = 5
    kind: Kind
    level: Annotated[Literal["low", "high"], Widget("radio")]
    maybe: bool | None = None
    tags: set[Literal["red", "green", "blue"]] = {"red"}
    author: int
    readers: list[int] = []
    agree: bool
    news: bool = True
    photo: Upload | None = None
    lines: list[Line] = []
    words: list[str] = ["one"]
    token: Annotated[str, Widget("hidden")] = "kept"


def not_nothing(text: str) -> str:
    """What no browser checks."""
    if text == "nothing":
        raise ValueError("Not that.")
    return text


class Order(pydantic.BaseModel):
    """Rows of models and of texts."""

    title: str
    secret: pydantic.SecretStr = pydantic.SecretStr("")
    lines: list[Line] = []
    words: list[str] = ["one"]


class Sending(pydantic.BaseModel):
    """Files that may be large."""

    title: Annotated[str, pydantic.AfterValidator(str.strip), pydantic.AfterValidator(not_nothing)]
    files: list[Upload]


class Story(Sending):
    """Sent to another path than its page's; some of its fields are called as parts of a form are in a browser."""

    lines: list[Line] = []
    action: str = "read"
    submit: str = "soon"
    method: str = "get"
    enctype: str = "text/plain"
    dataset: str = "none"


def app_with_forms(saved: list[Any]) -> App:
    """What is saved is added to the list."""
    app = App(docs=False)
    app.use(SecurityHeaders())
    lock = threading.Lock()

    @app.get("/all")
    def show(form: FormView[Everything], live: bool = False, script: bool = False) -> Page:
        people = [(1, "Ann"), (2, "Bo & <Co>"), (3, "Cy")]
        form.live = live
        return Page("forms.html", form=form.choose("author", people).choose("readers", people), script=script)

    @app.post("/all")
    async def save(new: Form[Everything]) -> Redirect:
        with lock:
            saved.append(new.model_dump() | {"photo": new.photo and new.photo.read()})
        return Redirect("/saved")

    @app.get("/rows")
    def show_rows(form: FormView[Order], script: bool = False) -> Page:
        return Page("forms.html", form=form, script=script)

    @app.post("/rows")
    def save_rows(new: Form[Order]) -> Redirect:
        with lock:
            saved.append(new.model_dump())
        return Redirect("/saved")

    @app.get("/send")
    def show_send(form: FormView[Sending], script: bool = True) -> Page:
        return Page("forms.html", form=form, script=script)

    @app.post("/send")
    def save_sent(new: Form[Sending]) -> Redirect:
        with lock:
            saved.append((new.title, [len(each.read()) for each in new.files]))
        return Redirect("/saved")

    @app.get("/stories/{id}/edit")
    def edit_story(id: int, form: FormView[Story]) -> Page:
        form.live = True
        return Page("forms.html", form=form, script=True)

    @app.post("/stories/{id}", again=edit_story)
    def save_story(id: int, new: Form[Story]) -> Response:
        if "plain" in new.title:
            return Response(new.title, media_type="text/plain; charset=utf-8")
        with lock:
            saved.append((id, new.title, new.action, [each.product for each in new.lines], len(new.files)))
        return Redirect("/saved")

    @app.get("/saved")
    def done() -> HTML:
        return HTML(
            "<!doctype html><html lang=en><title>Saved</title><link rel=icon href='data:,'><h1>Saved</h1></html>"
        )

    return app


PAYLOADS = (
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "' autofocus onfocus='alert(1)' x='",
    "</textarea><script>alert(1)</script>",
    "</select><img src=x onerror=alert(1)>",
    "</option><svg onload=alert(1)>",
    "</label></fieldset></form><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "<a href=javascript:alert(1) autofocus>x</a>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "{{ 7 * 7 }}{% raw %}<img src=x onerror=alert(1)>",
    "${alert(1)}`+alert(1)+`",
    "&lt;script&gt;alert(1)&lt;/script&gt;&#60;img src=x onerror=alert(1)&#62;",
    "\u2028<img\u00a0src=x onerror=alert(1)><img/src=x\tonerror=alert(1)>",
    "<details open ontoggle=alert(1)><math><mi xlink:href=javascript:alert(1)>",
    "<!--><script>alert(1)</script--><style>@import 'javascript:alert(1)'</style>",
)


def hostile_app() -> App:
    """A form for each payload, which stands in each place that text comes from; without a policy that would hide it."""
    app = App(docs=False, headers={"content-security-policy": "script-src 'unsafe-inline'; report-uri /report"})
    for number, payload in enumerate(PAYLOADS):
        _hostile(app, number, payload)
    return app


def _hostile(app: App, number: int, payload: str) -> None:
    def refused(value: Any) -> Any:
        raise ValueError(payload)

    def said(kind: Any, *widget: Any) -> Any:
        extras = pydantic.Field(title=payload, description=payload), pydantic.AfterValidator(refused)
        return Annotated[(kind, *widget, *extras)]

    several = [(payload, payload), ("b", payload)]
    inner: Any = pydantic.create_model("Inner", name=(said(str), ...))
    kinds = (
        "text",
        "textarea",
        "email",
        "url",
        "search",
        "tel",
        "password",
        "hidden",
        "color",
        "range",
        "date",
        "time",
    )
    fields: dict[str, Any] = {f"f_{kind.replace('-', '_')}": (said(str, Widget(kind)), ...) for kind in kinds}
    fields |= {
        "number": (said(int), 1),
        "box": (said(bool), ...),
        "maybe": (said(bool | None), None),
        "chosen": (said(str, Widget("select", choices=several, placeholder=payload, data_x=payload)), ...),
        "radio": (said(str, Widget("radio", choices=several)), ...),
        "boxes": (said(list[str], Widget("checkboxes", choices=several)), []),
        "queried": (said(str), ...),
        "file": (said(Upload | None), None),
        "group": (Annotated[inner, pydantic.Field(title=payload, description=payload)], ...),
        "rows": (Annotated[list[inner], pydantic.Field(title=payload, description=payload)], ...),
        "words": (said(list[str]), ...),
    }
    model: Any = pydantic.create_model("Hostile", **fields)

    def show(form: FormView[model]) -> Page:
        held = dict.fromkeys(fields, payload)
        rows = {"group": {"name": payload}, "rows": [{"name": payload}], "words": [payload], "boxes": [payload]}
        form.submit = payload
        form.action = f"/{number}?{payload}"
        return Page("forms.html", form=form.fill(held | rows).choose("queried", several), script=False)

    def save(new: Form[model]) -> str:
        return "saved"

    app.get(f"/{number}")(show)
    app.post(f"/{number}")(save)
