"""The code of docs/guides/auth-tokens.md, run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

# [imports]
from wholestack import App
from wholestack.auth import Auth, Identity, JWTIssuer, Tokens, UserMixin, permission
from wholestack.db import Database, Session, UUIDModel, select
from wholestack.mail import Mailing
from wholestack.openapi import document
from wholestack.testing import Client, log_in

# [/imports]


# [app]
class ClubMember(UserMixin, UUIDModel):
    pass


tokens = Tokens("club", scopes={"news.publish": "Publish news", "news.read": "Read drafts"})
app = App(title="The club")
app.use(Database("sqlite://"), Mailing("club@example.org", base_url="https://club.example"), Auth(ClubMember), tokens)


@app.get("/me")
def show_me(member: ClubMember) -> str:
    return member.email


@app.post("/news", needs=permission("news.publish"))
def publish(text: str, member: ClubMember) -> str:
    return f"{text}, by {member.email}"


# [/app]
# [service]
def make_deploy_token(db: Session) -> str:
    robot = db.scalar(select(ClubMember).where(ClubMember.email == "deploy@service.invalid"))
    if robot is None:
        robot = ClubMember(email="deploy@service.invalid")
        db.add(robot)
    return tokens.make(robot, "deploys from CI", scopes=["news.publish"], days=30)


# [/service]
# [revoke]
def throw_out(db: Session, member: ClubMember) -> None:
    tokens.revoke(member)


# [/revoke]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(app) as client:
        app.plugin(Database).create_tables()
        yield client


def add(email: str) -> ClubMember:
    with app.session() as db:
        member = ClubMember(email=email, is_superuser=True)
        member.email_confirmed_at = app.plugin(Auth).terms.clock()
        db.add(member)
    return member


def test_a_token_that_somebody_makes(client: Client) -> None:
    member = add("zoe@example.org")
    # [json]
    log_in(client, member)
    made = client.post("/account/tokens", json={"name": "my script", "scopes": ["news.publish"], "days": 30})
    token = made.expect(201).json()["token"]
    # [/json]
    assert token.startswith("club_")
    # [shown]
    program = Client(app)
    headers = {"authorization": f"Bearer {token}"}
    assert program.get("/me", headers=headers).text == "zoe@example.org"
    assert program.post("/news?text=Spring", headers=headers).status == 200
    assert program.get("/account", headers=headers).status == 403
    # [/shown]
    with app.session() as db:
        found = db.merge(member)
        throw_out(db, found)
    assert program.get("/me", headers=headers).status == 401


def test_a_service(client: Client) -> None:
    with app.session() as db:
        token = make_deploy_token(db)
    headers = {"authorization": f"Bearer {token}"}
    assert client.get("/me", headers=headers).text == "deploy@service.invalid"
    assert client.post("/news?text=Spring", headers=headers).status == 403  # It has no role.


def test_tokens_of_another_issuer() -> None:
    key = ECKey.generate_key("P-256", {"kid": "first"})
    keys = {"keys": [key.as_dict(private=False)]}
    # [jwt]
    issuer = JWTIssuer("https://login.example.org", "https://club.example/api")
    # [/jwt]

    # [jwt-user]
    def by_address(claims: Mapping[str, Any], db: Session) -> ClubMember | None:
        return db.scalar(select(ClubMember).where(ClubMember.email == claims["email"]))

    machines = JWTIssuer(
        "https://machines.example.org",
        "https://club.example/api",
        algorithms=["ES256"],
        keys=keys,
        user=by_address,
        scopes=lambda claims: claims["roles"],
        types=["at+jwt"],
    )
    # [/jwt-user]
    club = App(title="The club")
    mailing = Mailing("club@example.org", base_url="https://club.example")
    club.use(Database("sqlite://"), mailing, Auth(ClubMember), issuer, machines)

    @club.get("/mine")
    def mine(identity: Identity[ClubMember]) -> list[str | bool]:
        return [identity.required().email, identity.can("news.publish")]

    with Client(club) as client:
        club.plugin(Database).create_tables()
        with club.session() as db:
            db.add(ClubMember(email="zoe@example.org", is_superuser=True))
        claims = {"iss": "https://machines.example.org", "aud": "https://club.example/api", "exp": 4_000_000_000}
        more = {"email": "zoe@example.org", "roles": ["news.publish"]}
        token = jwt.encode({"alg": "ES256", "kid": "first", "typ": "at+jwt"}, claims | more, key)
        headers = {"authorization": f"Bearer {token}"}
        assert client.get("/mine", headers=headers).json() == ["zoe@example.org", True]
    assert document(club)["paths"]["/mine"]["get"]["security"][1] == {"login.example.org": []}


def test_the_document() -> None:
    # [openapi]
    described = document(app)
    assert described["paths"]["/me"]["get"]["security"] == [{"session": []}, {"token": []}]
    assert described["paths"]["/news"]["post"]["security"] == [
        {"session": ["news.publish"]},
        {"token": ["news.publish"]},
    ]
    # [/openapi]
