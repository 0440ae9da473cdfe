"""Passkeys (WebAuthn level 3): as a second factor, and instead of a password."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pydantic
from sqlalchemy import delete, or_, update

from wholestack import App, Request, Response, SetupError
from wholestack.db import IntegrityError, Session, select, stage
from wholestack.errors import Fault
from wholestack.http import etag_of
from wholestack.mail import Mailing
from wholestack.middleware import AllowedHosts
from wholestack.sessions import BrowserSession

from ._accounts import Accounts
from ._browser import Browser, is_marked, mark_of
from ._factor_pages import include_pages
from ._factors import Factors
from ._plugin import BASE_URL
from ._totp import needed
from ._ways import has_way_in
from ._webauthn import PasskeyRefused, RelyingParty, Verification, is_domain, origin_of, read

_log = logging.getLogger("wholestack.auth")
_SCRIPT = "/-/passkeys.{version}.js"
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_PURPOSE = "passkey"
_LIFETIME = 600.0
"""Seconds for which a challenge is good."""
_LOCAL = "localhost"
MOST = 25
"""Passkeys that one user may have."""


class Challenge(pydantic.BaseModel):
    """What a browser was asked with.

    Attributes:
        kind: what for: ``"new"``, ``"login"`` or ``"factor"``.
        owner: the key of whose passkey it is to be; empty for anybody's.
        verification: whether it must know its owner.
    """

    kind: str
    owner: str = ""
    verification: Verification = "required"


class Passkeys:
    """Passkeys: ``app.use(Database(), Auth(User), Passkeys())``.

    People make them at ``/account/factors``, several if they like, and come in with one by a finger or a look, without
    a password; who comes with a password is asked for one as the second factor. Passkeys are for one domain: that of
    ``BASE_URL``, or of the `Mailing`'s base URL, or the one host of `AllowedHosts`; never that which a request names.
    In development it is ``localhost``, at any port, since passkeys are for no address of numbers. It needs the extra
    ``passkeys``.

    Arguments:
        rp_id: the domain; passkeys are lost to a site that changes it.
        origins: where the site's pages are, ``"https://app.example.org"``, at the domain or below it; left out, that of
            the base URL.

    Raises:
        SetupError: when the app is sealed: there is no `Auth` (``no-plugin``), the package fido2 is missing
            (``package-missing``), no domain is known, or an origin is not at it (``bad-passkeys``).

    Example:
        >>> app = App()
        >>> app.use(Passkeys(rp_id="example.org", origins=["https://app.example.org"]))
    """

    #: What it is called in templates, mails and the audit trail.
    name: str = "passkey"

    def __init__(self, *, rp_id: str | None = None, origins: Iterable[str] = ()) -> None:
        self._rp_id = rp_id
        self._origins = (origins,) if isinstance(origins, str) else tuple(origins)
        frame: Any = sys._getframe(1)
        self.where: str = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self._made: tuple[Factors, RelyingParty] | None = None
        self._app: App | None = None

    # -- the plugin ----------------------------------------------------------------------------------------------

    def setup(self, app: App) -> None:
        """Add the pages where they are made, and shown, and the script for them."""
        from ._passkey_pages import login, own, second

        needed("Passkeys", self.where, "passkeys", "fido2.server")
        self._app = app
        rp_id, is_own = self._site(app)
        factors = include_pages(app, self)
        self._made = (factors, RelyingParty(rp_id, app.title, is_own))
        for router in (login, second, own):
            app.include(router, at=factors.auth.places.at)

        def passkeys() -> Passkeys:
            return self

        app.provide(passkeys, scope="app")

        @app.get(_SCRIPT, hidden=True, name="wholestack_passkeys")
        def wholestack_passkeys(version: str) -> Response:
            body, current = _script()
            response = Response(body, media_type="text/javascript; charset=utf-8", headers={"etag": etag_of(body)})
            response.headers.set("cache-control", _FOR_A_YEAR if version == current else "no-cache")
            return response

    def _site(self, app: App) -> tuple[str, Callable[[str], bool]]:
        """The domain, and what says whether an origin is the site's."""
        origins = [origin_of(each) for each in self._origins or self._base(app)]
        host = urlsplit(origins[0]).hostname or "" if origins else ""
        rp_id = (self._rp_id or host).lower()
        if not is_domain(rp_id) and not self._origins and self._rp_id is None and stage() != "production":
            rp_id, origins = _LOCAL, []
        if not is_domain(rp_id):
            cure = 'Set BASE_URL to "https://…", or say Passkeys(rp_id="example.org", origins=["https://example.org"]).'
            raise self._wrong(f"Passkeys are for one domain, and {rp_id or 'nothing'!r} is none.", cure)
        if rp_id == _LOCAL:
            return rp_id, lambda origin: urlsplit(origin).hostname == _LOCAL
        for each in origins or [""]:
            parts = urlsplit(each)
            below = parts.hostname == rp_id or (parts.hostname or "").endswith(f".{rp_id}")
            if not below or (parts.scheme != "https" and stage() == "production"):
                cure = f'Passkeys(rp_id="{rp_id}", origins=["https://{rp_id}"])'
                raise self._wrong(f"{each!r} is no origin of {rp_id}: browsers make passkeys over https only.", cure)
        return rp_id, frozenset(origins).__contains__

    def _base(self, app: App) -> list[str]:
        """Where the site is, as somebody has said who may: never as a request says."""
        if found := os.environ.get(BASE_URL):
            return [found]
        for each in app.plugins:
            if isinstance(each, Mailing) and each.base_url is not None:
                return [each.base_url]
        hosts = next((each.hosts for each in app.plugins if isinstance(each, AllowedHosts)), ())
        return [f"https://{hosts[0]}"] if len(hosts) == 1 and "*" not in hosts[0] else []

    def _wrong(self, message: str, cure: str) -> SetupError:
        return SetupError([Fault("bad-passkeys", message, self.where, cure)])

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get: `passkeys`, the address of the script."""
        return {"passkeys": lambda request: f"{request.root_path}{_SCRIPT.replace('{version}', _script()[1])}"}

    # -- what a user has -----------------------------------------------------------------------------------------

    def is_set_up(self, db: Session, user: Any) -> bool:
        """Whether a user has one."""
        table = self._table
        return db.scalar(select(table.id).where(table.user_id == user.id).limit(1)) is not None

    def takes(self, accounts: Accounts[Any], user: Any, code: str) -> bool:
        """No code is a passkey."""
        return False

    def of(self, db: Session, user: Any) -> list[Any]:
        """The rows of a user's passkeys."""
        table = self._table
        return [*db.scalars(select(table).where(table.user_id == user.id).order_by(table.created_at))]

    def one(self, db: Session, user: Any, key: uuid.UUID) -> Any:
        """The row of one of a user's passkeys; None where it is another's, or none."""
        table = self._table
        return db.scalar(select(table).where(table.user_id == user.id, table.id == key))

    def remove(self, accounts: Accounts[Any], user: Any, row: Any) -> bool:
        """Take one away; False where nothing else lets its owner in."""
        accounts.lock(user.id)  # Of two at once the last one stays.
        if not has_way_in(accounts, user, passkey=row.id):
            return False
        accounts.db.execute(delete(self._table).where(self._table.id == row.id))
        return True

    @property
    def _table(self) -> Any:
        return self.factors.auth.tables.passkey

    @property
    def factors(self) -> Factors:
        """The second factors of the app."""
        return self._ready()[0]

    @property
    def party(self) -> RelyingParty:
        """The site as passkeys know it."""
        return self._ready()[1]

    def _ready(self) -> tuple[Factors, RelyingParty]:
        if self._made is None:
            raise RuntimeError("Passkeys are used before their app is sealed.")
        return self._made

    # -- asking for one ------------------------------------------------------------------------------------------

    def challenge(self, accounts: Accounts[Any], session: BrowserSession[Browser], asked: Challenge) -> str:
        """A challenge for the browser at hand, which may answer it once.

        It is a row beside the session, so that two answers at once do not both find it there.
        """
        data: dict[str, Any] = {**asked.model_dump(), "browser": mark_of(session)}
        return accounts.links.make(_PURPOSE, None, lifetime=_LIFETIME, **data)

    def _asked(self, accounts: Accounts[Any], session: BrowserSession[Browser], text: str, kind: str) -> Challenge:
        """What was asked with a challenge that this browser answers; it is used up by that."""
        link = accounts.links.take(_PURPOSE, text)
        if link is None or link.data.get("kind") != kind or not is_marked(session, link.data.get("browser")):
            raise PasskeyRefused("a challenge that this browser was not asked with, or that is used up")
        return Challenge.model_validate(link.data)

    def add(self, accounts: Accounts[Any], session: BrowserSession[Browser], user: Any, name: str, sent: str) -> Any:
        """Take a new passkey in; its row.

        Raises:
            PasskeyRefused: it is not what was asked for, or somebody has it already.
        """
        answer, _, challenge = read(sent)
        asked = self._asked(accounts, session, challenge, "new")
        if asked.owner != user.key:
            raise PasskeyRefused("a challenge for somebody else")
        found = self.party.registered(answer, challenge)
        row = self._table(
            user_id=user.id,
            name=name,
            credential=found.credential,
            public_key=found.public_key,
            sign_count=found.sign_count,
            transports=found.transports,
            verifies=found.verified,
            copyable=found.copyable,
            backed_up=found.backed_up,
        )
        if len(self.of(accounts.db, user)) >= MOST:
            raise PasskeyRefused("there are too many already")
        try:
            with accounts.db.begin_nested():
                accounts.db.add(row)
                accounts.db.flush()
        except IntegrityError:
            raise PasskeyRefused("somebody has it already") from None
        return row

    def proven(self, accounts: Accounts[Any], session: BrowserSession[Browser], sent: str, kind: str) -> Any:
        """The row of the passkey that was shown.

        Arguments:
            accounts: the request's.
            session: its session.
            sent: what the browser has sent.
            kind: what for: ``"login"`` or ``"factor"``.

        Raises:
            PasskeyRefused: it proves nothing.
        """
        answer, credential, challenge = read(sent)
        asked = self._asked(accounts, session, challenge, kind)
        table, db = self._table, accounts.db
        row = db.scalar(select(table).where(table.credential == credential))
        if row is None:
            raise PasskeyRefused("nobody has it")
        user: Any = db.get(accounts.tables.user, row.user_id)
        handle = answer["response"].get("userHandle")
        known = _is_handle(handle, user.key) if handle or kind == "login" else True
        if not known or asked.owner not in {"", user.key}:
            raise PasskeyRefused("it is somebody else's")
        shown = self.party.shown(answer, challenge, row, asked.verification)
        # One statement: of two copies that come at once with one count, one is refused.
        counts = or_(table.sign_count < shown.sign_count, (table.sign_count == 0) & (shown.sign_count == 0))
        seen = {"sign_count": shown.sign_count, "backed_up": shown.backed_up, "last_used_at": accounts.now()}
        if shown.verified:
            seen["verifies"] = True
        changed: Any = db.execute(
            update(table).where(table.id == row.id, counts).values(seen),
            execution_options={"synchronize_session": False},
        )
        if changed.rowcount != 1:
            accounts.note("passkey-copied", user, name=row.name)
            accounts.mail("account/mail/passkey-copied", user.email, name=row.name)
            raise PasskeyRefused("its counter went back, or stands still: somebody has a copy")
        return row

    def __repr__(self) -> str:
        return "<Passkeys>"


def tell(error: PasskeyRefused) -> None:
    """Say in the log why a passkey was refused; whoever sent it does not learn it."""
    _log.info("A passkey was refused: %.200r", str(error))


def _is_handle(handle: Any, key: str) -> bool:
    """Whether what a passkey calls its owner is the key of a user."""
    from fido2.utils import websafe_encode

    return bool(handle == websafe_encode(key.encode()))


@functools.cache
def _script() -> tuple[bytes, str]:
    """Our script, and a version that changes with it."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "assets", "passkeys.js"), "rb") as file:
        body = file.read()
    return body, hashlib.sha256(body).hexdigest()[:12]
