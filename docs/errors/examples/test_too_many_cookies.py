from wholestack import App, Cookie, Limits
from wholestack.testing import Client

app = App(limits=Limits(cookies=2))


@app.get("/")
def home(theme: Cookie[str] = "light") -> str:
    return theme


def test_three_cookies_where_two_may_be() -> None:
    answer = Client(app).get("/", headers={"cookie": "a=1; b=2; theme=dark"})
    assert (answer.status, answer.json()["code"]) == (400, "too-many-cookies")
