"""Codes of six digits that an app on somebody's phone makes (RFC 6238), as a second factor."""

from __future__ import annotations

import base64
import datetime
import hmac
import importlib
import logging
import secrets
import sys
from typing import Any
from urllib.parse import quote

from sqlalchemy import delete, update

from wholestack import App, SetupError
from wholestack.db import Session, select
from wholestack.errors import Fault

from ._accounts import Accounts
from ._factor_pages import include_pages
from ._factors import MOST_FAILURES, Factors

_log = logging.getLogger("wholestack.auth")
PERIOD, DIGITS = 30, 6
"""Seconds of a step, and digits of a code: what every app understands."""
_DRIFT = 1
"""Steps before and after the present one that are taken: clocks go wrong, and people type slowly (RFC 6238 §5.2)."""
_SECRET = 20
"""Bytes of a secret: as many as SHA-1 gives (RFC 4226 §4)."""
_FRESH = datetime.timedelta(hours=1)
"""How long a secret waits for its first code."""
_PURPOSE = "totp"


class TOTP:
    """Second factors by an app for codes: ``app.use(Database(), Auth(User), TOTP())``.

    People set it up at ``/account/factors``, with a picture to point their phone at, and are asked for a code at each
    login from then on. Their secret is encrypted under the app's own. Each code is taken once. With the first second
    factor they get recovery codes. It needs the extra ``totp``.

    Arguments:
        issuer: what their app calls this site; left out, the app's title.

    Raises:
        SetupError: when the app is sealed: there is no `Auth` (``no-plugin``), or the packages cryptography and segno
            are missing (``package-missing``).

    Example:
        >>> app = App(title="Notes")
        >>> app.use(TOTP(issuer="Notes"))
    """

    #: What it is called in templates, mails and the audit trail.
    name: str = "totp"

    def __init__(self, *, issuer: str | None = None) -> None:
        self.issuer = issuer
        frame: Any = sys._getframe(1)
        self.where: str = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self._factors: Factors | None = None

    def setup(self, app: App) -> None:
        """Add the pages where it is set up, and shown."""
        from ._totp_pages import router

        needed("TOTP", self.where, "totp", "cryptography.fernet", "segno")
        factors = self._factors = include_pages(app, self)
        self.issuer = self.issuer or app.title
        app.include(router, at=factors.auth.places.at)

        def totp() -> TOTP:
            return self

        app.provide(totp, scope="app")

    # -- setting it up -------------------------------------------------------------------------------------------

    def enrol(self, accounts: Accounts[Any], user: Any) -> bool:
        """Make a secret, which counts after its first code; False where there is one that counts."""
        table, db = self._table, accounts.db
        if self.is_set_up(db, user):
            return False
        db.execute(delete(table).where(table.user_id == user.id, table.confirmed_at.is_(None)))
        secret = self._sealed(user, secrets.token_bytes(_SECRET))
        db.add(table(user_id=user.id, secret=secret, created_at=accounts.now()))
        db.flush()
        return True

    def waiting(self, accounts: Accounts[Any], user: Any) -> bytes | None:
        """The secret that waits for its first code; None where there is none, or it waited too long."""
        table = self._table
        since = accounts.now() - _FRESH
        waits = (table.user_id == user.id, table.confirmed_at.is_(None), table.created_at > since)
        row = accounts.db.scalar(select(table).where(*waits))
        return None if row is None else self._opened(user, row.secret)

    def confirm(self, accounts: Accounts[Any], user: Any, code: str) -> bool:
        """Let the secret that waits count, if this is a code of it."""
        table, secret = self._table, self.waiting(accounts, user)
        step = None if secret is None else step_of(secret, code, accounts.now())
        if step is None:
            return False
        counts = update(table).where(table.user_id == user.id, table.confirmed_at.is_(None))
        return _changed(accounts.db, counts.values(confirmed_at=accounts.now(), last_step=step))

    def remove(self, accounts: Accounts[Any], user: Any) -> bool:
        """Take it away; whether there was one."""
        table = self._table
        return _changed(accounts.db, delete(table).where(table.user_id == user.id, table.confirmed_at.is_not(None)))

    # -- showing it ----------------------------------------------------------------------------------------------

    def is_set_up(self, db: Session, user: Any) -> bool:
        """Whether a user has it."""
        table = self._table
        found = db.scalar(select(table.id).where(table.user_id == user.id, table.confirmed_at.is_not(None)))
        return found is not None

    def takes(self, accounts: Accounts[Any], user: Any, code: str) -> bool:
        """Whether a code is right now; it is used up by that: of two who show it at once, one passes."""
        table, db = self._table, accounts.db
        row = db.scalar(select(table).where(table.user_id == user.id, table.confirmed_at.is_not(None)))
        secret = None if row is None else self._opened(user, row.secret)
        if row is None or secret is None:
            return False
        step = step_of(secret, code, accounts.now())
        if step is not None:
            fresh = (table.id == row.id, table.last_step < step, table.failures < MOST_FAILURES)
            values = {"last_step": step, "failures": 0, "secret": self._renewed(row.secret)}
            if _changed(db, update(table).where(*fresh).values(values)):
                return True
        _changed(db, update(table).where(table.id == row.id).values(failures=table.failures + 1))
        return False

    @property
    def _table(self) -> Any:
        return self._auth.tables.totp

    @property
    def _auth(self) -> Any:
        if self._factors is None:
            raise RuntimeError("TOTP is used before its app is sealed.")
        return self._factors.auth

    # -- how a secret is kept ------------------------------------------------------------------------------------

    def uri(self, user: Any, secret: bytes) -> str:
        """What the picture says to an app (the form that Google's app began)."""
        issuer = quote(str(self.issuer), safe="")
        label = f"{issuer}:{quote(user.email, safe='')}"
        told = f"secret={text_of(secret)}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
        return f"otpauth://totp/{label}?{told}"

    def _sealed(self, user: Any, secret: bytes) -> bytes:
        # With whose it is: copied into another's row it opens nothing there.
        return bytes(self._boxes()[0].encrypt(user.key.encode() + b" " + secret))

    def _opened(self, user: Any, sealed: bytes) -> bytes | None:
        from cryptography.fernet import InvalidToken, MultiFernet

        try:
            opened = MultiFernet(self._boxes()).decrypt(sealed)
        except InvalidToken:
            _log.error("A secret of TOTP cannot be read: SECRET_KEY does not hold the secret that it was kept with.")
            return None
        # By its length: a key may have blanks in it, and so may a secret.
        return opened[-_SECRET:] if hmac.compare_digest(opened[:-_SECRET], user.key.encode() + b" ") else None

    def _renewed(self, sealed: bytes) -> bytes:
        """The same under the newest secret of the app, where it was kept under an older one."""
        from cryptography.fernet import InvalidToken, MultiFernet

        boxes = self._boxes()
        try:
            boxes[0].decrypt(sealed)
        except InvalidToken:
            return bytes(MultiFernet(boxes).rotate(sealed))
        return sealed

    def _boxes(self) -> list[Any]:
        from cryptography.fernet import Fernet

        return [Fernet(key) for key in self._auth.keys.derived(_PURPOSE)]

    def __repr__(self) -> str:
        return "<TOTP>"


