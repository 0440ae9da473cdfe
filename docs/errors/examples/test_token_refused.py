from wholestack import App
from wholestack.auth import Auth, UserMixin
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client


class Program(UserMixin, UUIDModel):
    pass


app = App()
app.use(Database("sqlite://"), Auth(Program))


@app.get("/me")
def me(program: Program) -> str:
    return program.email


def test_token_refused() -> None:
    answer = Client(app).get("/me", headers={"authorization": "Bearer none of ours"})
    assert (answer.status, answer.json()["code"]) == (401, "token-refused")
