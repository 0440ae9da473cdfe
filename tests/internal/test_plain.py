"""Plain values as JSON, as the core writes them by itself."""

from __future__ import annotations

import datetime
import enum
import subprocess
import sys
from typing import Any

import pydantic
import pytest

from wholestack import App
from wholestack._app import App as CoreApp
from wholestack.errors import AnswerMismatch, SetupError
from wholestack.handlers._plain import encode_plain


class Colour(enum.Enum):
    RED = "red"


class Author(pydantic.BaseModel):
    name: str = "sesame"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ({"a": [1, 1.5, True, "é"]}, '{"a":[1,1.5,true,"é"]}'),
        ([datetime.date(2026, 5, 6), Colour.RED], '["2026-05-06","red"]'),
        ((each for each in (1, 2)), "[1,2]"),
        (float("nan"), "null"),
        ({"a": ["\ud800", b"b", float("inf"), datetime.date(2026, 5, 6)]}, '{"a":["\ufffd","b",null,"2026-05-06"]}'),
    ],
)
def test_plain_values(value: Any, expected: str) -> None:
    assert encode_plain(value).decode() == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Author(), "found the class Author: declare it [answer_plain]"),
        ([{"a": Author()}], "found the class Author: declare it [answer_plain]"),
        (b"\xff sesame", "expected bytes that are UTF-8 text; declare Base64Bytes for others"),
        ({"\ud800": "sesame"}, "expected keys that are Unicode text"),
        (print, "found the class builtin_function_or_method: declare it"),
    ],
)
def test_what_is_not_plain_is_refused(value: Any, message: str) -> None:
    with pytest.raises(AnswerMismatch) as caught:
        encode_plain(value)
    assert message in str(caught.value)
    assert "at the top: " in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert caught.value.__context__ is None, "a traceback would show the values"


def test_a_value_deeper_than_any_json_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(AnswerMismatch, match="at most 200 levels deep"):
        encode_plain(deep)


def test_the_core_by_itself_answers_with_no_declared_type() -> None:
    app = CoreApp(docs=False)
    app.get("/")(lambda: None)
    app.get("/author", returns=Author)(lambda: None)
    with pytest.raises(SetupError, match="front door"):
        app.seal()


def test_an_app_loads_the_encoder_when_it_is_sealed() -> None:
    program = (
        "import sys; from wholestack import App; app = App(docs=False)\n"
        "@app.get('/')\n"
        "def one() -> list[int]: return [1]\n"
        "assert 'wholestack.encoding' not in sys.modules; app.seal(); assert 'wholestack.encoding' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    assert App.encoder is not CoreApp.encoder
