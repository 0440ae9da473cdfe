import base64
import json

from wholestack import App
from wholestack.auth import Auth, JWTIssuer, UserMixin
from wholestack.db import Database, UUIDModel
from wholestack.testing import Client

ISSUER = "http://127.0.0.1:1"  # Nobody answers here.


class Subscriber(UserMixin, UUIDModel):
    pass


app = App()
app.use(Database("sqlite://"), Auth(Subscriber), JWTIssuer(ISSUER, "notes", private_addresses=True))


@app.get("/me")
def me(subscriber: Subscriber) -> str:
    return subscriber.email


def part(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_provider_away() -> None:
    token = f"{part({'alg': 'RS256', 'kid': '1'})}.{part({'iss': ISSUER})}.AAAA"
    answer = Client(app).get("/me", headers={"authorization": f"Bearer {token}"})
    assert (answer.status, answer.json()["code"]) == (503, "provider-away")
