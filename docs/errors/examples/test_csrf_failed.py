from wholestack import App
from wholestack.sessions import Sessions
from wholestack.testing import Client

app = App()
app.use(Sessions())


@app.post("/pay")
def pay() -> str:
    return "paid"


def test_another_site_sends_a_form() -> None:
    said = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    answer = Client(app).post("/pay", headers=said)
    assert (answer.status, answer.json()["code"]) == (403, "csrf-failed")
