"""The plugin: what handlers send with, how it goes out, and what `wholestack check` looks at."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from wholestack import App, Secret
from wholestack.db import Session, stage
from wholestack.errors import Fault, SetupError

from ._address import Address, Recipients
from ._backends import Backend, Console, Memory, backend_of
from ._compose import Composer
from ._errors import MessageRefused, wrong_mail
from ._letter import Letter
from ._mailer import Mailer
from ._message import Message
from ._preview import Preview
from ._sending import Sending

LARGEST = 10 * 1024 * 1024
"""Bytes of a letter; servers take from 10 to 25 MiB."""
_VISIBLE = re.compile(r"[!-~]+")


class Mailing:
    """Mail for an app: ``app.use(Database(), Mailing("Shop <shop@example.com>"), Outbox())``.

    Handlers and tasks ask for ``mailer: Mailer``. With an `Outbox`, a message is a row of the
    request's transaction; without one it is sent in the background after the answer, and lost if the process ends.

    Arguments:
        sender: whom messages are from that do not say so themselves; its domain is that of each Message-ID.
        backend: where they go, as a `Backend` or as its address (see `backend_of`). Where none is given, ``MAIL_URL``
            in the environment says it; without that they are printed, and in tests, which never look at ``MAIL_URL``,
            kept in memory.
        base_url: where the app is reached, ``"https://shop.example"``, for links in templates.
        largest: bytes that a message may have as it is sent.

    Raises:
        SetupError: no address of a sender, no address for sending, or no base URL (``bad-mail``).

    Example:
        >>> app = App()
        >>> app.use(Mailing("Shop <shop@example.com>", base_url="https://shop.example"))
        >>> @app.post("/orders")
        ... def order(mailer: Mailer) -> None:
        ...     mailer.send(Message("zoe@example.org", "Your order", "It is on its way."))
    """

    def __init__(
        self,
        sender: str | Address,
        backend: Backend | str | Secret | None = None,
        *,
        base_url: str | None = None,
        largest: int = LARGEST,
    ) -> None:
        try:
            found = Address.parse(sender)
        except MessageRefused as refused:
            raise wrong_mail(f"The sender is refused: {refused}", 'Mailing("Shop <shop@example.com>")') from None
        if isinstance(backend, str | Secret):
            backend = backend_of(backend)
        frame: Any = sys._getframe(1)
        self._file: str = frame.f_code.co_filename
        self._where: str = f"{self._file}:{frame.f_lineno}"
        self._base_url = _checked(base_url) if base_url is not None else None
        self._composer: Composer | None = None
        self._app: App | None = None
        self.outbox_tasks: tuple[Any, ...] = ()
        self.sending: Sending = Sending(found, backend, largest)

    @property
    def sender(self) -> Address:
        """Whom messages are from that do not say so themselves."""
        return self.sending.sender

    @property
    def base_url(self) -> str | None:
        """Where the app is reached, without a slash at its end; None where nobody has said it."""
        return self._base_url

    @property
    def backend(self) -> Backend:
        """Where messages go; another one may be set, as tests do."""
        return self.sending.backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        self.sending.backend = backend

    # -- sending -------------------------------------------------------------------------------------------------

    def mailer(self, db: Session) -> Mailer:
        """A mailer for commands and scripts, that sends if a session's transaction commits.

        With an `Outbox` a message is a row of the transaction; without one it is sent right after the commit.

        Raises:
            SetupError: no app that is sealed uses this (``bad-mail``).
        """
        app, composer = self._used()
        if not _uses_outbox(app):
            return Mailer(self.sending, composer, lambda letter: db.after(commit=lambda: self.sending.send(letter)))
        from wholestack.outbox import Queue

        from ._stored import put

        queue = Queue(app, db)
        return Mailer(self.sending, composer, lambda letter: put(queue, db, self.sending, letter))

    def send_now(self, message: Message) -> str:
        """Send a message before this returns; see `Mailer.send_now`.

        Example:
            >>> mailing = Mailing("shop@example.com", "memory:")
            >>> mailing.send_now(Message("zoe@example.org", "Hi", "Hello")).partition("@")[2]
            'example.com'
        """
        letter = self.sending.letter(message)
        self.sending.send(letter)
        return letter.id

    def compose(self, template: str, /, to: Recipients, **values: Any) -> Message:
        """A message from templates; see `Mailer.compose`.

        Raises:
            SetupError: no app uses this (``bad-mail``).
        """
        return self._used()[1].compose(template, to, values)

    def _used(self) -> tuple[App, Composer]:
        if self._app is None or self._composer is None:
            raise wrong_mail("No app that is sealed uses this Mailing.", "app.use(Mailing(…)), then app.seal()")
        return self._app, self._composer

    # -- the plugin ----------------------------------------------------------------------------------------------

    def setup(self, app: App) -> None:
        """Let handlers and tasks ask for a `Mailer`."""
        composer = self._composer = Composer(app, self._base_url, self._file)
        self._app = app
        self.outbox_tasks = ()
        if _uses_outbox(app):
            self._give_rows(app, composer)
        else:
            self._give_background(app, composer)
        app.check(self._unfit)
        app.check(composer.faults)
        app.lifespan(self._begun)
        if stage() == "development":
            Preview(self.sending, self._base_url).add_to(app)

    def _give_rows(self, app: App, composer: Composer) -> None:
        from wholestack.outbox import Queue

        from ._stored import deliver, keep_letters, put

        keep_letters(app)
        self.outbox_tasks = (deliver,)

        def mailer(queue: Queue, db: Session) -> Mailer:
            return Mailer(self.sending, composer, lambda letter: put(queue, db, self.sending, letter))

        def sending() -> Sending:
            return self.sending

        app.provide(mailer, waits=True)
        app.provide(sending, scope="app")

    def _give_background(self, app: App, composer: Composer) -> None:
        def mailer() -> Iterator[Mailer]:
            waiting: list[Letter] = []
            response: Any = yield Mailer(self.sending, composer, waiting.append)
            # The commit comes yet; where it fails, another response is sent in place of this one.
            if response.status < 400:
                for letter in waiting:
                    response.after(self.sending.send, letter)

        app.provide(mailer, waits=True)

    def _unfit(self) -> list[Fault]:
        """The fault of an app in production whose mail reaches nobody."""
        if stage() != "production" or not isinstance(self.backend, Console | Memory):
            return []
        message = f"In production mail would go to {self.backend!r}, and reach nobody."
        return [Fault("mail-console", message, self._where, "Set MAIL_URL to smtp://user:password@host")]

    @contextlib.contextmanager
    def _begun(self) -> Iterator[None]:
        """Do not start in production before somebody has said where mail goes; an address that is none is told now."""
        _ = self.backend
        if not self.sending.is_chosen and (faults := self._unfit()):
            raise SetupError(faults)
        yield

    def __repr__(self) -> str:
        return f"<Mailing {self.sender.address} {self.sending.given!r}>"


def _checked(base_url: str) -> str:
    """Where an app is reached, without the last slash."""
    try:
        parts = urlsplit(base_url)
        _ = parts.port
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    except ValueError:
        is_sound = False
        parts = urlsplit("")
    if not is_sound or parts.query or parts.fragment or not _VISIBLE.fullmatch(base_url):
        raise wrong_mail(f"{base_url!r} is no base URL.", 'Mailing(…, base_url="https://shop.example")')
    return base_url.rstrip("/")


def _uses_outbox(app: App) -> bool:
    if "wholestack.outbox" not in sys.modules:
        return False
    from wholestack.outbox import Outbox

    return any(isinstance(each, Outbox) for each in app.plugins)
