"""What is made once for all requests: the key of a signature, the statement for a session and its owner."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

import pytest

from auth.site import Site
from wholestack.sessions import _database, _owner
from wholestack.settings import SigningKeys, _signing
from wholestack.testing import AsyncClient


def signature(secret: str, words: str, *parts: str) -> bytes:
    """As every release writes it: what was signed before an update must be taken after it."""
    own = hmac.digest(secret.encode(), words.encode(), hashlib.sha256)
    message = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
    return hmac.digest(own, message, hashlib.sha256)


def test_the_key_of_a_purpose_is_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, seen = SigningKeys(["n" * 32, "o" * 32], area="shop"), []

    def digest(*arguments: Any) -> bytes:
        seen.append(arguments)
        return hmac.digest(*arguments)

    monkeypatch.setattr(_signing, "hmac", type("Counted", (), {"digest": staticmethod(digest)}))
    for purpose in ("cookie", "link", "cookie"):
        assert keys.signed(purpose, "zoë", "7") == signature("n" * 32, f"shop {purpose}", "zoë", "7")
    assert len(seen) == 3 + 2 * 2
    assert keys.signatures("link", "7") == [signature(each * 32, "shop link", "7") for each in "no"]
    assert len(seen) == 3 + 2 * 2 + 2


def test_requests_that_come_first_together_ask_by_one_statement(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    made: list[Any] = []
    used: list[Any] = []

    def with_owner(*arguments: Any) -> Any:
        made.append(_owner.with_owner(*arguments))
        return made[-1]

    def asked(self: Any, *arguments: Any) -> Any:
        used.append(self)
        return original(self, *arguments)

    original = _owner.WithOwner.asked
    monkeypatch.setattr(_owner.WithOwner, "asked", asked)
    monkeypatch.setattr(_database, "with_owner", with_owner)
    site = Site(url=f"sqlite:///{tmp_path}/site.db")

    @site.app.get("/me")
    async def me(user: site.user) -> str:
        return str(user.email)

    site.app.use(site.database, site.mailing, site.auth)
    site.app.seal()
    site.database.create_tables()
    name, text = site.auth.begin_session(site.app, site.make(), scheme="http")

    async def ask() -> list[int]:
        async with AsyncClient(site.app) as client:
            client.cookies[name] = text
            answers = await asyncio.gather(*(client.get("/me") for _ in range(6)))
            return [answer.status for answer in answers]

    assert asyncio.run(ask()) == [200] * 6
    assert len(made) > 1  # They did come together.
    assert len({id(each) for each in used}) == 1
