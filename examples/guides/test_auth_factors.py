"""The code of docs/guides/auth-factors.md, run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# [imports]
from wholestack import App, NotFound, SetupError
from wholestack.auth import (
    TOTP,
    Accounts,
    Auth,
    Identity,
    MagicLink,
    Passkeys,
    UserMixin,
    mfa,
    recent_login,
    remove_factors,
    staff,
)
from wholestack.db import Database, UUIDModel
from wholestack.mail import Mailing
from wholestack.testing import Client, log_in

# [/imports]


# [app]
class Patient(UserMixin, UUIDModel):
    pass


app = App(title="The surgery")
app.use(
    Database("sqlite://"),
    Mailing("surgery@example.org", base_url="https://surgery.example"),
    Auth(Patient),
    TOTP(),  # codes of an app, at each login
    Passkeys(),  # after the password, or instead of it
    MagicLink(),  # a mail in the place of a password
)


# [/app]
# [rules]
@app.get("/records", needs=mfa())
def show_records(patient: Patient) -> str:
    return f"the records of {patient.email}"


@app.get("/office", needs=staff & mfa())
def show_office(identity: Identity[Patient]) -> list[str]:
    return sorted(identity.methods)


@app.post("/records/share", needs=mfa() & recent_login(minutes=5))
def share(patient: Patient) -> str:
    return "shared"


# [/rules]
# [support]
@app.post("/patients/{email}/remove-factors", needs=staff & mfa() & recent_login(minutes=5))
def remove_lost_factors(email: str, accounts: Accounts[Patient]) -> None:
    if (patient := accounts.find(email)) is None:
        raise NotFound("No such patient.")
    remove_factors(accounts, patient)  # "totp", "passkeys", "recovery"; all of them where none is named


# [/support]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(app) as client:
        app.plugin(Database).create_tables()
        yield client


def test_rules(client: Client) -> None:
    with app.session() as db:
        db.add(patient := Patient(email="zoe@example.org", is_staff=True))
    # [test]
    log_in(client, patient)
    assert client.get("/records").json()["code"] == "second-factor-required"
    log_in(client, patient, "pwd", "otp", "mfa")
    assert client.get("/records").text == "the records of zoe@example.org"
    # [/test]
    assert client.get("/office").json() == ["mfa", "otp", "pwd"]
    assert client.post("/records/share").text == "shared"
    client.post("/patients/zoe@example.org/remove-factors").expect(204)
    assert client.post("/patients/nobody@example.org/remove-factors").status == 404


def test_the_pages_are_there(client: Client) -> None:
    page = Client(client.app).get("/account/login", headers={"accept": "text/html"}).text
    assert "Log in with a passkey" in page and "Log in by mail" in page


def test_the_domain() -> None:
    # [domain]
    passkeys = Passkeys(rp_id="surgery.example", origins=["https://surgery.example", "https://app.surgery.example"])
    # [/domain]
    other = App()
    other.use(Database("sqlite://"), Auth(Patient), passkeys)
    other.seal()
    wrong = App()
    wrong.use(
        Database("sqlite://"), Auth(Patient), Passkeys(rp_id="surgery.example", origins=["https://other.example"])
    )
    with pytest.raises(SetupError, match="bad-passkeys"):
        wrong.seal()
