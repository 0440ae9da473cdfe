"""A signed cookie of another release: ours, and yet not as this one writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wholestack.sessions import CookieSessions
from wholestack.sessions._keys import Keys, encoded

TIMES = [1.0, 2.0, 3.0]
KEYS = Keys("k" * 32)


@pytest.mark.parametrize(
    "found",
    [
        {},
        [],
        7,
        {"times": [1, 2]},
        {"times": ["a"] * 3, "user": None, "data": {}},
        {"times": [1e300] * 3, "user": None, "data": {}},
        {"times": TIMES, "user": None, "data": []},
        {"times": TIMES, "user": None, "data": {"Cart": 7}},
        {"times": TIMES, "data": {}},
    ],
)
def test_a_payload_in_another_form_is_none(found: Any) -> None:
    payload = encoded(json.dumps(found).encode())
    signature = encoded(KEYS.signed("session", "session", "i" * 43, payload))
    assert CookieSessions().read(KEYS, "session", f"{'i' * 43}.{payload}.{signature}") is None


def test_what_is_no_json_is_none() -> None:
    payload = "AAAA"
    signature = encoded(KEYS.signed("session", "session", "i" * 43, payload))
    assert CookieSessions().read(KEYS, "session", f"{'i' * 43}.{payload}.{signature}") is None


def test_texts_do_not_run_into_each_other() -> None:
    assert KEYS.signed("a", "b", "cd") != KEYS.signed("a", "bc", "d")
    assert KEYS.signed("a", "b") != KEYS.signed("ab", "")
    assert repr(KEYS) == "<Keys 1>"
