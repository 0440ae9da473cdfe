"""What accounts are worked with: the same for all requests of an app."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from wholestack import Request
from wholestack.db import Session

from ._device import Device
from ._hashing import Passwords
from ._identity import Terms
from ._password_rules import PasswordRules
from ._throttle import Throttle
from ._ways import Ways

if TYPE_CHECKING:
    from ._accounts import Accounts

Closing = Callable[["Accounts[Any]", Any], None]
Exporting = Callable[["Accounts[Any]", Any], Mapping[str, Any]]
Opens = Callable[[Request], "contextlib.AbstractContextManager[Accounts[Any]]"]


class PasswordRefused(ValueError):
    """A password that the rules do not take.

    Attributes:
        reasons: why, for the person who chose it.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons: tuple[str, ...] = tuple(reasons)


class SecondFactor(Protocol):
    """A way to prove who one is beside the first.

    Attributes:
        path: below the plugin's own, where it is asked for while somebody logs in.
    """

    path: str

    def is_set_up(self, db: Session, user: Any) -> bool:
        """Whether a user has it."""
        ...


@dataclasses.dataclass(frozen=True)
class Section:
    """A line of the page of an account: what there is, and where it is changed.

    Attributes:
        title: what it is.
        path: where it is changed, below the plugin's own.
        state: how it stands, in a few words.
    """

    title: str
    path: str
    state: str = ""


def lets_close(accounts: Accounts[Any], user: Any) -> None:
    """Every account may end."""


def _not_sealed(request: Request) -> contextlib.AbstractContextManager[Accounts[Any]]:
    raise RuntimeError("The app is not sealed yet: app.seal().")


@dataclasses.dataclass(frozen=True)
class Means:
    """What accounts are worked with; the same for all requests of an app.

    Attributes:
        terms: what all of an app's logins have in common.
        passwords: what hashes.
        rules: which passwords are taken.
        throttle: how often one may try.
        factors: the second factors that there are.
        device: finds the browser of a request.
        site: what the site is called in mails.
        must_confirm: whether an address is proven before its account is let in.
        ways: what lets people in, beside passwords and passkeys.
        closing: called before an account ends; it may say no.
        unproven: days for which an account that somebody has made waits for the proof of its address; None: for ever.
        sections: what the page of an account leads to, each asked with the session and the user.
        opened: opens accounts outside of a request, in a transaction of their own.
        exporting: gives what else the app keeps of a user, for the export of an account.
    """

    terms: Terms
    passwords: Passwords
    rules: PasswordRules
    throttle: Throttle
    factors: Sequence[SecondFactor]
    device: Callable[[Request], Device]
    site: str
    must_confirm: bool = True
    ways: Ways = dataclasses.field(default_factory=Ways)
    closing: Closing = lets_close
    unproven: float | None = None
    sections: Sequence[Callable[[Session, Any], Sequence[Section]]] = ()
    opened: Opens = _not_sealed
    exporting: Exporting | None = None
