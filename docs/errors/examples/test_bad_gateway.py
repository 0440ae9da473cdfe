from wholestack import App
from wholestack.testing import Client

app = App()


async def silent(scope, receive, send) -> None:
    """An ASGI application that never answers."""


app.mount("/old", silent)


def test_a_mounted_application_that_says_nothing() -> None:
    answer = Client(app).get("/old/page")
    assert (answer.status, answer.json()["code"]) == (502, "bad-gateway")
