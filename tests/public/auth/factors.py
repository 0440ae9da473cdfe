"""What tests of second factors have in common: a clock, an app for codes, and users who have set one up."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import re
import struct
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from auth.site import BROWSER, Site
from wholestack.auth import Identity, Throttle, mfa, recent_login
from wholestack.db import select
from wholestack.testing import Answer, Client

SECRET = re.compile(r"<code>([A-Z2-7 ]+)</code>")
CODES = re.compile(r"<code>([2-9a-z]{5}-[2-9a-z]{5})</code>")


class Clock:
    """The clock of a site's logins, which a test moves."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.now = datetime.datetime(2026, 11, 27, 10, 0, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


def begun_anew(site: Site, clock: Clock) -> tuple[Site, Clock]:
    """A site that is at work, as on its first day, by its clock as well."""
    clock.begin()
    return site.anew(), clock


def easy() -> Throttle:
    """A throttle that lets a test try often."""
    often: Any = {"free": 1000}
    return Throttle(clock=lambda: 1.8e9, pair=often, account=often, address=often, device=often)


def site_with(interface: Any = "asgi", **options: Any) -> tuple[Site, Clock]:
    """A site with pages that need a second factor, and its clock."""
    clock = Clock()
    site = Site(interface, clock=clock, **{"throttle": easy()} | options)

    @site.app.get("/strong", needs=mfa())
    def strong(identity: Identity[Any]) -> list[str]:
        return sorted(identity.methods)

    @site.app.get("/methods")
    async def methods(identity: Identity[Any]) -> list[str]:
        return sorted(identity.methods)

    @site.app.get("/fresh", needs=recent_login(minutes=10))
    def fresh() -> str:
        return "fresh"

    return site, clock


class PhoneApp:
    """An app for codes, written by what RFC 6238 says and not by what we have written."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self.secret = secret
        self.clock = clock

    def code(self, ahead: float = 0) -> str:
        counter = int((self.clock.now.timestamp() + ahead) // 30)
        digest = hmac.new(self.secret, struct.pack(">Q", counter), hashlib.sha1).digest()
        (number,) = struct.unpack_from(">I", digest, digest[19] % 16)
        return str((number % 2**31) % 1_000_000).zfill(6)

    def fresh(self) -> str:
        """A code that was not shown yet: that of the next half minute."""
        self.clock.go_on(30)
        return self.code()


def waiting_app(site: Site, clock: Clock, client: Client | None = None) -> PhoneApp:
    """An app that has been pointed at the picture, and has shown no code yet."""
    client = client or site.client
    assert site.send("/account/factors/totp/begin", client).headers["location"] == "/account/factors/totp"
    page = client.get("/account/factors/totp", headers=BROWSER).expect(200)
    found = SECRET.search(page.text)
    assert found is not None
    return PhoneApp(base64.b32decode(found[1].replace(" ", "")), clock)


def set_up_totp(site: Site, clock: Clock, client: Client | None = None) -> tuple[PhoneApp, list[str]]:
    """Set an app for codes up, by the pages; the app, and the recovery codes."""
    app = waiting_app(site, clock, client)
    page = site.send("/account/factors/totp", client or site.client, code=app.code()).text
    return app, CODES.findall(page)


def shown(client: Client, answer: Answer) -> str:
    """The page that an answer leads to."""
    return client.get(answer.headers["location"], headers=BROWSER, follow=True).text


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What calls give that begin at the same moment."""
    barrier, given = Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        barrier.wait(20)
        given.append(call())

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def rows(site: Site, table: str, *columns: str) -> list[Any]:
    """Columns of a table of login."""
    model = getattr(site.auth.tables, table)
    with site.app.session() as db:
        return [tuple(each) for each in db.execute(select(*(getattr(model, name) for name in columns)))]