def code_of(secret: bytes, step: int) -> str:
    """The code of a time step (RFC 4226 §5.3).

    Example:
        >>> code_of(b"12345678901234567890", 1)
        '287082'
    """
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: bytes, code: str, now: datetime.datetime) -> int | None:
    """The time step that a code belongs to, of those that are taken now; None where it is wrong.

    Example:
        >>> moment = datetime.datetime(1970, 1, 1, 0, 0, 59, tzinfo=datetime.UTC)
        >>> step_of(b"12345678901234567890", "287 082", moment)
        1
    """
    digits = "".join(each for each in code if each in "0123456789")
    present = int(now.timestamp()) // PERIOD
    steps = range(max(present - _DRIFT, 0), present + _DRIFT + 1)
    found = [each for each in steps if hmac.compare_digest(code_of(secret, each), digits)]  # All of them, always.
    return found[-1] if found else None


def text_of(secret: bytes) -> str:
    """A secret as people type it into an app (base32)."""
    return base64.b32encode(secret).decode()


def needed(what: str, where: str, extra: str, *modules: str) -> None:
    """See that an extra is installed.

    Raises:
        SetupError: it is not (``package-missing``).
    """
    try:
        for each in modules:
            importlib.import_module(each)
    except ImportError as error:
        message = f"{what} needs a package that is not installed: {error.name}."
        raise SetupError([Fault("package-missing", message, where, f"pip install 'wholestack[{extra}]'")]) from None


def _changed(db: Session, statement: Any) -> bool:
    changed: Any = db.execute(statement, execution_options={"synchronize_session": False})
    return bool(changed.rowcount == 1)
