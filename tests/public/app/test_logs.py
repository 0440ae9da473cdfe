"""Logs: on one line, with the request's id, without what must not be read."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from wholestack import App
from wholestack.observe import configure_logging


@pytest.fixture
def log(monkeypatch: Any) -> Iterator[Any]:
    """`log(json_lines=True)` gives a function that gives the lines so far."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers, root.level)

    def configured(*, json_lines: bool) -> Any:
        monkeypatch.setattr("sys.stderr", stream)
        configure_logging(json_lines=json_lines)
        return lambda: stream.getvalue().splitlines()

    yield configured
    root.handlers, root.level = before


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_line_stays_one_line(log: Any, json_lines: bool) -> None:
    lines = log(json_lines=json_lines)
    logging.getLogger("shop").warning("a\nb\r\x1b[31mred\x00\u2028c\x9b", extra={"path": "/x\ny"})
    (line,) = lines()
    assert line.isprintable()
    assert "\\x0ab" in line.replace("\\\\", "\\")


@pytest.mark.parametrize("json_lines", [True, False])
def test_what_a_name_marks_as_secret_is_masked(log: Any, json_lines: bool) -> None:
    lines = log(json_lines=json_lines)
    names = [
        "password",
        "passwd",
        "api_key",
        "apiKey",
        "x_token",
        "Authorization",
        "cookie",
        "session_id",
        "client_secret",
    ]
    logging.getLogger("shop").info("login", extra={**dict.fromkeys(names, "s3cret"), "user": "ann"})
    (line,) = lines()
    assert "s3cret" not in line
    assert "ann" in line
    assert all(name in line for name in names)


def test_json_lines(log: Any) -> None:
    lines = log(json_lines=True)
    logging.getLogger("shop").warning("sold %d", 3, extra={"item": {"a": object}, "n": 4})
    line = json.loads(lines()[0])
    assert (line["level"], line["logger"], line["message"], line["n"]) == ("warning", "shop", "sold 3", 4)
    assert line["time"].endswith("+00:00")
    logging.getLogger("shop").debug("not at this level")
    assert len(lines()) == 1


def test_a_very_long_message_is_cut(log: Any) -> None:
    lines = log(json_lines=False)
    logging.getLogger("shop").info("x" * 1_000_000)
    assert len(lines()[0]) < 10_000


@pytest.mark.parametrize("json_lines", [True, False])
def test_lines_of_a_request_have_its_id(log: Any, serve: Any, colour: Any, json_lines: bool) -> None:
    lines = log(json_lines=json_lines)
    app = App(docs=False)

    @app.get("/{broken}")
    @colour
    def show(broken: bool) -> str:
        logging.getLogger("shop").info("in the handler")
        if broken:
            raise ValueError("first\nFORGED 12:00:00 INFO all is well\x1b[2J")
        return "x"

    client = serve(app)
    request_id = client.get("/false").headers["x-request-id"]
    assert request_id in lines()[0]
    request_id = client.get("/true").headers["x-request-id"]
    text = "\n".join(lines()[1:])
    assert text.count(request_id) >= 2
    assert "ValueError" in text
    assert "Traceback" in text
    assert "\x1b" not in text
    assert not any(line.startswith("FORGED") for line in lines())
    if json_lines:
        assert all(json.loads(line) for line in lines())
