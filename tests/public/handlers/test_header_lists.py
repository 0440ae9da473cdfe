"""A list in a header field: in several lines or in one, which any proxy may make of the others (RFC 9110 §5.3)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from wholestack import App, Header


class Wanted(BaseModel):
    x_tags: list[str] = []
    x_note: str = ""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(["1, 2"], [1, 2]), (["1", "2"], [1, 2]), (["1,2", " 3 ,, 4"], [1, 2, 3, 4]), ([""], []), ([], [7])],
)
def test_a_list_is_the_same_in_one_line_and_in_several(serve: Any, lines: list[str], expected: list[int]) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(x_numbers: Header[list[int]] = [7]) -> list[int]:  # noqa: B006
        return x_numbers

    assert serve(app).get("/", headers=[("x-numbers", line) for line in lines]).json() == expected


def test_in_a_model_too_and_only_where_it_takes_a_list(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(wanted: Header[Wanted]) -> Wanted:
        return wanted

    answer = serve(app).get("/", headers={"x-tags": "a, b", "x-note": "a, b"})
    assert answer.json() == {"x_tags": ["a", "b"], "x_note": "a, b"}
