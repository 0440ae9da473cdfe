"""The app that the fixture `client` asks; outside of this repository, one line of the ini file says so."""

import pytest
from examples.first.app import app as notes_app

from wholestack import App


@pytest.fixture
def app() -> App:
    return notes_app
