"""Row C28: what is logged stays on one line, moves no cursor, has no secret in it, and is at most 8 KiB."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import pytest

from servers.serving import serve
from wholestack.observe import ConsoleFormatter, JSONFormatter, is_secret, redacted_text

FORMATTERS = [JSONFormatter(), ConsoleFormatter()]


def line_of(formatter: logging.Formatter, message: str, *args: Any, **extra: Any) -> str:
    return formatter.format(logging.makeLogRecord({"msg": message, "args": args, **extra}))


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "user_password",
        "userPassword",
        "PASSWD",
        "db_pwd",
        "client-secret",
        "csrfmiddlewaretoken",
        "apiKey",
        "x-api-key",
        "Authorization",
        "AUTHORISATION",
        "cookie",
        "set-cookie",
        "sessionid",
        "card_number",
        "cardNumber",
        "cvv",
        "private_key",
        "key",
        "credentials",
        "otp",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["user", "keyboard", "monkey", "passenger", "discard", "author", "path", "pinned", "id"]
)
def test_other_names(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "?a=1&token=hunter2&b=2",
        "Bearer hunter2hunter2",
        "Authorization: Basic hunter2 x",
        "Cookie: a=b; sid=hunter2",
        "postgres://shop:hunter2@db/shop",
        '{"api_key": "hunter2"}',
        "{'secret': 'hunter2'}",
        "User(name='a', password='it\\'s hunter2')",
        "[(b'authorization', b'hunter2')]",
        "password: hunter2",
        "aws_secret_access_key = hunter2",
        "session_id='hunter2",
        "key=hunter2",
        "card=hunter2",
    ],
)
def test_C28_secrets_in_texts(text: str) -> None:
    assert "hunter2" not in redacted_text(text)
    assert "***" in redacted_text(text)


@pytest.mark.parametrize(
    "number", ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"]
)
def test_C28_card_numbers(number: str) -> None:
    assert redacted_text(f"paid with {number}.") == "paid with ***."
    assert number not in line_of(JSONFormatter(), "paid", extra_number=number)


@pytest.mark.parametrize("text", ["4111111111111112", "1732624139000", "order 1234567890123456", "3.141592653589793"])
def test_other_numbers_are_left(text: str) -> None:
    assert redacted_text(text) == text


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_C28_secrets_deep_in_what_is_logged(formatter: logging.Formatter) -> None:
    headers = [(b"authorization", b"hunter2"), (b"accept", b"text/html")]
    line = line_of(
        formatter, "sent", body={"user": "ann", "login": [{"password": "hunter2"}]}, scope={"headers": headers}
    )
    assert "hunter2" not in line
    assert "ann" in line and "text/html" in line


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_C28_a_line_is_at_most_8_KiB(formatter: logging.Formatter) -> None:
    for text in ("x" * 100_000, "\x1b" * 100_000, "é" * 100_000):
        for line in (
            line_of(formatter, text),
            line_of(formatter, "m", path=text, other=text),
            line_of(formatter, "m", **{f"field{number}": text for number in range(100)}),
            line_of(formatter, "m", deep={"a": [{"b": [text] * 100}] * 100}),
        ):
            assert len(line.encode()) <= 8192
            assert line.isprintable()
            if isinstance(formatter, JSONFormatter):
                json.loads(line)


def test_C28_a_long_error_keeps_its_beginning_and_its_end() -> None:
    try:
        raise ValueError("x" * 50_000 + " at the end")
    except ValueError as error:
        line = line_of(JSONFormatter(), "m", exc_info=(type(error), error, error.__traceback__))
    assert len(line) <= 8192
    text = json.loads(line)["error"]
    assert text.startswith("Traceback")
    assert text.endswith("at the end")
    assert "left out" in text


class Broken:
    def __str__(self) -> str:
        raise ValueError("hunter2")

    __repr__ = __str__


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_what_cannot_be_shown_does_not_lose_the_line(formatter: logging.Formatter) -> None:
    assert "Broken" in line_of(formatter, "m", value=Broken())
    line = line_of(formatter, "%d notes for %s", "hunter2")
    assert "%d notes for %s" in line
    assert "hunter2" not in line
    assert "nan" in line_of(formatter, "m", value=float("nan"))


@pytest.mark.parametrize(
    "text", ["a" * 8192, "token" * 1600, "token" + "-" * 8000, "password='" + "\\" * 8000, "://" * 2700, "4 " * 4096]
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begun = time.process_time()
    redacted_text(text + "=")
    assert time.process_time() - begun < 0.5


APP = """
import logging
from wholestack import App, Request

app = App(docs=False)


@app.get("/")
def home() -> str:
    return "up"


@app.post("/login/{name}")
def login(name: str, request: Request) -> str:
    logging.getLogger("shop").info("login %s %s", name, request.query_string, extra={"headers": request.headers.pairs})
    password = "hunter2hunter2"
    raise ValueError(f"no such user: {name!r}\\n{name}\\x1b[2J\\nFORGED, password={password}")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_C28_the_log_of_a_real_server(tmp_path: Path, form: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serve("--log", form, "--access-log", app=str(tmp_path / "app.py"), cwd=tmp_path) as server:
        server.ready()
        hostile = "%0d%0aFORGED%1b%5b31m%e2%80%a8" + "x" * 7000
        fields = [("authorization", "Bearer hunter2hunter2"), ("cookie", "sid=hunter2hunter2")]
        answer = server.ask(
            f"/login/{hostile}?token=hunter2hunter2&card=4111111111111111", method="POST", headers=fields
        )
        assert answer.status == 500
        server.said("ValueError")
        assert server.ask("/" + "y" * 100_000).status in {400, 404, 414, 431}
        server.ask("/last")
        server.said("/last")
        server.stop()
        lines = [line for line in server.lines if line]
    assert not any("hunter2" in line or "4111111111111111" in line for line in lines)
    assert not any(line.startswith("FORGED") for line in lines)
    assert all(line.isprintable() and len(line.encode()) <= 8192 for line in lines)
    assert any("x" * 500 in line for line in lines)
    if form == "json":
        records = [json.loads(line) for line in lines]
        assert {"unhandled error", "GET /last 404"} <= {each["message"] for each in records}
        assert all(re.fullmatch("[0-9a-f]{16}", each["request_id"]) for each in records if "path" in each)
