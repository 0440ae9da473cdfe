"""What the gate remembers of the environs it has seen: their names only, and not without an end."""

from __future__ import annotations

from typing import Any

import pytest

from wholestack import Limits
from wholestack.http import Gate, Refused


def environ(**more: Any) -> dict[str, Any]:
    return {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": object(), "HTTP_HOST": "example.org", **more}


def refusal(gate: Gate, given: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        gate.wsgi("/", "", given)
    return refused.value.code


def test_names_that_are_known_vouch_for_no_value() -> None:
    gate = Gate(Limits(header="1 KiB"))
    for _ in range(2):
        gate.wsgi("/", "", environ(HTTP_X_A="a", CONTENT_TYPE="text/plain", CONTENT_LENGTH="1"))
    known = len(gate._environs)
    assert refusal(gate, environ(HTTP_X_A="a" * 1024, CONTENT_TYPE="", CONTENT_LENGTH="")) == "headers-too-large"
    assert refusal(gate, environ(HTTP_X_A="a", CONTENT_TYPE="a" * 1024, CONTENT_LENGTH="")) == "headers-too-large"
    assert refusal(gate, environ(HTTP_X_A="a", CONTENT_TYPE="", CONTENT_LENGTH="-1")) == "bad-content-length"
    assert len(gate._environs) == known
    many = {f"HTTP_X_{number}": "1" for number in range(100)}
    for _ in range(2):
        assert refusal(gate, environ(**many)) == "too-many-headers"


def test_what_the_process_brings_is_no_header_field() -> None:
    gate = Gate(Limits(header="1 KiB", headers=4))
    gate.wsgi("/", "", environ(**{f"SERVICE_{number}": "x" * 500 for number in range(200)}))


def test_the_names_of_many_environs_are_not_kept_for_ever() -> None:
    gate = Gate(Limits())
    for number in range(1_000):
        gate.wsgi("/", "", environ(**{f"HTTP_X_{number}": "1"}))
    assert 0 < len(gate._environs) <= 128
    kept = len(gate._environs)
    gate.wsgi("/", "", environ(**{"HTTP_" + "X" * 16_000: "1", "LONG_" + "X" * 16_000: "1"}))
    assert len(gate._environs) == kept
