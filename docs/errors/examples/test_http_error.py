from wholestack import App, HTTPError
from wholestack.testing import Client

app = App()


@app.get("/coffee")
def coffee() -> str:
    raise HTTPError("This pot makes tea only.", status=418)


def test_an_error_with_a_status_of_its_own() -> None:
    answer = Client(app).get("/coffee")
    assert (answer.status, answer.json()["code"]) == (418, "http-error")
