from wholestack import App
from wholestack.middleware import CORS
from wholestack.testing import Client

app = App()
app.use(CORS(["https://app.example.org"]))


def test_a_field_that_is_not_allowed() -> None:
    asked = {
        "origin": "https://app.example.org",
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    answer = Client(app).options("/", headers=asked)
    assert (answer.status, answer.json()["code"]) == (403, "cors-refused")
