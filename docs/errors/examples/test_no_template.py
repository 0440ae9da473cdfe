import pytest

from wholestack import App
from wholestack.templates import Page, TemplateFault
from wholestack.testing import Client

app = App()


@app.get("/")
def index() -> Page:
    return Page("nowhere.html")


def test_no_template() -> None:
    with pytest.raises(TemplateFault, match=r"There is no template nowhere\.html"):
        Client(app).get("/")
