"""What handlers do with accounts: make them, let people in and out, change what opens them."""

from __future__ import annotations

import contextlib
import datetime
import functools
import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import delete, update

from wholestack import Forbidden, Request
from wholestack.db import Session, select
from wholestack.languages import current_language, gettext, language
from wholestack.mail import Letter, Mailer
from wholestack.sessions import BrowserSession, NotRevocable, Sessions

from ._device import Device, browser_name
from ._identity import Identity, Login, Pending
from ._links import HOUR, Links, digest_of
from ._means import Means, PasswordRefused, Section
from ._tables import Tables
from ._user import normal_email

U = TypeVar("U")
_log = logging.getLogger("wholestack.auth")
PENDING = datetime.timedelta(minutes=10)
"""How long a first factor is good for while the second is awaited."""
_LONGEST = 255
_SHORT, _BEGUN = 16, 5
"""Letters of a digest that tell a link from others of the same browser, and how many a browser remembers."""
_SEVERAL = frozenset({"confirm"})
"""Links of which several may be open: each carries what was chosen with it."""


class Accounts(Generic[U]):
    """Accounts, in a request: ``accounts: Accounts[User]``.

    Everything it writes is part of the request's transaction; what it does to the session counts when the answer goes
    out. Passwords are hashed on threads of their own, in either colour.

    Arguments:
        means: what all of an app's requests have in common.
        request: the request.
        identity: who sends it.
        session: its session.
        db: its session of the database.
        mailer: sends mail.
        sessions: everybody's sessions.
    """

    def __init__(
        self,
        means: Means,
        request: Request,
        identity: Identity[U],
        session: BrowserSession[Login],
        db: Session,
        mailer: Mailer,
        sessions: Sessions,
    ) -> None:
        self._means = means
        self._terms = means.terms
        self._request = request
        self._session = session
        self._sessions = sessions
        self._mailer = mailer
        self.identity: Identity[U] = identity
        self.db: Session = db
        self.device: Device = means.device(request)
        self.links: Links = Links(means.terms, db)

    @property
    def must_confirm(self) -> bool:
        """Whether an address is proven before its account is let in."""
        return self._means.must_confirm

    @property
    def tables(self) -> Tables:
        """The mapped classes of users and of what belongs to them."""
        return self._terms.tables

    def now(self) -> datetime.datetime:
        """The present moment, by the clock of the app's logins."""
        return self._terms.clock()

    def sections(self, user: U) -> list[Section]:
        """What the page of an account leads to, beside the password and the address."""
        return [each for found in self._means.sections for each in found(self.db, user)]

    # -- finding and making --------------------------------------------------------------------------------------

    def find(self, email: str) -> U | None:
        """The user with an address, however it is written; None where there is none."""
        user = self._terms.tables.user
        return self.db.scalar(select(user).where(user.email == normal_email(email)))

    def get(self, key: str) -> U | None:
        """The user with a key, as text; None where there is none."""
        found = self._terms.key_of(key)
        return None if found is None else self.db.get(self._terms.tables.user, found)

    def create(self, email: str, password: str | None = None, **fields: Any) -> U:
        """Make an account, which is in the session of the database afterwards.

        Arguments:
            email: its name.
            password: left out, it is let in by other means only.
            fields: further columns of the model.

        Raises:
            PasswordRefused: see `PasswordRules`.
            Duplicate: the address has an account.
        """
        hashed = None if password is None else self.hashed(password, email, *map(str, fields.values()))
        user: U = self._terms.tables.user(email=email, password=hashed, **fields)
        self.db.add(user)
        self.db.flush()
        self.note("account-made", user)
        return user

    def hashed(self, password: str, *about: str) -> str:
        """The hash of a new password.

        Arguments:
            password: as it was typed.
            about: what it must not be like: the address, a name.

        Raises:
            PasswordRefused: see `PasswordRules`.
        """
        if reasons := self._means.rules.faults(password, about=about):
            raise PasswordRefused(reasons)
        return self._means.passwords.hash(password)

    # -- passwords -----------------------------------------------------------------------------------------------

    def check_password(self, email: str, password: str) -> U | None:
        """The user whom an address and a password belong to; None where they do not, whatever of them is wrong.

        Each try is counted before the password is looked at. It takes as long for an address that has no account. No
        connection of the database is held while a password is hashed: what was done so far is committed.

        Raises:
            TooManyRequests: there were too many tries (``too-many-logins``).
            ServiceUnavailable: too many log in at the moment (``logins-busy``).
        """
        with self._means.passwords.admitted():
            return self._checked(normal_email(email), password)

    def _checked(self, name: str, password: str) -> U | None:
        throttle, passwords, address = self._means.throttle, self._means.passwords, self._request.client
        found: Any = self.find(name)
        # Asked for nobody as well: what is done for an account must not take longer than for none.
        known = self.device.id if self.device.knows("" if found is None else found.key) else None
        self.db.commit()
        throttle.take(name, address, device=known)
        if found is None or found.password is None:
            passwords.verify_nobody(password)
            self._refused(found, name)
            return None
        verified = passwords.verify(password, found.password)
        if not verified.ok or not found.is_active:
            self._refused(found, name)
            return None
        throttle.passed(name, address, device=known)
        if verified.rehash:
            self._hash_anew(found, password)
        return found  # type: ignore[no-any-return]

    def _hash_anew(self, user: Any, password: str) -> None:
        """Keep a password under today's parameters, unless it was changed meanwhile: an old one must not come back."""
        table, old = self._terms.tables.user, user.password
        hashed = self._means.passwords.hash(password)
        same = update(table).where(table.id == user.id, table.password == old).values(password=hashed)
        self.db.execute(same, execution_options={"synchronize_session": False})
        self.db.expire(user, ["password"])

    def _refused(self, user: Any, name: str) -> None:
        self.note("login-failed", user, **({} if user is not None else {"account": name[:_LONGEST]}))
        self.db.commit()  # The answer is an error, which would take it back.

    def count_mail(self, email: str) -> None:
        """Count that somebody has a mail sent to an address, whether it has an account or not: nobody is flooded.

        Raises:
            TooManyRequests: there were too many (``too-many-logins``).
        """
        self._means.throttle.take(f"mail to {normal_email(email)}", self._request.client, mail=True)

    def is_own_password(self, user: U, password: str) -> bool:
        """Whether it is the user's password: for proof by somebody who is logged in already. Each try is counted.

        Raises:
            TooManyRequests: there were too many tries (``too-many-logins``).
        """
        row: Any = user
        return self.check_password(row.email, password) is not None

    def set_password(self, user: U, password: str, *, stay: bool = True) -> None:
        """Give a user a new password, and end all their sessions, and the links that were mailed before.

        Arguments:
            user: whose.
            password: the new one.
            stay: whether the session at hand goes on, under a new id, where it is theirs.

        Raises:
            PasswordRefused: see `PasswordRules`.
        """
        row: Any = user
        self.take_hash(user, self.hashed(password, row.email), stay=stay)

    def take_hash(self, user: U, hashed: str, *, stay: bool = True) -> None:
        """As `set_password`, for who has made the hash before the transaction began: it takes long."""
        row: Any = user
        row.password = hashed
        # Its owner does not go on waiting for what others have tried; in a transaction of its own, so afterwards.
        self.db.after(commit=functools.partial(self._means.throttle.passed, row.email, self._request.client))
        self.note("password-changed", user)
        self.links.end(user)
        self.log_out_everywhere(user, stay=stay)
        self.mail("account/mail/password-changed", row.email)

    def remove_password(self, user: U) -> None:
        """Take a user's password away, whom something else lets in; their other sessions end, and mailed links.

        Arguments:
            user: whose.
        """
        row: Any = user
        row.password = None
        self.note("password-removed", user)
        self.links.end(user)
        self.log_out_everywhere(user, stay=True)
        self.mail("account/mail/password-removed", row.email)

    # -- coming in, and going out --------------------------------------------------------------------------------

    def log_in(self, user: U, *methods: str, remember: bool = False) -> str | None:
        """Let a user in who has shown a factor; where a second one is set up, it is awaited.

        Arguments:
            user: who.
            methods: what was shown, in the words of RFC 8176: ``"pwd"``, ``"otp"``, ``"hwk"`` …
            remember: whether the login stays when the day is over.

        Returns:
            None when they are in; else the path, below the plugin's own, where the second factor is asked for.
        """
        row: Any = user
        step = self.second_factor(user) if len(methods) == 1 and methods[0] != "hwk" else None
        if step is not None:
            now, version = self._terms.clock(), row.login_version
            pending = Pending(user=row.key, methods=[*methods], at=now, version=version, remember=remember)
            self._session.rotate()  # Whoever knew the session before has not shown the first factor.
            self._session.data.pending = pending
            return step
        self._enter(user, [*methods], remember=remember)
        return None

    def second_factor(self, user: U) -> str | None:
        """Where a user shows a second factor, a path below the plugin's own; None for who has none."""
        return next((each.path for each in self._means.factors if each.is_set_up(self.db, user)), None)

    def pending(self) -> tuple[U, Pending] | None:
        """Who is half way in, and how; None where nobody is, or it was too long ago."""
        found = self._session.data.pending
        if found is None or self._terms.clock() - found.at > PENDING:
            return None
        key = self._terms.key_of(found.user)
        user: Any = None if key is None else self.db.get(self._terms.tables.user, key)
        if user is None or not user.is_active or user.login_version != found.version:
            return None
        return user, found

    def finish(self, method: str) -> U | None:
        """Let in who is half way in, and has shown a second factor now; None where nobody is.

        Arguments:
            method: what was shown, in the words of RFC 8176.
        """
        found = self.pending()
        if found is None:
            return None
        user, pending = found
        self._enter(user, [*pending.methods, method, "mfa"], remember=pending.remember)
        return user

    def _enter(self, user: U, methods: list[str], *, remember: bool) -> None:
        row: Any = user
        now, version = self._terms.clock(), row.login_version
        is_new = not self.device.knows(row.key)
        if is_new and row.last_login_at is not None:
            address = self._request.client or "?"
            self.mail("account/mail/new-device", row.email, agent=browser_name(self._agent), address=address, at=now)
        row.last_login_at = now
        self.device.learn(row.key)
        self.note("login", user, methods=methods, new_device=is_new)
        self._session.user = row.key
        self._session.data = Login(at=now, confirmed_at=now, methods=methods, version=version, remember=remember)
        self.identity.became(user)

    def confirm(self, method: str) -> None:
        """Note that the user at hand has just proven again who they are, for the session that is theirs.

        Raises:
            Forbidden: a token was shown: the session beside it may be anybody's.
        """
        if self.identity.by_token:
            raise Forbidden(gettext("A token proves nothing for the session beside it."))
        login = self._session.data
        login.confirmed_at = self._terms.clock()
        login.methods = [*dict.fromkeys([*login.methods, method])]
        self._session.rotate()
        self.note("login-confirmed", self.identity.user, methods=[method])

    def log_out(self) -> None:
        """End the session at hand: its cookie is dead for whoever has copied it."""
        if self.identity.user is not None:
            self.note("logout", self.identity.user)
        self._session.revoke()
        self.identity.became(None)

    def log_out_everywhere(self, user: U, *, stay: bool = False) -> None:
        """End every session of a user, on all devices.

        Arguments:
            user: whose.
            stay: whether the session at hand goes on, under a new id, where it is theirs.
        """
        row: Any = user
        row.login_version = type(row).login_version + 1  # Of the row as it is: two at once are two.
        mine = self._session.user == row.key
        self.db.flush()
        with contextlib.suppress(NotRevocable):  # Of cookies: they are of a version that is over.
            self._sessions.revoke_all(row.key, but=self._session if mine and stay else None)
        if mine and stay:
            self._session.data.version = row.login_version
            self._session.rotate()
        elif mine:
            self._session.revoke()
            self.identity.became(None)

    def close(self, user: U) -> None:
        """End an account: its row goes, with all that belongs to it; what was noted stays, without a name.

        Its owner is told by mail, and its sessions end. What asks for nothing is a statement that deletes the row.

        Arguments:
            user: whose account it is.

        Raises:
            ClosingRefused: ``Auth(closing=…)`` says that it may not end yet, or rows that stay refer to it.
        """
        row: Any = user
        self._means.closing(self, row)
        self.note("account-closed", row)
        self.mail("account/mail/account-closed", row.email)
        self.log_out_everywhere(user)
        self.db.flush()
        self.db.execute(delete(self.tables.user).where(self.tables.user.id == row.id))
        self.db.expunge(row)

    # -- what is told, and kept ----------------------------------------------------------------------------------

    @property
    def _agent(self) -> str:
        return (self._request.headers.get("user-agent") or "")[:_LONGEST]

    def note(self, kind: str, user: Any = None, **details: Any) -> None:
        """Write a line of the audit trail, in this transaction and in the log ``wholestack.auth``.

        Arguments:
            kind: what has happened, such as ``password-changed``.
            user: whose account it is about.
            details: more, as JSON has it; never a secret.
        """
        # Where it was found out already who sends this: to ask would refuse a token that is not valid.
        current: Any = self.identity.user if self.identity._found else None
        actor = (self.identity.impersonator or current.key) if current is not None else ""
        key = "" if user is None else user.key
        address = (self._request.client or "")[:_LONGEST]
        line = self._terms.tables.event(kind=kind, user=key, actor=actor, address=address, agent=self._agent)
        line.request, line.details, line.created_at = (self._request.id or "")[:_LONGEST], details, self._terms.clock()
        self.db.add(line)
        _log.info("%s", kind, extra={"user": key, "actor": actor, "client": address})

    def mail(self, template: str, to: str, *, send: bool = True, **values: Any) -> None:
        """Send a mail from a template, if the transaction commits.

        Arguments:
            template: its name, without its suffix.
            to: the address.
            send: False writes it only: that takes as long, and so does not tell who has an account.
            values: what the template shows.
        """
        # Never the request's host: whoever asks for a mail to somebody else would choose it (CWE-640).
        message = self._mailer.compose(template, to, site=self._means.site, **values)
        if send:
            self._mailer.send(message)
        else:
            Letter.of(message, message.to[0]).to_bytes()

    def lock(self, key: Any) -> None:
        """Let nobody else who asks for it change an account before this transaction is over.

        Arguments:
            key: the user's, as the model has it.
        """
        user = self._terms.tables.user
        self.db.execute(select(user.id).where(user.id == key).with_for_update())

    def owner_of(self, link: Any) -> U | None:
        """Whose a link is; None for no link, for who may not come in, and where their address is another by now."""
        if link is None:
            return None
        user: Any = self.db.get(self._terms.tables.user, link.user_id)
        alive = user is not None and user.is_active and link.data.get("address", user.email) == user.email
        return user if alive else None

    def mail_link(self, purpose: str, user: U, *, hours: float, to: str | None = None, **data: Any) -> str:
        """Mail a link that is shown once; its template is ``account/mail/{purpose}``. Gives its text.

        Arguments:
            purpose: what it is for.
            user: whose it is.
            hours: how long it is good for.
            to: another address than the user's.
            data: what the link carries, as JSON.
        """
        row: Any = user
        replaces = purpose not in _SEVERAL
        text = self.links.make(purpose, user, lifetime=hours * HOUR, replaces=replaces, address=row.email, **data)
        self.mail(f"account/mail/{purpose}", to or row.email, token=text, hours=hours)
        return text

    def mail_confirmation(self, user: U, hashed: str | None) -> None:
        """Mail a link that proves an address, and carries the password that was chosen with it.

        Whoever makes an account with somebody else's address chooses a password for it. So the link sets the one
        that was chosen when it was mailed, and asks for it where another browser opens it: by confirming an address
        nobody takes over an account that a stranger has the password of.
        Where there is no password it is for the browser that has begun it alone.
        """
        text = self.mail_link("confirm", user, hours=24, hashed=hashed)
        self.chose(digest_of(text))

    def chose(self, digest: str) -> None:
        """Note that this browser has begun a link; for each answer that must look as if it had, too."""
        login = self._session.data
        login.chosen = [*login.chosen, digest[:_SHORT]][-_BEGUN:]

    def has_chosen(self, link: Any) -> bool:
        """Whether this browser has begun a link, and so knows the password that it carries."""
        return link is not None and link.digest[:_SHORT] in self._session.data.chosen

    def is_of_another(self, link: Any) -> bool:
        """Whether a link is for the browser alone that has begun it, and this is another."""
        return link is not None and link.data.get("hashed") is None and not self.has_chosen(link)

    def is_chosen_password(self, link: Any, password: str) -> bool:
        """Whether it is the password that a link carries; who reads the mail may not try as many as they like.

        Each try is counted before the password is looked at, as at a login, under a name of its own: who guesses here
        keeps nobody from their login, and who is right here has taken back no guess at the login. No connection of the
        database is held meanwhile: what was done so far is committed.

        Raises:
            TooManyRequests: there were too many tries (``too-many-logins``).
            ServiceUnavailable: too many log in at the moment (``logins-busy``).
        """
        means, hashed, address = self._means, link.data["hashed"], self._request.client
        name, user = f"confirmation of {link.data['address']}", self.owner_of(link)
        with means.passwords.admitted():
            self.db.commit()
            means.throttle.take(name, address)
            if means.passwords.verify(password, hashed).ok:
                means.throttle.passed(name, address)
                return True
        self.note("confirmation-failed", user)
        self.db.commit()  # The answer is an error, which would take it back.
        return False

    def later(self, function: Callable[..., None], *args: Any) -> Callable[[], None]:
        """Let a function work with accounts when the answer is away, so that its time tells nothing.

        Arguments:
            function: called with `Accounts` outside of the request, and what follows; its work is committed.
            args: what follows.
        """
        spoken, opened, request = current_language().tag, self._means.opened, self._request

        def work() -> None:
            with language(spoken), opened(request) as accounts:
                function(accounts, *args)

        return work
