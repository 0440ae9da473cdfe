"""The app of the chapter on data, for its tests."""

import pytest
from examples.data.app import app as the_app

from wholestack import App


@pytest.fixture
def app() -> App:
    return the_app
