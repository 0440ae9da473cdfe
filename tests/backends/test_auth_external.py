"""Logins at a provider that come at once, on each database: one account, one link, one role, and a way in that stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import databases
from auth.provider import Provider, begin, finish, plugin
from auth.site import BROWSER, EMAIL, Site, User
from wholestack.db import func, select


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider().running() as found:
        yield found


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    start, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int) -> None:
        start.wait(30)
        found[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


@pytest.mark.parametrize("kind", databases.KINDS)
def test_at_once(kind: str, provider: Provider, tmp_path: Path) -> None:
    provider.reset()
    mapped = plugin(provider, trusts_email=True, roles={"writers": "author", "admins": "editor"})
    with databases.fresh(kind, tmp_path) as url, Site("wsgi", url=url).running(mapped) as site:
        tables = site.auth.tables
        with site.app.session() as db:
            db.add_all([tables.role(name=name, permissions=[]) for name in ("author", "editor")])

        def count(model: Any) -> int:
            with site.app.session() as db:
                return db.scalar(select(func.count()).select_from(model)) or 0

        # Nobody knows them yet.
        provider.person["groups"] = ["writers"]
        clients = [site.other() for _ in range(4)]
        backs = [provider.visit(begin(site, each).headers["location"]) for each in clients]
        answers = at_once(
            [lambda each=each, back=back: finish(site, back, each) for each, back in zip(clients, backs, strict=True)]
        )
        assert {each.status for each in answers} == {303} and {each.headers["location"] for each in answers} == {"/"}
        assert [count(each) for each in (User, tables.external, tables.membership)] == [1, 1, 1]

        # They are known, and have another role.
        provider.person["groups"] = ["writers", "admins"]
        clients = [site.other() for _ in range(4)]
        backs = [provider.visit(begin(site, each).headers["location"]) for each in clients]
        answers = at_once(
            [lambda each=each, back=back: finish(site, back, each) for each, back in zip(clients, backs, strict=True)]
        )
        assert {each.headers["location"] for each in answers} == {"/"}
        assert count(tables.membership) == 2

        # Two links, and no password: both are taken away at once.
        with site.app.session() as db:
            db.add(tables.external(user_id=site.find(EMAIL).id, issuer=provider.issuer, subject="z"))
        with site.app.session() as db:
            keys = [*db.scalars(select(tables.external.id))]
        assert len(keys) == 2
        answers = at_once(
            [
                lambda key=key, each=each: each.post(f"/account/external/unlink/{key}", headers=BROWSER, follow=False)
                for key, each in zip(keys, clients[:2], strict=True)
            ]
        )
        assert {each.status for each in answers} == {303} and count(tables.external) == 1
