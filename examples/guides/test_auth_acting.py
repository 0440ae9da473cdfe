"""The code of docs/guides/auth.md on staff who act as a user, run."""

from __future__ import annotations

# [imports]
from wholestack import App
from wholestack.auth import Auth, Identity, Impersonation, UserMixin, recent_login
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client, log_in

# [/imports]


# [app]
class Listener(UserMixin, UUIDModel):
    pass


app = App(title="The paper")
app.use(Database("sqlite://"), Auth(Listener), Impersonation())


@app.get("/subscription")
def show_subscription(identity: Identity[Listener]) -> list[str | None]:
    return [identity.required().email, identity.impersonator]


@app.post("/subscription/pay", needs=recent_login(minutes=10))
def pay(listener: Listener) -> str:
    return "paid"


@app.post("/subscription/end")
def end_subscription(identity: Identity[Listener]) -> str:
    identity.require_owner()
    return "ended"


# [/app]


def test_staff_act_as_a_user() -> None:
    with Client(app) as client:
        with app.session() as db:
            db.add(zoe := Listener(email="zoe@example.org"))
            db.add(helper := Listener(email="help@example.org", is_superuser=True))
        # [test]
        log_in(client, helper)
        client.post(f"/account/impersonate/{zoe.key}", follow=False).expect(303)
        assert client.get("/subscription").json() == ["zoe@example.org", helper.key]
        for path in ("/subscription/pay", "/subscription/end", "/account/password"):
            client.post(path, data={"new": "a wholly new password"}).expect(403)
        client.post("/account/impersonate-end", follow=False).expect(303)
        client.get("/subscription").expect(401)
        # [/test]
