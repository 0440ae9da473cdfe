"""What of WebAuthn (level 3) is asked of a browser, and what is checked of its answers; fido2 does the arithmetic."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

Verification = Literal["required", "preferred"]
LONGEST_ID = 1023
"""Bytes of a credential's id (WebAuthn level 3 §7.1, step 25)."""
_ALGORITHMS = (-8, -7, -257)
"""EdDSA, ES256 and RS256 (COSE), which together every authenticator has."""
_CREATE, _GET = "webauthn.create", "webauthn.get"


class PasskeyRefused(ValueError):
    """An answer of a browser that proves nothing; its text is for the log, and not for whoever sent it."""


@dataclasses.dataclass(frozen=True)
class Registered:
    """What a new passkey has said of itself.

    Attributes:
        credential: its id, base64url.
        public_key: its key in COSE.
        sign_count: its counter.
        transports: how a browser reaches it.
        verified: whether it has known its owner, by a finger or a code.
        copyable: whether its maker may keep a copy of it.
        backed_up: whether its maker keeps one.
    """

    credential: str
    public_key: bytes
    sign_count: int
    transports: list[str]
    verified: bool
    copyable: bool
    backed_up: bool


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a passkey has proven, whose signature is right.

    Attributes:
        sign_count: its counter.
        verified: whether it has known its owner, by a finger or a code.
        copyable: whether its maker may keep a copy of it.
        backed_up: whether its maker keeps one.
    """

    sign_count: int
    verified: bool
    copyable: bool
    backed_up: bool


class RelyingParty:
    """A site as passkeys know it.

    Arguments:
        id: its domain (the RP ID): passkeys are for it, and for the domains below it.
        name: what people call it.
        is_own: whether an origin, such as ``"https://example.org"``, is one of the site's.
    """

    def __init__(self, id: str, name: str, is_own: Callable[[str], bool]) -> None:
        from fido2.server import Fido2Server
        from fido2.webauthn import PublicKeyCredentialRpEntity

        self.id: str = id
        self.is_own: Callable[[str], bool] = is_own
        self._server: Any = Fido2Server(PublicKeyCredentialRpEntity(name=name, id=id), verify_origin=is_own)
        known = {each.alg: each for each in self._server.allowed_algorithms}
        self._server.allowed_algorithms = [known[each] for each in _ALGORITHMS if each in known]

    # -- what is asked -------------------------------------------------------------------------------------------

    def creation(self, user: Any, taken: Iterable[Any], challenge: str) -> Mapping[str, Any]:
        """What a browser is asked to make a passkey by (`PublicKeyCredentialCreationOptionsJSON`).

        Arguments:
            user: for whom.
            taken: rows of the passkeys that they have: an authenticator that holds one of them makes no other.
            challenge: what the answer is to have signed, base64url.
        """
        from fido2.utils import websafe_decode
        from fido2.webauthn import PublicKeyCredentialUserEntity

        entity = PublicKeyCredentialUserEntity(id=user.key.encode(), name=user.email, display_name=user.email)
        asked, _ = self._server.register_begin(
            entity,
            [*map(_descriptor, taken)],
            resident_key_requirement="preferred",
            user_verification="preferred",
            challenge=websafe_decode(challenge),
        )
        return dict(asked)

    def request(self, challenge: str, allowed: Iterable[Any] | None, verification: Verification) -> Mapping[str, Any]:
        """What a browser is asked to show a passkey by (`PublicKeyCredentialRequestOptionsJSON`).

        Arguments:
            challenge: what the answer is to have signed, base64url.
            allowed: rows of the passkeys that are taken; None for any that the browser finds (discoverable).
            verification: whether it must know its owner, by a finger or a code.
        """
        from fido2.utils import websafe_decode

        rows = None if allowed is None else [*map(_descriptor, allowed)]
        asked, _ = self._server.authenticate_begin(
            rows, user_verification=verification, challenge=websafe_decode(challenge)
        )
        return dict(asked)

    # -- what is answered ----------------------------------------------------------------------------------------

    def registered(self, answer: Mapping[str, Any], challenge: str) -> Registered:
        """What a new passkey has said of itself (WebAuthn level 3 §7.1).

        Raises:
            PasskeyRefused: it is not what was asked for.
        """
        from fido2 import cbor
        from fido2.utils import websafe_decode

        try:
            _from_here(answer)
            data = self._server.register_complete({"challenge": challenge, "user_verification": "preferred"}, answer)
            made = data.credential_data
            said = answer["response"].get("transports") or []
            found = Registered(
                credential=_text(made.credential_id),
                public_key=bytes(cbor.encode(dict(made.public_key))),
                sign_count=data.counter,
                transports=[each for each in said if isinstance(each, str)][:10],
                verified=data.is_user_verified(),
                copyable=data.is_backup_eligible(),
                backed_up=data.is_backed_up(),
            )
            algorithm, called = made.public_key.get(3), websafe_decode(answer["rawId"])
            is_key = _is_key(made.public_key)
        except Exception as error:  # What comes from outside may be anything, and fido2 says no in many ways.
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
        if algorithm not in _ALGORITHMS or not is_key:
            raise PasskeyRefused("an algorithm that was not asked for, or a key that is none")
        if called != made.credential_id or not 1 <= len(called) <= LONGEST_ID:
            raise PasskeyRefused("an id that is another, or too long")
        _sound(found)
        return found

    def shown(self, answer: Mapping[str, Any], challenge: str, row: Any, verification: Verification) -> Shown:
        """What a passkey has proven (WebAuthn level 3 §7.2).

        Arguments:
            answer: the browser's.
            challenge: what it is to have signed, base64url.
            row: the passkey's, as it is kept.
            verification: what was asked for.

        Raises:
            PasskeyRefused: it is not what was asked for, or its signature is not right.
        """
        from fido2 import cbor
        from fido2.cose import CoseKey
        from fido2.utils import websafe_decode
        from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

        try:
            _from_here(answer)
            key: Any = CoseKey.parse(cbor.decode(row.public_key))  # type: ignore[arg-type]
            known = AttestedCredentialData.create(Aaguid.NONE, websafe_decode(row.credential), key)
            state = {"challenge": challenge, "user_verification": verification}
            self._server.authenticate_complete(state, [known], answer)
            data = AuthenticatorData(websafe_decode(answer["response"]["authenticatorData"]))
            found = Shown(data.counter, data.is_user_verified(), data.is_backup_eligible(), data.is_backed_up())
        except Exception as error:  # As above.
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
        _sound(found)
        if found.copyable != row.copyable:
            raise PasskeyRefused("it says another thing of copies than when it was made")
        return found


def read(text: str) -> tuple[Mapping[str, Any], str, str]:
    """What a browser has sent: the answer, the id of its credential, and the challenge that it says to have signed.

    Raises:
        PasskeyRefused: it cannot be read.
    """
    from fido2.utils import websafe_decode

    try:
        answer = json.loads(text)
        said = json.loads(websafe_decode(answer["response"]["clientDataJSON"]))
        return answer, _text(websafe_decode(answer["rawId"])), str(said["challenge"])
    except Exception as error:  # As above.
        raise PasskeyRefused(f"{type(error).__name__}: {error}") from error


def is_domain(name: str) -> bool:
    """Whether a host is a domain, and no address: passkeys are for domains.

    Example:
        >>> [is_domain(each) for each in ("example.org", "localhost", "127.0.0.1", "::1")]
        [True, True, False, False]
    """
    return ":" not in name and not name.rpartition(".")[2].isdigit() and bool(name)


def origin_of(url: str) -> str:
    """The origin of an address, as browsers write it.

    Example:
        >>> origin_of("https://Shop.example:443/app")
        'https://shop.example'
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port and (parts.scheme, parts.port) not in {("https", 443), ("http", 80)} else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def _from_here(answer: Mapping[str, Any]) -> None:
    """Refuse what was made in a frame of another site (§7.1, steps 10 and 11)."""
    from fido2.utils import websafe_decode

    said = json.loads(websafe_decode(answer["response"]["clientDataJSON"]))
    if said.get("crossOrigin") or said.get("topOrigin"):
        raise ValueError("it was made in a frame of another site")


def _is_key(key: Any) -> bool:
    """Whether a signature can be checked with a key: a new one has signed nothing yet."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return True
    return False


def _sound(found: Registered | Shown) -> None:
    if found.backed_up and not found.copyable:
        raise PasskeyRefused("a copy of what cannot be copied")


def _descriptor(row: Any) -> Any:
    from fido2.utils import websafe_decode
    from fido2.webauthn import PublicKeyCredentialDescriptor, PublicKeyCredentialType

    return PublicKeyCredentialDescriptor(
        type=PublicKeyCredentialType.PUBLIC_KEY, id=websafe_decode(row.credential), transports=row.transports or None
    )


def _text(data: bytes) -> str:
    from fido2.utils import websafe_encode

    return str(websafe_encode(data))
