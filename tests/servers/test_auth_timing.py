"""Row C11: nobody learns who has an account, by what is answered, by what is done for it, or by how long it takes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import combinations
from statistics import median
from typing import Any

import argon2.low_level
import pytest
from sqlalchemy import event

from auth.site import BROWSER, PASSWORD, Site
from wholestack import Request, Response
from wholestack.auth import Passwords, Throttle

# All of one length, so that pages which show them are.
KNOWN, UNKNOWN, UNUSABLE, DISABLED = (f"{name}@example.org" for name in ("known", "nobod", "nopas", "close"))
TOKEN = re.compile(r'(?<=name="csrf_token" value=")[^"]+')
TRIES = {"login": 2000, "reset": 2000, "sign-up": 500}
LOGINS = {
    "unknown account": (UNKNOWN, PASSWORD),
    "wrong password": (KNOWN, "not this password of theirs"),
    "unusable password": (UNUSABLE, PASSWORD),
    "disabled user": (DISABLED, PASSWORD),
}
FORMS = {
    "login": ("/account/login", {name: {"email": who, "password": word} for name, (who, word) in LOGINS.items()}),
    "reset": ("/account/forgotten", {who: {"email": who} for who in (KNOWN, UNKNOWN, UNUSABLE, DISABLED)}),
    "sign-up": (
        "/account/sign-up",
        {who: {"email": who, "password": "a long new password"} for who in (KNOWN, UNKNOWN)},
    ),
}


class Watched:
    """A site, and what it does for each answer until that is ready: what follows it nobody can see."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site = site
        self.statements: list[str] = []
        self.hashes = 0
        self.done: dict[str, Any] = {}
        work = argon2.low_level.hash_secret_raw

        def counted(*args: Any, **options: Any) -> bytes:
            self.hashes += 1
            return work(*args, **options)

        @site.app.middleware
        def watch(request: Request) -> Generator[None, Response, Response]:
            response = yield
            self.done = {"statements": [*self.statements], "hashes": self.hashes, "at": time.perf_counter()}
            return response

        monkeypatch.setattr(argon2.low_level, "hash_secret_raw", counted)

    def noted(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)

    def ask(self, path: str, fields: dict[str, str]) -> tuple[dict[str, Any], float]:
        """All that can be told of an answer, and the seconds until it was ready."""
        client = self.site.other()
        self.statements, self.hashes = [], 0
        begun = time.perf_counter()
        answer = client.post(path, data=fields, headers=BROWSER, follow=False)
        seconds = self.done.pop("at") - begun
        seen = {
            "status": answer.status,
            "page": TOKEN.sub("", answer.text).replace(fields["email"], "?"),
            "fields": sorted((name, len(value)) for name, value in answer.headers.items()),
            **self.done,
        }
        return seen, seconds


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Watched]:
    often: Any = {"free": 1_000_000}
    site = Site(throttle=Throttle(pair=often, account=often, address=often, device=often), **options)
    found = Watched(site, monkeypatch)
    with site.running():
        site.make(KNOWN)
        site.make(UNUSABLE, None)
        site.make(DISABLED, is_active=False)
        event.listen(site.database.engine, "before_cursor_execute", found.noted)
        yield found


@pytest.mark.parametrize("form", FORMS)
def test_C11_the_same_is_answered_and_done(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cases = FORMS[form]
    with watched(monkeypatch) as watch:
        first, *others = (watch.ask(path, fields)[0] for fields in cases.values())
    assert first["hashes"] == (0 if form == "reset" else 1)
    if form == "reset":
        # All but the count of such requests is done when the answer is away.
        assert [each for each in first["statements"] if "login_tries" not in each] == []
    if form == "sign-up":  # An account is more rows than a line of the trail: see the long form for what it comes to.
        counts = [len(each.pop("statements")) for each in (first, *others)]
        assert max(counts) - min(counts) <= 4
    assert others == [first] * len(others)


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_C11_it_takes_as_long(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The median of many tries of each kind against its neighbours is within 10 %, also at the edge of what chance does.

    A login's hash costs next to nothing here: it hides no difference. An account that is made has production's.
    """
    path, cases = FORMS[form]
    took: dict[str, list[float]] = {name: [] for name in cases}
    with watched(monkeypatch, **({"passwords": Passwords()} if form == "sign-up" else {})) as watch:
        for number in range(TRIES[form]):
            for name, fields in random.sample([*cases.items()], len(cases)):
                new = {"email": f"{number:05}@example.org"} if form == "sign-up" and name == UNKNOWN else {}
                took[name].append(watch.ask(path, fields | new)[1])
    for one, other in combinations(took.values(), 2):
        ratios = [a / b for a, b in zip(one, other, strict=True)]  # Of neighbours: a machine's load comes and goes.
        medians = sorted(median(random.choices(ratios, k=len(ratios))) for _ in range(400))
        assert medians[10] > 0.9 and medians[-10] < 1.1, {name: median(each) for name, each in took.items()}
