import tomllib
from typing import Any

from wholestack import App, Body
from wholestack.testing import Client


class Toml:
    type = "application/toml"

    def decode(self, body: bytes) -> Any:
        return tomllib.loads(body.decode())

    def encode(self, value: Any) -> bytes:
        raise NotImplementedError


app = App(media=(Toml(),))


@app.post("/settings")
def change(settings: Body[dict[str, Any]]) -> int:
    return len(settings)


def test_not_the_kind_it_says() -> None:
    answer = Client(app).post("/settings", body=b"[half", headers={"content-type": "application/toml"})
    assert (answer.status, answer.json()["code"]) == (400, "malformed-body")
