from wholestack import App, Request
from wholestack.http import etag_of
from wholestack.testing import Client

app = App()
page = b"second version"


@app.put("/page")
def write(request: Request) -> str:
    request.precondition(etag_of(page))
    return "written"


def test_an_edit_of_an_old_version() -> None:
    answer = Client(app).put("/page", headers={"if-match": etag_of(b"first version")})
    assert (answer.status, answer.json()["code"]) == (412, "precondition-failed")
