from wholestack import App
from wholestack.auth import Auth, Tokens, UserMixin, permission
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client


class Typesetter(UserMixin, UUIDModel):
    pass


database, tokens = Database("sqlite://", migrations=None), Tokens()
app = App()
app.use(database, Auth(Typesetter), tokens)


@app.post("/pages", needs=permission("pages.print"))
def print_page() -> str:
    return "printed"


def test_scope_missing() -> None:
    with Client(app) as client:
        database.create_tables()
        with app.session() as db:
            typesetter = Typesetter(email="typesetter@service.invalid", is_superuser=True)
            db.add(typesetter)
            token = tokens.make(typesetter, "reads only", scopes=["pages.read"])
        answer = client.post("/pages", headers={"authorization": f"Bearer {token}"})
    assert (answer.status, answer.json()["code"]) == (403, "scope-missing")
