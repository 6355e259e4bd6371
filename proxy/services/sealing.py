"""Secrets that have to be read again, kept so that a copy of the database alone does not give them away."""

import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auth_plugins import Unavailable

_NONCE: Final = 12
"""Bytes (NIST SP 800-38D section 5.2.1.1)."""


@dataclass(frozen=True, slots=True)
class Seal:
    """AES-256-GCM by a key that is not in the database."""

    key: bytes = field(repr=False)
    """32 bytes for this purpose alone."""

    def close(self, secret: bytes, about: str) -> bytes:
        """What may be kept; `about` says whose it is, so that it opens for nobody else."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, secret, about.encode())

    def open(self, kept: bytes, about: str) -> bytes:
        """The secret. Raises Unavailable where it was closed with another key, or about something else."""
        try:
            return AESGCM(self.key).decrypt(kept[:_NONCE], kept[_NONCE:], about.encode())
        except (InvalidTag, ValueError) as error:
            detail = "what is kept was sealed with another secret than the one in state.directory; restore that secret"
            raise Unavailable("secret_unreadable", detail) from error

    def close_text(self, secret: str, about: str) -> str:
        """The same for text, and as text."""
        return b64encode(self.close(secret.encode(), about)).decode()

    def open_text(self, kept: str, about: str) -> str:
        """Raises Unavailable also where it was never closed."""
        try:
            sealed = b64decode(kept, validate=True)
        except ValueError:
            sealed = b""
        return self.open(sealed, about).decode()
