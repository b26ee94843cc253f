"""A small authenticator in software: makes passkeys with keys on P-256 and signs with them, also wrongly."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets

import attrs
import pytest

pytest.importorskip("webauthn")

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    """Return bytes as WebAuthn writes them in JSON."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@attrs.define
class Authenticator:
    """One passkey; its fields can be set to lie."""

    origin: str
    host: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    credential_id: bytes = attrs.field(factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    handle: bytes = b""
    is_framed: bool = False

    def make(self, options: str) -> str:
        """Return the answer to the options of a new passkey."""
        asked = json.loads(options)
        self.handle = base64.urlsafe_b64decode(asked["user"]["id"] + "==")
        numbers = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + cose
        data = self._data(ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"clientDataJSON": self._client("webauthn.create", asked), "attestationObject": encode(statement)}
        return self._credential(response)

    def use(self, options: str) -> str:
        """Return the answer to the options of a sign-in."""
        client, data = self._client("webauthn.get", json.loads(options)), self._data(0)
        signed = data + hashlib.sha256(base64.urlsafe_b64decode(client + "==")).digest()
        response = {
            "clientDataJSON": client,
            "authenticatorData": encode(data),
            "signature": encode(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": encode(self.handle),
        }
        return self._credential(response)

    def _data(self, more: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([self.flags | more]) + self.count.to_bytes(4)

    def _client(self, kind: str, asked: dict[str, str]) -> str:
        client = {"type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": self.is_framed}
        return encode(json.dumps(client).encode())

    def _credential(self, response: dict[str, str]) -> str:
        name = encode(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
