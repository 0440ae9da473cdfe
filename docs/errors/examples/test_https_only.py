from wholestack import App
from wholestack.middleware import HTTPSOnly
from wholestack.testing import Client

app = App()
app.use(HTTPSOnly())


@app.post("/login")
def login() -> str:
    return "welcome"


def test_in_the_clear() -> None:
    answer = Client(app).post("/login", json={"password": "secret"})
    assert (answer.status, answer.json()["code"]) == (403, "https-only")
