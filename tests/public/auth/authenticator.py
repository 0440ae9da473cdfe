"""A passkey in software: it answers as a browser with a security key does, and lies where a test says so."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(data: str) -> bytes:
    return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))


class Authenticator:
    """One passkey.

    Attributes:
        origin: whose pages the browser says it shows.
        flags: user present (1), user verified (4), may be copied (8), is copied (16).
        count: its counter; 0 for one that has none.
        said: more that the browser says it has seen.
    """

    def __init__(self, origin: str = "http://testserver", rp_id: str = "testserver") -> None:
        self.origin = origin
        self.rp_id = rp_id
        self.flags = 1 | 4
        self.count = 0
        self.said: dict[str, Any] = {}
        self.id = secrets.token_bytes(32)
        self.handle = b""
        self.key: Any = ec.generate_private_key(ec.SECP256R1())
        self.cose: Any = ES256.from_cryptography_key(self.key.public_key())

    def create(self, options: Any, **different: Any) -> str:
        """What it answers to the options for a new one, as the script sends it."""
        asked = options["publicKey"]
        self.handle = raw(asked["user"]["id"])
        made = b"\0" * 16 + len(self.id).to_bytes(2, "big") + self.id + cbor.encode(dict(self.cose))
        data = self._data(0x40) + made
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._said("webauthn.create", asked["challenge"])
        response = {"clientDataJSON": text(said), "attestationObject": text(statement), "transports": ["internal", 7]}
        return self._answer({**response, **different})

    def show(self, options: Any, **different: Any) -> str:
        """What it answers to the options to show one, as the script sends it."""
        said = self._said("webauthn.get", options["publicKey"]["challenge"])
        data = self._data(0)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": text(said),
            "authenticatorData": text(data),
            "signature": text(signature),
            "userHandle": text(self.handle),
        }
        return self._answer({**response, **different})

    def _data(self, flags: int) -> bytes:
        if self.count:
            self.count += 1
        head = hashlib.sha256(self.rp_id.encode()).digest()
        return head + bytes([self.flags | flags]) + self.count.to_bytes(4, "big")

    def _said(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, **self.said}).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        kept = {name: value for name, value in response.items() if value is not None}
        return json.dumps({"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": kept})
