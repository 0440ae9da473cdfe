"""The tests of the guest book; docs/learn/pages.md shows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from examples.pages.app import app, entries

from wholestack.testing import Client

BROWSER = {"accept": "text/html"}


@pytest.fixture
def client() -> Iterator[Client]:
    entries.clear()
    with Client(app) as client:
        yield client


# [test]
def test_signing(client: Client) -> None:
    page = client.post("/sign", data={"name": "Ann", "text": "Lovely!"}, headers=BROWSER, follow=True)
    assert "<strong>Ann</strong> Lovely!" in page.text and "Thank you!" in page.text


def test_what_is_not_right_comes_back(client: Client) -> None:
    page = client.post("/sign", data={"name": "A", "text": "<b>Lovely</b>"}, headers=BROWSER)
    assert page.status == 422
    assert '<p class="error" id="f-name-error">At least 2 characters.</p>' in page.text
    assert "&lt;b&gt;Lovely&lt;/b&gt;</textarea>" in page.text


# [/test]
# [json]
def test_a_program_signs(client: Client) -> None:
    entry = {"name": "Bo", "text": "From a program", "again": False}
    client.post("/sign", json=entry).expect(303)
    problem = Client(app).post("/sign", json=entry).json()
    assert problem["errors"][0]["pointer"] == "/name"


# [/json]


def test_the_list_and_the_form(client: Client) -> None:
    assert "Nobody yet." in client.get("/").text
    page = client.get("/sign").text
    assert 'name="csrf_token"' in page and "I will come again" in page and "Shown to everybody." in page
