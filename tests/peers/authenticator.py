"""An authenticator in software that makes passkeys and assertions as WebAuthn has them, or as an attacker would like them."""

import json
import secrets
import struct
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, BACKUP, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(slots=True, kw_only=True)
class Authenticator:
    """One credential. `counts` is whether it counts what it signs; `verifies` whether it knows its owner."""

    host: str
    origin: str
    counts: bool = True
    verifies: bool = True
    synchronised: bool = False
    counter: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def make(self, options: str) -> str:
        """What a browser answers to the options for a registration (section 5.1)."""
        client = self._client_data("webauthn.create", options)
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        length = struct.pack(">H", len(self.credential))
        attested = bytes(16) + length + self.credential + cbor2.dumps(cose)
        data = self._data(ATTESTED) + attested
        made = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._answer({"clientDataJSON": client, "attestationObject": cbor2.dumps(made)})

    def prove(self, options: str, **changed: object) -> str:
        """What a browser answers to the options for an assertion; `changed` members of the client data are other ones."""
        client = self._client_data("webauthn.get", options, changed)
        data = self._data(0)
        signed = self.key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer({"clientDataJSON": client, "authenticatorData": data, "signature": signed})

    def _client_data(self, kind: str, options: str, changed: Mapping[str, object] | None = None) -> bytes:
        said = {"type": kind, "challenge": json.loads(options)["challenge"], "origin": self.origin}
        return json.dumps({**said, **(changed or {})}).encode()

    def _data(self, more: int) -> bytes:
        if self.counts:
            self.counter += 1
        flags = PRESENT | (VERIFIED if self.verifies else 0) | more
        flags |= BACKUP | BACKED_UP if self.synchronised else 0
        return sha256(self.host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter)

    def _answer(self, response: Mapping[str, bytes]) -> str:
        encoded = {name: text(value) for name, value in response.items()}
        id_ = text(self.credential)
        return json.dumps({"id": id_, "rawId": id_, "type": "public-key", "response": encoded})
