"""A passkey made of a few lines: what a phone or a stick does when a browser asks it (WebAuthn level 2)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Device:
    """One key for one host. `verifies`: it asks for a finger; `counts`: it has a counter, as sticks do."""

    def __init__(self, host: str = "testserver", *, verifies: bool = True, counts: bool = True) -> None:
        self.host, self.verifies, self.counts = host, verifies, counts
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.count = 0

    def made(self, options: str, *, origin: str = "") -> str:
        """Answer `navigator.credentials.create()`."""
        asked = json.loads(options)
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        known = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        said = {"fmt": "none", "attStmt": {}, "authData": self._data(known)}
        return self._answer(
            {
                "clientDataJSON": text(self._client("webauthn.create", asked["challenge"], origin)),
                "attestationObject": text(cbor2.dumps(said)),
            }
        )

    def proves(self, options: str, *, origin: str = "") -> str:
        """Answer `navigator.credentials.get()`."""
        client = self._client("webauthn.get", json.loads(options)["challenge"], origin)
        data = self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature)}
        )

    def _data(self, known: bytes = b"") -> bytes:
        self.count += self.counts
        flags = 0x01 | (0x04 if self.verifies else 0) | (0x40 if known else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + known

    def _client(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": origin or f"http://{self.host}", "crossOrigin": False}
        ).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        return json.dumps(
            {
                "id": text(self.id),
                "rawId": text(self.id),
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )
