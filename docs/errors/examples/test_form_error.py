from pydantic import BaseModel

from wholestack import App, Form
from wholestack.forms import FormError
from wholestack.testing import Client

app = App()


class NewPost(BaseModel):
    title: str


@app.post("/posts")
def add_post(new: Form[NewPost]) -> str:
    if new.title == "Hello":
        raise FormError("title", "There is a post with this title.")
    return "added"


def test_form_error() -> None:
    problem = Client(app).post("/posts", data={"title": "Hello"}).json()
    assert problem["code"] == "form-error"
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["detail"]) == (
        "/title",
        "There is a post with this title.",
    )
