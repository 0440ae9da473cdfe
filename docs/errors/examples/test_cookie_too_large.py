from wholestack import App, Cookie
from wholestack.testing import Client

app = App()


@app.get("/")
def home(theme: Cookie[str] = "light") -> str:
    return theme


def test_a_cookie_of_five_kib() -> None:
    answer = Client(app).get("/", headers={"cookie": "theme=" + "a" * 5_120})
    assert (answer.status, answer.json()["code"]) == (400, "cookie-too-large")
