from wholestack import App, Gone
from wholestack.testing import Client

app = App()


@app.get("/summer-sale")
def summer_sale() -> str:
    raise Gone("The summer sale is over.")


def test_over_for_good() -> None:
    answer = Client(app).get("/summer-sale")
    assert (answer.status, answer.json()["code"]) == (410, "gone")
