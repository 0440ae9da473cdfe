from wholestack import App, Request
from wholestack.errors import NotAcceptable
from wholestack.http import negotiate
from wholestack.testing import Client

app = App()


@app.get("/report")
def report(request: Request) -> str:
    kind = negotiate(request.headers.get("accept"), ["text/plain", "text/csv"])
    if kind is None:
        raise NotAcceptable("The report is there as text/plain and text/csv.")
    return "a report"


def test_no_form_that_suits() -> None:
    answer = Client(app).get("/report", headers={"accept": "image/png"})
    assert (answer.status, answer.json()["code"]) == (406, "not-acceptable")
