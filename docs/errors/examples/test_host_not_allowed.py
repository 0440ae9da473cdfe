from wholestack import App
from wholestack.middleware import AllowedHosts
from wholestack.testing import Client

app = App()
app.use(AllowedHosts("example.org"))


def test_another_host() -> None:
    answer = Client(app).get("/", headers={"host": "evil.example"})
    assert (answer.status, answer.json()["code"]) == (400, "host-not-allowed")
