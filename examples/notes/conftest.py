"""The app that the fixtures `client` and `db` ask."""

import pytest
from examples.notes.app import app as memos_app

from wholestack import App


@pytest.fixture
def app() -> App:
    return memos_app
