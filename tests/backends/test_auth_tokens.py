"""Tokens for programs on each database: found with their user, noted when they are used, dead when they are revoked."""

from __future__ import annotations

from auth.site import EMAIL, Site
from servers.serving import until
from wholestack.auth import Tokens
from wholestack.db import assert_queries, select


def test_tokens(url: str) -> None:
    site, tokens = Site(url=url), Tokens()

    @site.app.get("/me")
    async def me(user: site.user) -> str:  # type: ignore[name-defined]
        return user.email  # type: ignore[no-any-return]

    with site.running(tokens):
        site.make()
        with site.app.session() as db:
            user = db.scalar(select(site.user))
            token, other = tokens.make(user, "ci", scopes=["*"]), tokens.make(user, "other", days=None)
        shown = {"authorization": f"Bearer {token}"}
        assert site.client.get("/me", headers=shown).text == EMAIL
        rows = site.auth.tables.token

        def used() -> bool:
            with site.app.session() as db:
                row = db.scalar(select(rows).where(rows.name == "ci"))
                return row.last_used_at is not None and row.scopes == ["*"]

        assert until(used, 5)
        with assert_queries(1):
            assert site.client.get("/me", headers=shown).status == 200
        # Texts that differ in capitals only are two.
        assert site.client.get("/me", headers={"authorization": f"Bearer {other.swapcase()}"}).status == 401
        with site.app.session() as db:
            assert tokens.revoke(db.scalar(select(site.user))) == 2
        assert site.client.get("/me", headers=shown).status == 401
