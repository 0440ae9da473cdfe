"""A field by its frame is the field put together from its parts, whatever stands in it, and no frame keeps any of that."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Any, Literal

import pydantic
import pytest

from wholestack import Upload
from wholestack.forms import Color, FormView, Widget
from wholestack.forms._frame import MOST
from wholestack.forms._values import State, Told
from wholestack.languages import language


class Kind(enum.Enum):
    NEWS = "news"
    BIG_STORY = "big"


class Line(pydantic.BaseModel):
    pieces: int = 1


class Everything(pydantic.BaseModel):
    """One field of each widget."""

    word: Annotated[str, pydantic.Field(title="100 % of %(value)s", description="<b>", min_length=2, max_length=9)]
    long: Annotated[str, Widget("textarea", rows=3)] = "%s"
    number: Annotated[int, pydantic.Field(ge=1, le=9)]
    moment: datetime.datetime | None = None
    color: Color = ""
    secret: pydantic.SecretStr = pydantic.SecretStr("none")
    hidden: Annotated[str, Widget("hidden")] = "x"
    kind: Kind
    radio: Annotated[Literal["a", "b"], Widget("radio")] = "a"
    boxes: list[Literal["a", "b"]] = []
    yes: bool = True
    no: bool = False
    maybe: bool | None = None
    file: Upload | None = None
    gone: Annotated[str, Widget("none")] = ""
    line: Line = Line()
    lines: list[Line] = [Line()]


HELD: list[dict[str, Any]] = [
    {},
    {
        "word": 'a"<&>%s',
        "long": "\nx\r\n",
        "number": "7",
        "moment": datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC),
    },
    {"kind": "big", "radio": "b", "boxes": ["b"], "yes": "false", "no": "on", "maybe": "true", "secret": "told"},
    {"kind": "<other>", "radio": "none", "maybe": "x", "color": "#123456", "hidden": "<", "word": None},
]


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("how", ["plain", "live", "elsewhere"])
def test_a_field_by_its_frame_is_what_its_parts_are(held: dict[str, Any], wrong: bool, how: str) -> None:
    for tag in ("en", "de", "en"):
        form = FormView(Everything)
        form.live, form.action = how == "live", "/a?b=%s&c" if how == "elsewhere" else None
        form.prefix = "second-" if how == "elsewhere" else ""
        faults = [((name,), Told("value_error", f"no {name} <%>")) for name in Everything.model_fields] if wrong else []
        form._show(State(Everything, held, lambda: faults), {})  # noqa: B023  (called at once)
        with language(tag):
            for name in Everything.model_fields:
                assert form[name].html == (form[name]._written() if name != "gone" else "")


def test_a_frame_keeps_nothing_that_was_typed_or_told() -> None:
    form = FormView(Everything)
    form.action, form.live = "/typed", True
    faults = [((name,), Told("value_error", "typed")) for name in Everything.model_fields]
    form._show(State(Everything, dict.fromkeys(Everything.model_fields, "typed"), lambda: faults), {})
    assert str(form).count("typed") > 20
    frames = [frame for spec in form._spec.fields.values() for frame in spec.frames.items()]
    assert len(frames) > 10
    assert "typed" not in repr(frames)


def test_choices_of_a_handler_have_no_frame() -> None:
    form = FormView(Everything).choose("word", [("own", "My own")]).fill({"word": "own"})
    assert '<option value="own" selected>My own</option>' in form["word"].html
    assert "My own" not in repr(form._spec.fields["word"].frames)


def test_frames_have_a_bound() -> None:
    class Many(pydantic.BaseModel):
        words: list[str]

    found = FormView(Many).fill({"words": ["x"] * (MOST + 9)})["words"]
    assert found.html.count('value="x"') == MOST + 9

    class Word(pydantic.BaseModel):
        word: str

    form = FormView(Word)
    for number in range(MOST + 9):
        form.prefix = f"n{number}-"
        assert f'id="n{number}-f-word"' in form["word"].html
    assert len(form._spec.fields["word"].frames) == MOST
