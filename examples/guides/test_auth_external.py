"""The code of docs/guides/auth-external.md, run."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from joserfc.jwk import ECKey

from auth.provider import CLIENT, SECRET, Provider

# [imports]
from wholestack import App
from wholestack.auth import Auth, Identity, OAuth2, OpenIDConnect, UserMixin, apple, github, google, keycloak, microsoft
from wholestack.db import Database, Mapped, UUIDModel, mapped_column
from wholestack.mail import Mailing
from wholestack.testing import Client, log_in

# [/imports]


# [app]
class Borrower(UserMixin, UUIDModel):
    nickname: Mapped[str] = mapped_column(default="")


app = App(title="The library", docs=False)
mailing = Mailing("The library <library@example.org>", base_url="https://library.example")
app.use(
    Database("sqlite://"),
    mailing,
    Auth(Borrower, sign_up="open"),
    google(fields=lambda claims: {"nickname": claims.get("name", "")}),
    github(),
    OpenIDConnect("example", "https://accounts.example.org", title="Example Inc."),
)
# [/app]

# [staff]
staff_login = keycloak(
    "https://login.example.org",
    "staff",
    trusts_email=True,
    domains=["example.org"],
    roles={"admins": "editor", "writers": "author"},
    two_factors={"mfa"},
    logs_out=True,
)
# [/staff]

# [others]
own_tenant = microsoft("72f988bf-86f1-41af-91ab-2d7cd011db47", trusts_email=True, verifies_email=True)
some_tenants = microsoft("organizations", tenants=["72f988bf-86f1-41af-91ab-2d7cd011db47"])
workspace = google(name="work", title="Work", workspaces=["example.org"], sign_up=True)
apple_login = apple("ABCDE12345", "KEY1234567")
# [/others]

# [oauth2]
chat = OAuth2(
    "chat",
    "https://chat.example",
    authorize="/oauth2/authorize",
    token="/api/oauth2/token",
    profile="/api/users/@me",
    verified="verified",
    scopes=("identify", "email"),
)
# [/oauth2]


def test_the_page_of_login_leads_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE", "GITHUB", "EXAMPLE", "WORK", "MICROSOFT", "APPLE"):
        monkeypatch.setenv(f"{name}_CLIENT_ID", "the-library")
        monkeypatch.setenv(f"{name}_CLIENT_SECRET", "secret")
    monkeypatch.setenv("APPLE_PRIVATE_KEY", ECKey.generate_key("P-256").as_pem().decode())
    with Client(app) as client:
        app.plugin(Database).create_tables()
        page = client.get("/account/login").text
        for title in ("Google", "GitHub", "Example Inc."):
            assert f"Log in with {title}" in page
        sent = client.get("/account/external/github", follow=False).headers["location"]
        assert "redirect_uri=https%3A%2F%2Flibrary.example%2Faccount%2Fexternal%2Fgithub%2Fcallback" in sent
    for made in (own_tenant, some_tenants, workspace, apple_login):
        assert made.provider().name


def test_roles_by_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_CLIENT_ID", CLIENT)
    monkeypatch.setenv("KEYCLOAK_CLIENT_SECRET", SECRET)
    library = App(title="The library", docs=False)
    database = Database("sqlite://", migrations=None)
    auth = Auth(Borrower, sign_up="open")
    library.use(database, Mailing("a@example.org", "memory:", base_url="http://testserver"), auth, staff_login)

    # [ask]
    @library.get("/me")
    def show_me(identity: Identity[Borrower]) -> dict[str, list[str]]:
        return {"roles": sorted(identity.roles), "methods": sorted(identity.methods)}

    # [/ask]
    provider = Provider()
    with provider.running():
        staff_login.issuer = provider.issuer
        staff_login._options["private_addresses"] = True  # It is on this machine.
        provider.person |= {"groups": ["writers"], "amr": ["pwd", "mfa"]}
        with Client(library) as client:
            database.create_tables()
            with library.session() as db:
                db.add(auth.tables.role(name="author", permissions=["books.write"]))
            sent = client.get("/account/external/keycloak", follow=False).headers["location"]
            back = urlsplit(provider.visit(sent))
            assert client.get(f"{back.path}?{back.query}", follow=False).headers["location"] == "/"
            assert client.get("/me").json() == {"roles": ["author"], "methods": ["fed", "mfa"]}

            # [test]
            with library.session() as db:
                borrower = Borrower(email="kim@example.org")
                db.add(borrower)
            log_in(client, borrower, "fed")  # No provider is asked.
            assert client.get("/me").json()["methods"] == ["fed"]
            # [/test]
