"""Signed texts: addresses and tokens that nobody else can make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

from wholestack.errors import Fault, SetupError

_PURPOSE = b"wholestack.files"


class Signer:
    """Signs with the first key, and knows what was signed with any of them.

    Example:
        >>> signer = Signer([b"a key of 16 bytes or more"])
        >>> signer.knows("get", "a.png", signer.sign("get", "a.png")), signer.knows("put", "a.png", "forged")
        (True, False)
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        # Derived, so that nothing that is signed elsewhere with the same key is good here.
        self._keys = [hmac.digest(key, _PURPOSE, "sha256") for key in keys]

    @property
    def has_key(self) -> bool:
        """Whether it can sign at all."""
        return bool(self._keys)

    def sign(self, purpose: str, text: str) -> str:
        """The signature of a text for one purpose (HMAC, RFC 2104, with SHA-256).

        Raises:
            SetupError: there is no key.
        """
        if not self._keys:
            message = "Addresses and uploads cannot be signed: there is no key."
            raise SetupError([Fault("no-files-key", message, "Files", NO_KEY)])
        return _signature(self._keys[0], purpose, text)

    def knows(self, purpose: str, text: str, signature: str) -> bool:
        """Whether a signature is one of ours; takes as long for any that is not."""
        given = signature.encode("utf-8", "replace")
        found = [hmac.compare_digest(_signature(key, purpose, text).encode(), given) for key in self._keys]
        return any(found)

    def token(self, purpose: str, content: dict[str, Any]) -> str:
        """A signed text that carries something, which its holder can read and not change."""
        body = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).rstrip(b"=").decode()
        return f"{body}.{self.sign(purpose, body)}"

    def read(self, purpose: str, token: str) -> dict[str, Any] | None:
        """What a token carries; None for one that is not ours or whose time (``expires``) is over."""
        body, _, signature = token.partition(".")
        if not self.knows(purpose, body, signature):
            return None
        content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return content if content["expires"] >= time.time() else None


NO_KEY = "Set FILES_KEY in the environment to a long random text, or give Files(key=…)."


def _signature(key: bytes, purpose: str, text: str) -> str:
    digest = hashlib.sha256
    mark = hmac.new(key, f"{purpose}\n{text}".encode("utf-8", "replace"), digest).digest()
    return base64.urlsafe_b64encode(mark).rstrip(b"=").decode()
